"""Lengths of a head that several modules agree on. Registered poses depend on each of them."""

from __future__ import annotations

ROTATION_LEVER_MM = 100.0
"""One radian counts as this many mm where an optimiser steps through rotations and translations at once: a little more
than the head's radius, so that equal steps move the head's surface about equally far."""

SURFACE_RADIUS_MM = 70.0
"""From the CTA's centre to the head's surface, on average: turns a correction's rotation into the mm it moves there."""
