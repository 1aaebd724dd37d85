"""A head of shells and its quanta, frame by frame: what the noise of a subtracted run is made of."""

from __future__ import annotations

import io

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

SIZE_PX = 256
QUANTA = 4000.0
"""Per pixel, in air."""


def attenuation(size_px: int = SIZE_PX) -> FloatArray:
    """(size, size) nats: soft tissue, a vault, and bones in the base that are not the same left and right."""
    row, column = np.mgrid[:size_px, :size_px] * (256 / size_px)
    radius = np.hypot((row - 128) / 115, (column - 120) / 95)
    tissue = 1.6 * np.sqrt(np.clip(1 - radius**2, 0, None))
    vault = 1.2 * np.exp(-(((radius - 0.86) / 0.05) ** 2))
    petrous = 1.5 * np.exp(-(((row - 170 - (column - 120) / 3) / 8) ** 2) - ((column - 135) / 30) ** 2)
    orbit = 0.9 * np.exp(-(((np.hypot(row - 150, column - 60) - 20) / 4) ** 2))
    clips = 0.8 * ((abs(row - 90) < 4) & (abs(column - 150) < 18))
    return tissue + vault + petrous + orbit + clips


def subtracted_run(
    frames: int = 25, size_px: int = SIZE_PX, contrast: FloatArray | None = None, seed: int = 0
) -> FloatArray:
    """(T, size, size) float32 logarithms of the quanta less those of a mask, Poisson noise in all of them.

    contrast: (T, size, size) nats of it.
    """
    rng = np.random.default_rng(seed)
    quanta = QUANTA * np.exp(-attenuation(size_px))
    filled = np.zeros((frames, 1, 1)) if contrast is None else contrast
    mask = np.log(np.maximum(rng.poisson(quanta), 1))
    counted = rng.poisson(quanta * np.exp(-filled), (frames, size_px, size_px))
    return (np.log(np.maximum(counted, 1)) - mask).astype(np.float32)


def as_stored(frames: FloatArray, grey_per_nat: float = 60.0) -> FloatArray:
    """The same in 8 bits, as an archive keeps it: float32 whole numbers about 180."""
    return np.clip(np.round(180 + grey_per_nat * frames), 0, 255).astype(np.float32)


def compressed(frames: FloatArray, quality: int) -> FloatArray:
    """8 bit frames once through JPEG."""
    from PIL import Image

    found = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame.astype(np.uint8)).save(file, "JPEG", quality=quality)
        found.append(np.asarray(Image.open(file), dtype=np.float32))
    return np.stack(found)
