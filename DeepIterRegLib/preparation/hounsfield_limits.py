"""Brightnesses on Hounsfield's scale that need no measuring."""

from __future__ import annotations

AIR_BELOW_HU = -300.0
"""Below it lies air, above it fat, soft tissue and everything denser."""
