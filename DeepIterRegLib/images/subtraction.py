"""Makes raw or subtracted frames, with dark or bright vessels, into what is registered: subtracted, vessels dark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.robust_statistics import robust_sigma
from DeepIterRegLib.images.xa_pixels import Kind

Frames = npt.NDArray[np.float32]

LOOKED_AT_PX = 256
"""Images are judged at about this size: noise averages out, and arteries are still there."""
JUDGED_FRAMES = 12
MAX_SPREAD_OF_DEPTH = 0.42
"""Spread of a subtracted frame's background, in units of the depth of its vessels. Measured: 0.01 to 0.33 in subtracted
runs (rotational-head, venous-sequence, phantom), 0.48 to 1.4 in the logarithm of raw ones (xa-dicom)."""
MAX_SPREAD_OF_LEVEL = 0.4
"""The same in units of the background's distance from black (or white): 0.05 to 0.30, against 0.53 to 2.1 in raw
frames proportional to the intensity."""
MAX_SPREAD = 0.6
"""Both together: 0.02 to 0.52 in subtracted runs and single frames of them, 0.69 to 1.4 in raw ones, single frames and
negatives included, away from borders."""
MAX_SPREAD_AS_ACQUIRED = 0.35
"""The same where the file says that its pixels are as they were acquired, which subtracted ones are not: 0.45 and more
in raw frames of 128 pixels, of whose head the border leaves little but brain."""
MAX_SPREAD_AS_SUBTRACTED = 1.0
"""The same where the file says that its pixels are subtracted: twice as uneven as any such run that was measured, with
the ghosts of a head that moves."""
CLEAR_TAILS = 1.5
"""One tail of the histogram outweighs the other by this factor where the vessels are on its side."""


@dataclass(frozen=True)
class Appearance:
    """What a run looks like, on a coarse grid."""

    background_spread: float
    """Between the 10th and 90th percentile of the local background of a frame (median over the frames)."""
    dark_depth: float
    bright_depth: float
    """How far the 0.1 % of the pixels that are most unlike their surroundings go below and above it."""
    dark_weight: float
    bright_weight: float
    """Mean square of what lies below and above the noise."""
    noise: float
    """Standard deviation of the coarse pixels where nothing is (from the median absolute deviation)."""
    low: float
    middle: float
    """5th and 50th percentile of the pixels."""

    @property
    def depth(self) -> float:
        return max(self.dark_depth, self.bright_depth)


def coarse(frames: Frames, valid: BoolArray) -> tuple[Frames, BoolArray]:
    """Some of the frames, averaged over blocks of pixels to about 256 px, and where those blocks are valid."""
    step = max(1, len(frames) // JUDGED_FRAMES)
    picked = frames[::step]
    factor = max(1, min(frames.shape[1:]) // LOOKED_AT_PX)
    rows, columns = (n // factor * factor for n in frames.shape[1:])
    blocks = picked[:, :rows, :columns].reshape(len(picked), rows // factor, factor, columns // factor, factor)
    visible = valid[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor).all(axis=(1, 3))
    # Away from the shutter's edge, whose blur is stronger than any vessel; but something has to be left to judge.
    inner = ndimage.binary_erosion(visible, iterations=3, border_value=1)
    chosen = np.asarray(inner if inner.any() else visible if visible.any() else ~visible)
    averages: Frames = blocks.mean(axis=(2, 4), dtype=np.float32)
    return averages, chosen


def appearance(frames: Frames, valid: BoolArray) -> Appearance:
    """Measure a run: frames (T, rows, columns) where valid (rows, columns)."""
    small, inside = coarse(frames, valid)
    spreads, lows, highs, noises = [], [], [], []
    for frame in small:
        filled = np.where(inside, frame, np.median(frame[inside]))
        background = local_background(filled)
        residual = (filled - background)[inside]
        spreads.append(float(np.subtract(*np.percentile(background[inside], [90, 10]))))
        noises.append(robust_sigma(residual - np.median(residual)))
        lows.append(residual)
        highs.append(residual)
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    noise = float(np.median(noises))
    # The extremes of T noisy frames reach beyond one frame's noise by this much.
    reach = noise * (3.0 + np.sqrt(2 * np.log(max(len(small), 1))))
    return Appearance(
        float(np.median(spreads)),
        float(-np.percentile(low, 0.1)),
        float(np.percentile(high, 99.9)),
        float(np.mean(np.maximum(-low - reach, 0) ** 2)),
        float(np.mean(np.maximum(high - reach, 0) ** 2)),
        noise,
        *(float(x) for x in np.percentile(small[:, inside], [5, 50])),
    )


def local_background(image: Frames) -> Frames:
    """What is left of an image when everything as narrow as a vessel is taken out: a wide median."""
    thin = image[::4, ::4]
    wide = ndimage.median_filter(thin, size=11, mode="nearest")
    return ndimage.zoom(wide, np.divide(image.shape, wide.shape), order=1, mode="nearest", grid_mode=True)


def is_subtracted(seen: Appearance, brightest: float | None = None, told: Kind | None = None) -> bool:
    """Whether the background is flat, as only subtraction makes it: skull and soft tissue are gone.

    brightest: the largest value that the file can hold, where there is one (255 for 8 bits). told: what the header says
    the pixels are; only pixels that clearly contradict it are believed instead.
    """
    if seen.low < 0 and abs(seen.middle) < -seen.low:
        return True  # Centred on zero: no detector counts negative quanta.
    level = seen.middle if brightest is None else min(seen.middle, brightest - seen.middle)
    if level <= 0 or seen.depth <= 0:
        return seen.background_spread <= 0
    of_depth, of_level = seen.background_spread / seen.depth, seen.background_spread / level
    if told == "subtracted":
        return of_depth + of_level <= MAX_SPREAD_AS_SUBTRACTED
    most = MAX_SPREAD_AS_ACQUIRED if told == "raw" else MAX_SPREAD
    return of_depth <= MAX_SPREAD_OF_DEPTH and of_level <= MAX_SPREAD_OF_LEVEL and of_depth + of_level <= most


def logarithm(intensity: Frames) -> Frames:
    """Of pixels proportional to the X-ray intensity: what adds up along a ray (Beer-Lambert), so that a difference is
    proportional to a vessel's length. Black pixels count as the first grey level."""
    return np.log(np.maximum(intensity, np.float32(1)))


def vessels_are_bright(seen: Appearance) -> bool | None:
    """Which side of the background the vessels are on; None where neither side clearly outweighs the other.

    Vessels are the strongest structures of a subtracted run. Motion leaves pairs of dark and bright edges, which weigh
    on both sides alike.
    """
    if seen.dark_weight > CLEAR_TAILS * seen.bright_weight:
        return False
    if seen.bright_weight > CLEAR_TAILS * seen.dark_weight:
        return True
    return None
