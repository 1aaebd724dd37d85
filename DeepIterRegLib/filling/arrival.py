"""When contrast arrives at each branch: the times at which its curve over the frames is at half of its peak, and at it.

Such curves and times are reviewed by Shpilfoygel et al. 2000, Med Phys 27:2008, "X-ray videodensitometric methods for
blood flow and velocity measurement".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.filling.evidence import THIN_MM, BranchView
from DeepIterRegLib.preparation.background import flattened
from DeepIterRegLib.preparation.phases import curve_noise
from DeepIterRegLib.preparation.prepared import PreparedAngiogram

LEAST_FRAMES = 4
OWN = 0.7
"""Share of the vessel along a ray that is a branch's from which on a pixel's contrast is that branch's."""
BESIDE_PX = 1.0
"""Standard deviation by which a branch is blurred: a good pose is off by as much."""
LEAST_MM2 = 6.0
"""Of the run's vessels that are a branch's alone."""
CERTAIN = 6.0
"""Standard deviations of the curve's noise that its peak must reach."""


@dataclass(frozen=True, eq=False)
class Arrival:
    """Of B branches in one run. NaN where the run does not tell: not filled, hidden by others, too faint."""

    half: FloatArray
    """(B,) when the contrast is at half of its peak: seconds since the first frame, or frames where the file says no
    times."""
    half_sd: FloatArray
    """(B,) its standard deviation: of the curve's noise, and an interval between frames."""
    peak: FloatArray
    """(B,) when it is at its peak, to the frame."""
    in_seconds: bool


def arrival(view: BranchView, prepared: PreparedAngiogram, pose: FloatArray, filled: BoolArray) -> Arrival | None:
    """Of each branch at a pose (4, 4). view: of that run. filled: (B,) which of them the run fills. None for a run of
    too few frames."""
    angiogram = prepared.angiogram
    if len(angiogram.frames) < LEAST_FRAMES:
        return None
    weights = own_pixels(view, prepared, pose)
    chosen = np.flatnonzero(filled & (weights.sum(axis=(1, 2)) > 0))
    times = np.arange(len(angiogram.frames), dtype=np.float64)
    if angiogram.frame_times_s is not None:
        times = np.asarray(angiogram.frame_times_s, dtype=np.float64)
    half, half_sd, peak = (np.full(len(filled), np.nan) for _ in range(3))
    if len(chosen):
        curves = contrast_curves(prepared, view.factor, weights[chosen])
        half[chosen], half_sd[chosen], peak[chosen] = times_of(curves, times)
    return Arrival(half, half_sd, peak, angiogram.frame_times_s is not None)


def own_pixels(view: BranchView, prepared: PreparedAngiogram, pose: FloatArray) -> FloatArray:
    """(B, rows, columns) weights of the coarse pixels whose contrast is a branch's alone; all 0 where they are few."""
    lengths = np.stack([ndimage.gaussian_filter(length, BESIDE_PX) for length in view.lengths(pose)])
    total = lengths.sum(axis=0)
    vessels = binned(prepared.vessels.astype(np.float32), view.factor)
    own = (lengths >= OWN * total) & (lengths > THIN_MM / 4)
    weights = np.where(own, vessels, 0.0)
    pixel_mm2 = float(np.prod(prepared.angiogram.carm.binned(view.factor).pixel_spacing_mm))
    weights[weights.sum(axis=(1, 2)) * pixel_mm2 < LEAST_MM2] = 0
    return weights


def contrast_curves(prepared: PreparedAngiogram, factor: int, weights: FloatArray) -> FloatArray:
    """(T, B) mean contrast over (B, rows, columns) weights of coarse pixels, none of which is all 0."""
    angiogram = prepared.angiogram
    valid = binned(angiogram.valid.astype(np.float32), factor) > 0.99
    flat = weights.reshape(len(weights), -1)
    flat = flat / flat.sum(axis=1, keepdims=True)
    return np.stack([flat @ flattened(binned(frame, factor), valid).ravel() for frame in angiogram.frames])


def times_of(curves: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(B,) each, half, its standard deviation, and peak, of (T, B) curves whose background is 0 at (T,) times.

    Half of the peak is interpolated between frames; a curve that begins above it has arrived at the first frame. NaN
    for curves that do not rise above their noise.
    """
    number = curves.shape[1]
    padded = np.pad(curves, ((1, 1), (0, 0)), mode="edge")
    smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    top = smooth.argmax(axis=0)
    height = smooth[top, np.arange(number)]
    noise = curve_noise(curves)
    first = (smooth >= height / 2).argmax(axis=0)
    before = np.maximum(first - 1, 0)
    each = np.arange(number)
    low, high = smooth[before, each], smooth[first, each]
    rise = np.maximum(high - low, 1e-12)
    share = np.where(first > 0, np.clip((height / 2 - low) / rise, 0, 1), 0.0)
    step = times[first] - times[before]
    half = times[before] + share * step
    # The three-point mean keeps sqrt(3/8) of the noise.
    slope = np.where(first > 0, rise / np.maximum(step, 1e-12), np.inf)
    half_sd = np.hypot(np.sqrt(3 / 8) * noise / slope, np.median(np.diff(times)))
    peak = times[top].astype(np.float64)
    faint = height < CERTAIN * np.sqrt(3 / 8) * noise
    faint |= height <= 0
    return tuple(np.where(faint, np.nan, values) for values in (half, half_sd, peak))  # type: ignore[return-value]
