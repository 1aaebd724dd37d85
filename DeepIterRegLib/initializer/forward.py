"""The initializer's network in numpy alone, so that a registration needs no PyTorch.

By hand, because onnxruntime has no build for the Python of Slicer on Intel Macs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.initializer.architecture import BATCH_NORM_EPSILON, BLOCKS, OUTPUT_SCALE, PREFIX, Block
from DeepIterRegLib.initializer.convolution import Convolution, Image, TiledConvolution, max_pooled

if TYPE_CHECKING:
    from DeepIterRegLib.initializer.checkpoint import Checkpoint

AT_ONCE = 4
"""Images computed together while they are large: their intermediate results then stay in the processor's cache. The
last layers' many weights had better be read once for all images."""

LARGE_BLOCKS = 2


class NumpyNetwork:
    """What `network.network_from(checkpoint)` computes in evaluation mode, to some 1e-5 of the largest output.

    The same images give the same bits again (with as many BLAS threads, on the same kind of processor). Batch
    normalisation is part of the convolutions' weights. Safe to share between threads.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        tensors = {name.removeprefix(PREFIX): np.asarray(value) for name, value in checkpoint.weights.items()}
        self._stem = Convolution(*_folded(tensors, "conv1", "bn1"), stride=2)
        self._blocks = [_ResidualBlock(block, tensors) for block in BLOCKS]
        scale = np.array(OUTPUT_SCALE)
        self._head = (tensors["fc.weight"].astype(np.float64).T * scale).astype(np.float32)
        self._head_bias = (tensors["fc.bias"].astype(np.float64) * scale).astype(np.float32)

    def __call__(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Corrections (B, 6) in rad, mm and log depth (`correction.py`) for images (B, 2, 96, 96): moving, fixed."""
        if len(images) == 0:
            return np.zeros((0, len(OUTPUT_SCALE)), np.float32)
        channels_last = images.astype(np.float32, copy=False).transpose(0, 2, 3, 1)
        parts = [self._large(channels_last[first : first + AT_ONCE]) for first in range(0, len(images), AT_ONCE)]
        features = np.concatenate(parts)
        for block in self._blocks[LARGE_BLOCKS:]:
            features = block(features)
        result: npt.NDArray[np.float32] = features.mean(axis=(1, 2)) @ self._head + self._head_bias
        return result

    def _large(self, images: Image) -> Image:
        features = max_pooled(_rectified(self._stem(images)))
        for block in self._blocks[:LARGE_BLOCKS]:
            features = block(features)
        return features


class _ResidualBlock:
    def __init__(self, block: Block, tensors: Mapping[str, FloatArray]) -> None:
        first = _folded(tensors, f"{block.name}.conv1", f"{block.name}.bn1")
        self._first = TiledConvolution(*first) if block.stride == 1 else Convolution(*first, block.stride)
        self._second = TiledConvolution(*_folded(tensors, f"{block.name}.conv2", f"{block.name}.bn2"))
        self._shortcut: Convolution | None = None
        if block.has_projection:
            folded = _folded(tensors, f"{block.name}.downsample.0", f"{block.name}.downsample.1")
            self._shortcut = Convolution(*folded, block.stride)

    def __call__(self, images: Image) -> Image:
        result = self._second(_rectified(self._first(images)))
        result += images if self._shortcut is None else self._shortcut(images)
        return _rectified(result)


def _rectified(images: Image) -> Image:
    """Without what is negative; in place."""
    return np.maximum(images, np.float32(0), out=images)


def _folded(tensors: Mapping[str, FloatArray], convolution: str, norm: str) -> tuple[FloatArray, FloatArray]:
    """Weight and bias, float64, of the convolution that does what this one followed by batch normalisation does."""
    weight = tensors[f"{convolution}.weight"].astype(np.float64)
    parts = (tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var"))
    gain, offset, mean, variance = parts
    scale = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
    bias = tensors[f"{convolution}.bias"].astype(np.float64) if f"{convolution}.bias" in tensors else 0.0
    return weight * scale[:, None, None, None], (bias - mean) * scale + offset
