"""Morphology in millimetres, on grids whose voxels need not be cubes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray

ROUNDING = 1e-6
"""Share of a radius by which a voxel may lie beyond it and still counts: a ball of 3 mm reaches 3 voxels of 1 mm."""

Bits = npt.NDArray[np.uint8]
"""(K, J, I / 8): eight voxels along the last axis in a byte, the first in its highest bit."""


def dilated(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """`mask` and everything within `radius_mm` of it.

    The ball is taken apart into its rows along the last axis, and eight voxels of a row are one byte: a row is grown
    by shifting bits, and what a voxel's neighbours along the other axes add is or-ed on.
    """
    radius_mm = radius_mm * (1 + ROUNDING)
    step_k, step_j, step_i = (float(edge) for edge in spacing_kji)
    far_k = min(int(radius_mm / step_k), mask.shape[0] - 1)
    far_j = min(int(radius_mm / step_j), mask.shape[1] - 1)
    bits = np.packbits(mask, axis=-1)
    rows = _grown_rows(bits, min(int(radius_mm / step_i), mask.shape[2]))
    grown = np.zeros_like(bits)
    for k in range(far_k + 1):
        layer = np.zeros_like(bits)
        for j in range(far_j + 1):
            left_mm2 = radius_mm**2 - (k * step_k) ** 2 - (j * step_j) ** 2
            if left_mm2 >= 0:
                _or_shifted(layer, rows[min(int(np.sqrt(left_mm2) / step_i), len(rows) - 1)], axis=1, steps=j)
        _or_shifted(grown, layer, axis=0, steps=k)
    return np.unpackbits(grown, axis=-1, count=mask.shape[2]).view(bool)


def _grown_rows(bits: Bits, most: int) -> list[Bits]:
    """`bits` with every row grown by 0, 1, ... `most` voxels to both sides."""
    rows = [bits]
    for _ in range(most):
        last = rows[-1]
        row: Bits = last | (last >> np.uint8(1)) | (last << np.uint8(1))
        row[..., 1:] |= last[..., :-1] << np.uint8(7)
        row[..., :-1] |= last[..., 1:] >> np.uint8(7)
        rows.append(row)
    return rows


def _or_shifted(target: Bits, bits: Bits, axis: int, steps: int) -> None:
    """Or `bits`, shifted by `steps` to both sides along `axis` (0 or 1), into `target`."""
    if steps == 0:
        np.bitwise_or(target, bits, out=target)
        return
    ahead = (slice(None),) * axis + (slice(steps, None),)
    behind = (slice(None),) * axis + (slice(None, -steps),)
    target[ahead] |= bits[behind]
    target[behind] |= bits[ahead]


def eroded(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """What of `mask` is farther than `radius_mm` from everything outside it; the grid's border is no outside."""
    return ~dilated(~mask, radius_mm, spacing_kji)


def opened(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """What of `mask` a ball of `radius_mm` fits into; at least one voxel to each side, so that no single slice does."""
    spacing_kji = np.minimum(spacing_kji, 0.99 * radius_mm)
    return dilated(eroded(mask, radius_mm, spacing_kji), radius_mm, spacing_kji) & mask


def closed(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """`mask` and the gaps that a ball of `radius_mm` does not fit into."""
    return eroded(dilated(mask, radius_mm, spacing_kji), radius_mm, spacing_kji) | mask
