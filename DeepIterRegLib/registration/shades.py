"""How grey a DSA and how strongly its vessels are shown: the same in files, in the scene and in the blind reading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray

Greys = npt.NDArray[np.uint8]
GREY_PERCENTILES = (0.2, 99.5)
FULL_STRENGTH_PERCENTILE = 98
"""Of the pixels that show a vessel: where it is drawn most strongly. The carotids alone would set it otherwise."""
LEAST_WINDOW = 1e-6
"""Grey values: an image of one grey has a window, too."""


def grey_window(minip: npt.NDArray[np.float32], valid: BoolArray) -> tuple[float, float]:
    """Grey values from the darkest vessels to the brightest background, leaving out what a shutter covers."""
    low, high = np.percentile(minip[valid] if valid.any() else minip, GREY_PERCENTILES)
    return float(low), float(max(high, low + LEAST_WINDOW))


def grey_image(minip: npt.NDArray[np.float32], valid: BoolArray, window: tuple[float, float]) -> Greys:
    """(rows, columns) the DSA as a slice view with that window shows it, but black behind a shutter."""
    low, high = window
    grey = 255 * np.clip((minip.astype(np.float32) - low) / max(high - low, LEAST_WINDOW), 0, 1)
    return np.where(valid, np.rint(grey), 0).astype(np.uint8)


def background_brightness(minip: npt.NDArray[np.float32], valid: BoolArray, window: tuple[float, float]) -> float:
    """0 to 1: how bright the DSA is shown where there is no vessel."""
    if not valid.any():
        return 1.0
    low, high = window
    return float(np.clip((np.median(minip[valid]) - low) / max(high - low, LEAST_WINDOW), 0, 1))


def full_strength_mm(drrs: npt.NDArray[np.float32]) -> float:
    """Length of vessel along a ray, mm, that is drawn most strongly, from DRRs of any shape."""
    vessels = drrs[drrs > 0]
    return float(np.percentile(vessels, FULL_STRENGTH_PERCENTILE)) if vessels.size else 1.0
