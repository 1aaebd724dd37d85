"""The skull in the noise of a subtracted run: where bone stands in the beam, fewer quanta arrive and flicker more.

A pixel's variance over time is about the reciprocal of its quanta (Poisson), so its logarithm is the attenuation. The
mask's own noise is the same in all frames, and no frame shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.head_motion import mean_of_blocks
from DeepIterRegLib.preparation.skull.image import SkullImage

LEAST_FRAMES = 6
"""Fewer have four second differences over time at most, of which one may be contrast or motion."""
QUIETEST = 0.75
"""Share of the differences over time that counts: the largest are contrast that arrives and a head that moves."""
BLOCK_PX = 2
"""Variances are kept for blocks of so many pixels: finer than any image that is compared."""
CODEC_PX = 8
"""Edge of the blocks of JPEG, and of the transforms of video codecs."""
BLOCKY = 0.08
"""How much the steps between the codec's blocks may differ from the steps within them; noise gives 0.01."""
JUDGED_PX = 64
"""The two halves of a run are compared at about this size, that of the coarsest level: at finer ones noise lowers the
correlation by itself."""
LEAST_TRUST = 0.15
"""Of a noise image; below it the skull cannot be told from the noise of the noise."""
BLOCKY_DOUBT = 2.0
"""How fast trust falls with the steps between blocks: they tell how coarsely the codec rounds, which takes the noise
away where there is little of it (docs/measurements/skull.md)."""


@dataclass(frozen=True, eq=False)
class NoiseImage:
    """What the noise of a run shows, and why it may not be trusted."""

    image: SkullImage | None
    """None where there is too little noise, or too few frames."""
    doubt: str | None
    """What of the run is to blame if it is left out or weighs less; None where it is as clear as a run allows."""


def noise_image(frames: npt.NDArray[np.float32], valid: BoolArray) -> NoiseImage:
    """Of subtracted frames (T, rows, columns), where valid (rows, columns)."""
    if len(frames) < LEAST_FRAMES:
        return NoiseImage(None, "is a single frame" if len(frames) == 1 else f"has only {len(frames)} frames")
    squares = _squared_noise(frames)
    steps = _blockiness(frames, valid)
    blocky = steps > BLOCKY
    # Halves that share no frame, or their noise would agree with itself.
    half = (len(squares) - 2) // 2
    first, last = (_variance(part, valid.shape, blocky) for part in (squares[:half], squares[-half:]))
    trust = _agreement(first, last, valid)
    if blocky:
        trust /= 1 + BLOCKY_DOUBT * steps
    if trust < LEAST_TRUST:
        return NoiseImage(None, "has hardly any noise left (compressed or averaged)")
    doubt = "was compressed with loss" if blocky else None
    return NoiseImage(SkullImage(_variance(squares, valid.shape, blocky), True, valid, "noise", trust), doubt)


def _squared_noise(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(T - 2, R, C) squares of second differences over time, less their neighbourhood's mean, as means over blocks.

    Slow contrast cancels in the differences, what is wider than a pixel in the neighbourhood's mean.
    """
    rows, columns = (n // BLOCK_PX for n in frames.shape[1:])
    squares = np.empty((len(frames) - 2, rows, columns), dtype=np.float32)
    half = np.float32(0.5)
    for number, (before, now, after) in enumerate(zip(frames, frames[1:], frames[2:], strict=False)):
        difference = now - half * (before + after)
        difference -= _box(difference)
        difference *= difference
        squares[number] = mean_of_blocks(difference, BLOCK_PX)
    return squares


def _box(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean over 3 x 3 pixels, edges repeated: additions in place, several times as fast as a general filter."""
    across = image.copy()
    across[:, 1:] += image[:, :-1]
    across[:, 0] += image[:, 0]
    across[:, :-1] += image[:, 1:]
    across[:, -1] += image[:, -1]
    total = across.copy()
    total[1:] += across[:-1]
    total[0] += across[0]
    total[:-1] += across[1:]
    total[-1] += across[-1]
    total *= np.float32(1 / 9)
    return total


def _variance(squares: npt.NDArray[np.float32], shape: tuple[int, ...], blocky: bool) -> npt.NDArray[np.float32]:
    """(rows, columns) noise variance of a run, its greatest differences left out."""
    kept = max(1, round(QUIETEST * len(squares)))
    variance = np.partition(squares, kept - 1, axis=0)[:kept].mean(axis=0)
    if blocky:
        # As wide as a codec's blocks: their pattern has no mean over that.
        variance = ndimage.uniform_filter(variance, CODEC_PX // BLOCK_PX, mode="nearest")
    large = variance.repeat(BLOCK_PX, axis=0).repeat(BLOCK_PX, axis=1)
    missing = [(0, n - m) for n, m in zip(shape, large.shape, strict=True)]
    return np.pad(large, missing, mode="edge") if any(after for _, after in missing) else large


def _blockiness(frames: npt.NDArray[np.float32], valid: BoolArray) -> float:
    """How far the mean step over a codec's block edges is from the mean step elsewhere, relative to it."""
    picked = frames[:: max(1, len(frames) // 6)]
    found = []
    for axis in (1, 2):
        steps = np.abs(np.diff(picked, axis=axis)).mean(axis=0)
        both = valid[1:] & valid[:-1] if axis == 1 else valid[:, 1:] & valid[:, :-1]
        profile = (steps * both).sum(axis=2 - axis) / np.maximum(both.sum(axis=2 - axis), 1)
        profile = profile[: len(profile) // CODEC_PX * CODEC_PX]
        if len(profile) < 4 * CODEC_PX:
            return 0.0
        # Differences to the neighbours, so that the skull's own course over the image does not matter.
        local = profile / np.maximum(ndimage.uniform_filter1d(profile, 2 * CODEC_PX + 1), 1e-12)
        phases = local.reshape(-1, CODEC_PX)
        by_phase = np.median(phases, axis=0)
        found.append(float(np.abs(by_phase - np.median(by_phase)).max()))
    return max(found)


def _agreement(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], valid: BoolArray) -> float:
    """0 to 1: how well the edges in the noise of two halves of a run agree, as of the whole run (Spearman, Brown)."""
    factor = max(1, min(valid.shape) // JUDGED_PX)
    one, counts = SkullImage(first, True, valid, "noise").binned(factor)
    other, _ = SkullImage(second, True, valid, "noise").binned(factor)
    correlation = _edge_correlation(one, other, counts)
    return max(0.0, 2 * correlation / (1 + correlation))


def _edge_correlation(one: FloatArray, other: FloatArray, counts: BoolArray) -> float:
    """Cosine between the gradient fields of two (rows, columns) images, where the pixels count and their neighbours
    do."""
    inner = ndimage.binary_erosion(counts)
    fields = [
        np.stack([ndimage.sobel(image, axis)[inner] for axis in (0, 1)]).astype(np.float64) for image in (one, other)
    ]
    energy = float(np.sqrt((fields[0] ** 2).sum() * (fields[1] ** 2).sum()))
    return float((fields[0] * fields[1]).sum()) / energy if energy > 0 else 0.0
