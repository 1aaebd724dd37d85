"""Optimisation of the pose on image similarity: the default method, coarse to fine, and the published one (Adam)."""
