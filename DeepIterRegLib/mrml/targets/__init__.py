"""Targets in the scene: Markups on the vessels, and where every DSA shows them."""
