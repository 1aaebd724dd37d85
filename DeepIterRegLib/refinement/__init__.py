"""Optimisation of the pose on image similarity: the published stages of Adam, and the default, coarse to fine."""
