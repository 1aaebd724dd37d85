"""Brightnesses on Hounsfield's scale that need no measuring."""

from __future__ import annotations

AIR_BELOW_HU = -300.0
"""Below it lies air, above it fat, soft tissue and everything denser."""
BRAIN_HU = 35.0
"""Grey and white matter, where the brain is not looked for."""
