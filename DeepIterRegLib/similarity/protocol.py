"""The interface of every similarity measure: values of a batch of images, and their gradients by the pixels."""

from __future__ import annotations

from typing import Protocol

from DeepIterRegLib.common.arrays import FloatArray


class Similarity(Protocol):
    """Compares images with one fixed image; *larger is better* for every measure.

    Constructed once with the fixed image (rows, columns) and optional weights of its pixels (rows, columns): a mask of
    the pixels that count, or any numbers from 0 up. A pixel of weight 0 has no influence on a value and gradient 0.
    Moving images are float32 (the renderers'); float64 is calculated in float64 throughout and gives float64 gradients.
    """

    name: str
    """As reports print it: "NCC", "MI"."""

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) similarities, float64, of (B, rows, columns) images."""
        ...

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) similarities, and the gradient (B, rows, columns) of each by its own image."""
        ...
