"""Checks of the measures' arguments, normalised weights, and sums in double precision."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError


def fixed_and_weights(fixed: FloatArray, weights: FloatArray | BoolArray | None) -> tuple[FloatArray, FloatArray]:
    """The fixed image and its pixels' weights, both float64 (rows, columns).

    The weights add up to 1; where a weight is 0 the fixed image is 0, whatever it was. Raises InputError for a mask
    that does not fit or leaves nothing, and for a fixed image that is not finite where it counts.
    """
    fixed = np.asarray(fixed, dtype=np.float64)
    if fixed.ndim != 2 or fixed.size == 0:
        raise InputError("The fixed image must be one 2D image, not an array of {shape}.", shape=fixed.shape)
    weights = np.ones(fixed.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != fixed.shape:
        raise InputError(
            "The mask of the fixed image is {mask_shape} but the image {shape} (rows, columns); give one of "
            "the image's size.",
            mask_shape=weights.shape,
            shape=fixed.shape,
        )
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.max() <= 0:
        raise InputError("The mask of the fixed image leaves no pixel to compare; give one that is not empty.")
    if not np.isfinite(fixed[weights > 0]).all():
        raise InputError("The fixed image has pixels that are not finite; mask them out.")
    return np.where(weights > 0, fixed, 0.0), weights / weights.sum()


def as_moving(moving: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Moving images as float32 (or float64 where they are that) of `shape` behind the batch's axis, else ValueError."""
    moving = np.asarray(moving)
    if moving.shape[1:] != shape:
        raise ValueError(f"moving images have the shape {moving.shape}, the fixed image needs (B, {shape})")
    return moving if moving.dtype == np.float64 else moving.astype(np.float32, copy=False)


def sum_of_products(a: FloatArray, b: FloatArray) -> FloatArray:
    """Sum over rows and columns of a * b, (...,) float64.

    Rows in the images' own precision, their sums in float64: as fast as float32, with no more error than a row's.
    """
    return np.einsum("...rc,...rc->...r", a, b).sum(axis=-1, dtype=np.float64)


def per_image(numbers: FloatArray, images: FloatArray) -> FloatArray:
    """(B,) numbers in the precision of (B, rows, columns) images and shaped to be combined with them."""
    return numbers.astype(images.dtype)[:, None, None]
