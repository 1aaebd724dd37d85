"""Convolutions of images in numpy, made of matrix products: images are (B, rows, columns, channels), float32.

Products of large matrices are what numpy is fast at. A 3 x 3 convolution becomes the fewest of them by Winograd's
minimal filtering F(3 x 3, 3 x 3) (Lavin & Gray 2016): 25 products per tile of nine output pixels where the plain way
takes 81, and tiles of three pixels divide every image that the network makes of its 96 x 96 pixels. It rounds a little
more than the plain way, some 1e-6 of the largest value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from DeepIterRegLib.common.arrays import FloatArray

Image = npt.NDArray[np.float32]

TILE = 3
"""Output pixels along the edge of a tile."""
REACH = TILE + 2
"""Input pixels that those depend on."""

# The minimal algorithm of one dimension with the points 0, 1, -1, 2 and infinity: OUTPUT ((KERNEL g) (INPUT d)).
_KERNEL = np.array([[1 / 2, 0, 0], [-1 / 2, -1 / 2, -1 / 2], [-1 / 6, 1 / 6, -1 / 6], [1 / 6, 1 / 3, 2 / 3], [0, 0, 1]])
_INPUT = np.array([[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]])
_OUTPUT = np.array([[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 1]])

_INPUT_2D = np.kron(_INPUT, _INPUT).astype(np.float32)
_OUTPUT_2D = np.kron(_OUTPUT, _OUTPUT).astype(np.float32)


class TiledConvolution:
    """3 x 3, stride 1, one pixel of zeros around the image; rows and columns must be multiples of `TILE`."""

    def __init__(self, weight: FloatArray, bias: FloatArray) -> None:
        """weight: (channels out, channels in, 3, 3). bias: (channels out,)."""
        kernels = np.einsum("ia,jb,ocab->ijco", _KERNEL, _KERNEL, weight.astype(np.float64), optimize=True)
        self._kernels = np.ascontiguousarray(kernels.reshape(REACH * REACH, *kernels.shape[2:]), np.float32)
        self._bias = bias.astype(np.float32)

    def __call__(self, images: Image) -> Image:
        """(B, rows, columns, channels out)."""
        count, rows, columns, channels = images.shape
        grid = (count, rows // TILE, columns // TILE)
        tiles = sliding_window_view(_padded(images, 1), (REACH, REACH), axis=(1, 2))[:, ::TILE, ::TILE]
        spread = _INPUT_2D @ tiles.transpose(4, 5, 0, 1, 2, 3).reshape(REACH * REACH, -1)
        products = np.matmul(spread.reshape(REACH * REACH, -1, channels), self._kernels)
        gathered = _OUTPUT_2D @ products.reshape(REACH * REACH, -1)
        result: Image = gathered.reshape(TILE, TILE, *grid, -1).transpose(2, 3, 0, 4, 1, 5).reshape(-1, len(self._bias))
        result += self._bias
        return result.reshape(count, rows, columns, -1)


class Convolution:
    """Any odd square kernel and stride, half a kernel of zeros around the image."""

    def __init__(self, weight: FloatArray, bias: FloatArray, stride: int) -> None:
        """weight: (channels out, channels in, k, k). bias: (channels out,)."""
        self._size, self._stride = weight.shape[-1], stride
        self._matrix = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, len(weight)), np.float32)
        self._bias = bias.astype(np.float32)

    def __call__(self, images: Image) -> Image:
        """(B, ceil(rows / stride), ceil(columns / stride), channels out)."""
        size, step = self._size, self._stride
        patches = sliding_window_view(_padded(images, size // 2), (size, size), axis=(1, 2))[:, ::step, ::step]
        shape = patches.shape[:3]
        result: Image = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, len(self._matrix)) @ self._matrix
        result += self._bias
        return result.reshape(*shape, -1)


def max_pooled(images: Image) -> Image:
    """Largest of 3 x 3 pixels at every second one; rows and columns even. The images must not be negative: the border
    counts as 0."""
    padded = _padded(images, 1)
    rows = np.maximum(np.maximum(padded[:, :-2:2], padded[:, 1:-1:2]), padded[:, 2::2])
    return np.maximum(np.maximum(rows[:, :, :-2:2], rows[:, :, 1:-1:2]), rows[:, :, 2::2])


def _padded(images: Image, border: int) -> Image:
    if border == 0:
        return images
    count, rows, columns, channels = images.shape
    padded = np.zeros((count, rows + 2 * border, columns + 2 * border, channels), np.float32)
    padded[:, border:-border, border:-border] = images
    return padded
