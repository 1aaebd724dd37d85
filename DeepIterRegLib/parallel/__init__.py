"""Work for several processes: on this machine, or the workers of a Dask scheduler."""
