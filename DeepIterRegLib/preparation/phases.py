"""Arteries and veins of a run, told apart by when the contrast arrives.

Arteries fill first and wash out; the large veins fill seconds later. Every vessel pixel has a curve of contrast over
the frames. Otsu's threshold on the times of arrival splits the run into an arterial and a venous phase; a pixel where
an artery crosses a vein has both an early filling and, after the artery's wash-out, a late one, and belongs to both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.robust_statistics import SIGMA_OF_MEDIAN_DEVIATION

EARLY_SHARE, LATE_SHARE = 0.45, 0.4
"""Of a pixel's greatest contrast: what it must reach in the arterial phase to be artery, and must gain after the
arterial peak to be vein."""
CERTAIN_GAIN = 4.0
"""The gain must also exceed this many standard deviations of the noise."""
VALLEY = 0.7
"""Between arteries and veins fewer pixels fill, by this factor, than at the height of the smaller of the two."""
LEAST_CLASS = 0.03
"""Share of all contrast: less than this before or after a valley are ghosts, not vessels."""
WASHED_OUT = 0.6
"""Share of its peak below which the mean curve of the arteries must have fallen for a late class to be veins."""


@dataclass(frozen=True, eq=False)
class Phases:
    """When a run's arteries give way to its veins."""

    split: int
    """First frame of the venous phase; equal to the number of frames where the run ends before the veins fill."""
    early: npt.NDArray[np.float32]
    """(N,) greatest contrast of each vessel pixel in the arterial phase."""
    late: npt.NDArray[np.float32]
    """(N,) greatest gain of contrast after the arteries' peak."""
    is_artery: BoolArray
    """(N,)."""
    is_vein: BoolArray
    """(N,) both are True where an artery crosses a vein."""


def split_phases(curves: FloatArray) -> Phases:
    """Tell arteries from veins by their curves (T, N): contrast over the frames of each vessel pixel, T >= 2."""
    count = len(curves)
    peak = np.maximum(curves.max(axis=0), 1e-12)
    arrival = (curves >= 0.5 * peak).argmax(axis=0)
    split = _split(np.bincount(arrival, peak, minlength=count).astype(np.float64))
    first = arrival < split
    if first.all() or not first.any():
        return _only_arteries(curves)
    # Weighted by depth, so that the large vessels, whose curves are clean, speak loudest.
    artery_curve = (curves[:, first] * peak[first]).sum(axis=1)
    vein_curve = (curves[:, ~first] * peak[~first]).sum(axis=1)
    arterial_peak, venous_peak = int(artery_curve.argmax()), int(vein_curve.argmax())
    if venous_peak <= arterial_peak or artery_curve[venous_peak] > WASHED_OUT * artery_curve[arterial_peak]:
        return _only_arteries(curves)
    early = curves[:split].max(axis=0)
    # A late artery may still be rising when the carotid has peaked: each pixel's wash-out counts from its own peak.
    after_peak = np.arange(count)[:, None] >= curves[:split].argmax(axis=0)
    lowest = np.minimum.accumulate(np.where(after_peak, curves, np.inf), axis=0)
    gain = (curves - lowest)[split:].max(axis=0)
    is_vein = gain > np.maximum(LATE_SHARE * peak, CERTAIN_GAIN * curve_noise(curves))
    is_artery = (early > EARLY_SHARE * peak) | ~is_vein
    return Phases(split, early.astype(np.float32), gain.astype(np.float32), is_artery, is_vein)


def _only_arteries(curves: FloatArray) -> Phases:
    count, pixels = curves.shape
    early = curves.max(axis=0).astype(np.float32)
    return Phases(count, early, np.zeros_like(early), np.ones(pixels, dtype=bool), np.zeros(pixels, dtype=bool))


def curve_noise(curves: FloatArray) -> FloatArray:
    """(N,) standard deviation of each pixel's noise; 0 for fewer than three frames.

    From second differences, which a bolus hardly changes; their median spares the frames where it does.
    """
    if len(curves) < 3:
        return np.zeros(curves.shape[1], dtype=curves.dtype)
    return np.median(np.abs(np.diff(curves, n=2, axis=0)), axis=0) * SIGMA_OF_MEDIAN_DEVIATION / np.sqrt(6)


def _split(histogram: FloatArray) -> int:
    """First frame of the venous phase, from how much fills in each; the number of frames where there is none.

    Otsu's threshold halves the arteries where veins are few, which shows by its not lying in a valley; then the
    deepest valley is taken.
    """
    count = len(histogram)
    split = _otsu(histogram)
    smooth = np.convolve(np.pad(histogram, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    places = np.arange(1, count)
    heights = np.array([min(smooth[:k].max(), smooth[k:].max()) for k in places])
    depth = smooth[places] / np.maximum(heights, 1e-12)
    if depth[max(split - 2, 0) : split + 1].min() <= VALLEY:
        return split
    before = np.cumsum(histogram)[:-1] / histogram.sum()
    depth[(before < LEAST_CLASS) | (before > 1 - LEAST_CLASS)] = np.inf
    return int(places[depth.argmin()]) if depth.min() <= VALLEY else count


def _otsu(histogram: FloatArray) -> int:
    """First bin of the upper class that makes the variance between the classes greatest (Otsu 1979)."""
    bins = np.arange(len(histogram))
    below = np.cumsum(histogram)[:-1]
    above = histogram.sum() - below
    mean_below = np.cumsum(histogram * bins)[:-1] / np.maximum(below, 1e-12)
    mean_above = ((histogram * bins).sum() - mean_below * below) / np.maximum(above, 1e-12)
    between = below * above * (mean_above - mean_below) ** 2
    # Empty bins between the classes tie; the middle of the tie is the fairest split.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return int(best[len(best) // 2]) + 1
