"""A CT volume slab by slab across a beam: what there is of soft tissue and bone, and what of it moves with the jaw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.images.volume import Volume

Image = npt.NDArray[np.float32]
SOFT_UP_TO_HU = 150
"""What is denser counts as water of this density plus bone."""
JAW_BELOW_MM, RAMUS_SLOPE, TEETH_BEHIND_MM, JAW_BEHIND_MM = -100.0, 0.7, 40.0, 8.0
"""Head's frame: what lies lower than between the teeth moves when the patient swallows; behind the teeth the boundary
rises along the jaw's ramus, and behind the ramus nothing moves."""
JAW_EDGE_MM, JAW_BACK_EDGE_MM = 6.0, 12.0
"""How soft the boundary is, above and behind."""


def occupied(volume: Volume, axis: int) -> tuple[int, int]:
    """First and last index along an axis at which there is anything but air (looked at every fourth voxel)."""
    coarse = volume.voxels[::4, ::4, ::4] > -800
    found = np.flatnonzero(coarse.any(axis=tuple(a for a in range(3) if a != 2 - axis)))
    last = volume.voxels.shape[2 - axis] - 1
    if not len(found):
        return 0, last
    return max(int(found[0]) * 4 - 4, 0), min(int(found[-1]) * 4 + 4, last)


def slabs(volume: Volume, axis: int, low: int, high: int, step: int) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Index of the first slice and the slab (step, slower axis, faster axis), contiguous, of one slab after another."""
    # Read in blocks: slices across the fastest axis lie scattered in memory.
    chunk = max(step, 48 // step * step)
    for begin in range(low, high + 1, chunk):
        end = min(begin + chunk, volume.voxels.shape[2 - axis])
        part = np.moveaxis(volume.voxels[(slice(None),) * (2 - axis) + (slice(begin, end),)], 2 - axis, 0)
        block = np.ascontiguousarray(part)
        for offset in range(0, len(block), step):
            yield begin + offset, block[offset : offset + step]


def materials(slab: npt.NDArray[Any]) -> tuple[Image, Image | None]:
    """Sums over a slab: density of soft tissue relative to water, and bone's excess; None where there is no bone."""
    bone = None
    if slab.max() > SOFT_UP_TO_HU + 50:
        bone = np.maximum(slab, SOFT_UP_TO_HU).sum(axis=0, dtype=np.int32).astype(np.float32)
        bone = (bone - np.float32(SOFT_UP_TO_HU * len(slab))) / np.float32(1000)
    soft = np.minimum(slab, SOFT_UP_TO_HU).sum(axis=0, dtype=np.int32).astype(np.float32)
    return np.maximum(soft / np.float32(1000) + np.float32(len(slab)), 0), bone


def sampling(at: FloatArray, size: int, repeat_first: bool) -> sparse.csr_matrix:
    """(len(at), size) linear interpolation at fractional indices; nothing outside, or the first value below it."""
    if repeat_first:
        at = np.maximum(at, 0)
    inside = (at > -1) & (at < size)
    index = np.floor(at).astype(np.int64)
    weight = (at - index).astype(np.float32)
    rows = np.arange(len(at))
    columns, values, where = [], [], []
    for shift, part in ((0, 1 - weight), (1, weight)):
        valid = inside & (index + shift >= 0) & (index + shift < size)
        columns.append(index[valid] + shift)
        values.append(part[valid])
        where.append(rows[valid])
    return sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(where), np.concatenate(columns))), (len(at), size), dtype=np.float32
    )


def jaw_share(ijk_to_head: FloatArray, axis: int, others: tuple[int, ...], at: float, shape: tuple[int, ...]) -> Image:
    """How much of each sample of a slab belongs to jaw and throat, 0 to 1."""
    first, second = (np.arange(n, dtype=np.float32) for n in shape)
    place = []
    for row in ijk_to_head[1:3].astype(np.float32):
        place.append(row[3] + row[axis] * np.float32(at) + row[others[0]] * first[:, None] + row[others[1]] * second)
    y, z = place
    boundary = np.float32(JAW_BELOW_MM) + RAMUS_SLOPE * np.clip(np.float32(TEETH_BEHIND_MM) - y, 0, 30)
    low = np.clip((boundary - z) / JAW_EDGE_MM + np.float32(0.5), 0, 1)
    return low * np.clip((y - np.float32(JAW_BEHIND_MM)) / JAW_BACK_EDGE_MM + np.float32(0.5), 0, 1)
