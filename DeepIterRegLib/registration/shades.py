"""How grey a DSA and how red a DRR is shown: the same in overlay.png and in the scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RED = np.array([0.92, 0.08, 0.10], dtype=np.float32)
GREY_PERCENTILES = (0.2, 99.5)
FULL_RED_PERCENTILE = 98
"""Of the pixels that show a vessel: where the tint is strongest. The carotids alone would set it otherwise."""


def grey_image(minip: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Grey values 0 to 1 between the darkest vessels and the brightest background, shutters black."""
    low, high = grey_window(minip, valid)
    return np.where(valid, np.clip((minip - low) / (high - low), 0, 1), 0).astype(np.float32)


def grey_window(minip: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Grey values from the darkest vessels to the brightest background, leaving out what a shutter covers."""
    low, high = np.percentile(minip[valid] if valid.any() else minip, GREY_PERCENTILES)
    return float(low), float(max(high, low + 1e-6))


def full_red_length_mm(drrs: npt.NDArray[np.float32]) -> float:
    """Length of vessel along a ray, mm, that gets the strongest tint in DRRs of any shape."""
    vessels = drrs[drrs > 0]
    return float(np.percentile(vessels, FULL_RED_PERCENTILE)) if vessels.size else 1.0
