"""Pixels put together in blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray


def binned(image: FloatArray | BoolArray, factor: int) -> npt.NDArray[np.float32]:
    """Block means (rows // factor, columns // factor), the pixels of `CArm.binned`, float32."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    blocks = image[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float64).astype(np.float32)
