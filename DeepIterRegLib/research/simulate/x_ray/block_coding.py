"""Lossy coding of frames in blocks, as JPEG and H.264 lose: quantised cosines, blocks predicted from the last frame.

Not the codecs themselves: what is lost is what counts, and one quantisation serves both.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

Frames = npt.NDArray[np.float32]
BLOCK_PX = 8
LUMINANCE = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
], dtype=np.float32)  # fmt: skip
"""Quantisation of quality 50 (ITU-T T.81, Annex K.1), for values from 0 to 255."""
INTRA_EVERY = 12
"""Frames from one that is coded by itself to the next, where frames are predicted."""
SKIP_STEPS = 0.75
"""A predicted block whose largest coefficient stays below so many steps is taken from the last frame as it is."""


def steps(quality: int) -> npt.NDArray[np.float32]:
    """(8, 8) quantisation steps of JPEG's quality 1 to 100, as the Independent JPEG Group scales them."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.clip(np.floor((LUMINANCE * scale + 50) / 100), 1, 255).astype(np.float32)


def coded(frames: Frames, quality: int, predicted: bool) -> Frames:
    """(T, rows, columns) of 0 to 255 after coding and decoding. predicted: from the frame before, as films are."""
    table = steps(quality)
    result = np.empty_like(frames)
    last: Frames | None = None
    for number, frame in enumerate(frames):
        fresh = last is None or not predicted or number % INTRA_EVERY == 0
        rest = frame - (np.float32(128) if fresh or last is None else last)
        blocks, shape = _blocks(rest)
        scaled = fft.dctn(blocks, axes=(2, 3), norm="ortho") / table
        kept = np.rint(scaled)
        if not fresh:
            kept[np.abs(scaled).max(axis=(2, 3)) < SKIP_STEPS] = 0
        decoded = _image(fft.idctn(kept * table, axes=(2, 3), norm="ortho"), shape)
        last = np.clip(np.rint(decoded + (np.float32(128) if fresh or last is None else last)), 0, 255)
        result[number] = last
    return result


def _blocks(image: Frames) -> tuple[Frames, tuple[int, int]]:
    """(block rows, block columns, 8, 8), the image's edges repeated to whole blocks; and the image's shape."""
    rows, columns = image.shape
    padded = np.pad(image, ((0, -rows % BLOCK_PX), (0, -columns % BLOCK_PX)), mode="edge")
    down, across = padded.shape[0] // BLOCK_PX, padded.shape[1] // BLOCK_PX
    return padded.reshape(down, BLOCK_PX, across, BLOCK_PX).swapaxes(1, 2), (rows, columns)


def _image(blocks: Frames, shape: tuple[int, int]) -> Frames:
    down, across = blocks.shape[:2]
    whole = blocks.swapaxes(1, 2).reshape(down * BLOCK_PX, across * BLOCK_PX)
    return whole[: shape[0], : shape[1]].astype(np.float32)
