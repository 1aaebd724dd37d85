"""Vessels of a 3DRA: a cone-beam reconstruction that shows nothing but contrast, in arbitrary units."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.common.robust_statistics import robust_sigma
from DeepIterRegLib.preparation.components import touching
from DeepIterRegLib.preparation.levels import otsu_threshold

NOISE_SIGMAS = 5.0
SEED_FACTOR = 2.0
"""A component is a vessel when some voxel of it is this many times brighter than the threshold: noise that passes the
threshold hardly ever does, a thin artery does somewhere along its way."""
SMALLEST_VESSEL_MM3 = 8.0
"""About 10 mm of an artery of 1 mm diameter; what is smaller and connected to nothing is noise."""
HAZE_MM = 3.0
"""Standard deviation of the smoothing that tells haze (scatter, truncation, streaks) from vessels."""
FULL_PERCENTILE = 99.0
"""Of the vessel voxels: the brightness of a voxel that is all contrast (the largest artery's lumen)."""


def segment_rotational(voxels: FloatArray | IntArray, voxel_mm3: float) -> tuple[BoolArray, FloatArray]:
    """Vessel mask (K, J, I) and fill (K, J, I), 0 to 1 and in proportion to the brightness, of a 3DRA.

    The threshold is five standard deviations of the background. Where the scanner cut the noise off (a background of
    exact zeros has no standard deviation) it is Otsu's on the logarithm of what is left: noise makes a narrow peak
    there, vessels a long tail, since brightness falls with the vessel's size (partial volume).
    Both are empty where nothing stands out of the background.
    """
    values = voxels.astype(np.float32, copy=False)
    background, noise = _background(values)
    brightness = np.maximum(values - background, 0.0)
    above = brightness[brightness > noise]
    if above.size == 0:
        return np.zeros(values.shape, dtype=bool), np.zeros(values.shape, dtype=np.float32)
    threshold = max(NOISE_SIGMAS * noise, float(np.exp(otsu_threshold(np.log(above)))))
    smallest = max(2, round(SMALLEST_VESSEL_MM3 / voxel_mm3))
    contrast = brightness - _haze(np.minimum(brightness, threshold), voxel_mm3 ** (1 / 3))
    likely = (brightness >= threshold) & (contrast >= threshold / 2)
    vessels = touching(likely, brightness >= SEED_FACTOR * threshold, smallest)
    if not vessels.any():
        return vessels, np.zeros_like(brightness)
    full = float(np.percentile(contrast[vessels], FULL_PERCENTILE))
    return vessels, np.clip(contrast / full, 0.0, 1.0)


def _haze(capped: FloatArray, edge_mm: float) -> FloatArray:
    """The slowly varying part of the contrast; capped at the threshold first, so that vessels hardly count in it."""
    return sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sitk.GetImageFromArray(capped), HAZE_MM / edge_mm))


def _background(values: FloatArray) -> tuple[float, float]:
    """Level and standard deviation of what is no vessel (most of a 3DRA; exactly 0 where the scanner cut it off)."""
    sample = values[::2, ::2, ::2]
    level = float(np.median(sample))
    return level, robust_sigma(sample - level)
