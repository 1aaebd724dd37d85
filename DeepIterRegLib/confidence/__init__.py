"""How sure a registration is: what the images say about it, and what follows from that."""
