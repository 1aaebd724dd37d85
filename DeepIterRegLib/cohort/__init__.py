"""Many patients by one table: read it, register all of them, look at the results on one page."""
