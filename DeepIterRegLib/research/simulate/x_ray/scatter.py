"""Scattered X-rays and veiling glare: light from everywhere, that no edge shows in and that pales all contrast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.research.simulate.x_ray.doubling import doubled

Image = npt.NDArray[np.float32]
GLOW_MM, FAR_GLOW_MM = 14.0, 55.0
"""Widths, on the detector, of the two Gaussians that the scattered light is spread by."""
TIMES_SMALLER = 4


def scattered(primary: Image, fraction: float, pixel_mm: float, brightest: float) -> Image:
    """(rows, columns) scattered quanta to be added to the primary ones.

    fraction: scattered of all quanta behind the head, on average. brightest: the primary's value that counts at most:
    next to the head the beam meets no scatterer.
    """
    if fraction <= 0:
        return np.zeros_like(primary)
    times = TIMES_SMALLER
    while times and (primary.shape[0] % 2**times or primary.shape[1] % 2**times):
        times -= 1
    step = 2**times
    rows, columns = primary.shape[0] // step, primary.shape[1] // step
    small = np.minimum(primary, brightest).reshape(rows, step, columns, step).mean(axis=(1, 3))
    pixel_mm *= step
    glow = 0.5 * ndimage.gaussian_filter(small, GLOW_MM / pixel_mm, mode="nearest")
    glow += 0.5 * ndimage.gaussian_filter(small, FAR_GLOW_MM / pixel_mm, mode="nearest")
    return doubled((fraction / (1 - fraction) * glow).astype(np.float32), times)
