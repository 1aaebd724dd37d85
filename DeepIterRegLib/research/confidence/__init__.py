"""Learning how sure a registration is, from registrations whose truth is known."""
