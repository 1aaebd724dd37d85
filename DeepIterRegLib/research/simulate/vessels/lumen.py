"""Balls along centrelines -> how full of them each voxel is, and with what; sparse, for grids of any voxel shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray, IntArray

CHUNK = 2_000_000
"""Voxels looked at in one go: as much as stays in the cache of a small machine."""
FILL_STEPS = 4095
SPARSER = 0.35
"""Balls need not be closer than this share of their radius."""


class Filled(NamedTuple):
    """Voxels that are filled to some part, each once."""

    voxels: npt.NDArray[np.int64]
    """(N,) flat indices, ascending."""
    fill: npt.NDArray[np.float32]
    """(N,) 0 to 1."""
    hu: npt.NDArray[np.float32]
    """(N,) of what fills the voxel, before partial volume; of the fullest where several do."""


def thinned(radii_mm: FloatArray, step_mm: float) -> IntArray:
    """Indices of the points of a centreline, `step_mm` apart, that are enough to paint it without notches."""
    if len(radii_mm) < 3:
        return np.arange(len(radii_mm))
    stride = np.maximum(1, (SPARSER * radii_mm / step_mm).astype(int))
    if stride.max() == 1:
        return np.arange(len(radii_mm))
    # Each point covers one stride's reciprocal: keep a point whenever the sum passes a whole number.
    covered = np.floor(np.cumsum(1.0 / stride) + 1e-9)
    keep = np.flatnonzero(np.diff(covered, prepend=-1.0) > 0)
    return np.union1d(keep, [0, len(radii_mm) - 1])


def fill_balls(
    points_mm: FloatArray, radii_mm: FloatArray, hu: FloatArray, to_ijk: FloatArray, scratch: npt.NDArray[np.int32]
) -> Filled:
    """Paint balls (N, 3) of radii (N,) that consist of `hu` (N,), -1000 to 30000.

    to_ijk: (4, 4) the points' frame to indices (i, j, k). scratch: (K, J, I) zeros, which are zeros again afterwards. A
    ball's edge is a voxel wide; a chain of balls thinner than that fills as much as a tube of that radius has.
    """
    shape = scratch.shape
    flat = scratch.reshape(-1)
    ijk = (points_mm @ to_ijk[:3, :3].T + to_ijk[:3, 3]).astype(np.float32)
    axes = np.linalg.inv(to_ijk[:3, :3]).astype(np.float32)
    edges = np.linalg.norm(axes, axis=0)
    edge = float(np.cbrt(np.prod(edges)))
    radius = np.asarray(radii_mm, dtype=np.float32)
    code = np.clip(np.round(hu) + 1001, 1, 32767).astype(np.int32)
    strength = _strength(radius / edge)
    near = (
        (ijk > -(radius / edges.min() + 2)[:, None]) & (ijk < shape[::-1] + (radius / edges.min() + 2)[:, None])
    ).all(axis=1)
    group = np.where(near, np.ceil(np.maximum(radius, 0.5 * edge) / edge * 2).astype(int), -1)
    touched: list[npt.NDArray[np.int64]] = []
    for number in np.unique(group[group >= 0]):
        members = np.flatnonzero(group == number)
        offsets = _stencil(number / 2 * edge + 0.5 * edge, edges, axes)
        for part in np.array_split(members, max(1, len(members) * len(offsets) // CHUNK)):
            base = np.round(ijk[part]).astype(np.int32)
            inside = ((base >= offsets.max()) & (base < shape[::-1] - offsets.max())).all()
            # |offset + (base - ijk)|² in mm, taken apart so that no (N, M, 3) array is needed.
            shift = (base - ijk[part]) @ axes.T
            step = offsets.astype(np.float32) @ axes.T
            squared = 2 * (shift @ step.T)
            squared += (shift**2).sum(axis=1)[:, None]
            squared += (step**2).sum(axis=1)
            np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
            squared *= np.float32(-1 / edge)
            squared += (radius[part] / np.float32(edge) + np.float32(0.5))[:, None]
            np.clip(squared, 0, 1, out=squared)
            squared *= (strength[part] * FILL_STEPS)[:, None]
            wanted = squared >= 1
            if not inside:
                voxel = base[:, None] + offsets
                wanted &= ((voxel >= 0) & (voxel < shape[::-1])).all(axis=-1)
            which, where = np.nonzero(wanted)
            steps = (offsets[:, 2].astype(np.int64) * shape[1] + offsets[:, 1]) * shape[2] + offsets[:, 0]
            starts = (base[:, 2].astype(np.int64) * shape[1] + base[:, 1]) * shape[2] + base[:, 0]
            index = starts[which] + steps[where]
            np.maximum.at(flat, index, (squared[wanted].astype(np.int32) << 16) + code[part][which])
            touched.append(_once(index, flat))
    if not touched:
        return Filled(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))
    index = _sorted_once(np.concatenate(touched))
    packed = flat[index] & 0x7FFFFFFF
    flat[index] = 0
    fill = ((packed >> 16) & 0x0FFF).astype(np.float32) / np.float32(FILL_STEPS)
    return Filled(index, fill, ((packed & 0x7FFF) - 1001).astype(np.float32))


def _once(index: npt.NDArray[np.int64], flat: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """`index` without what was seen before in this painting: bit 15 of a voxel says that it was."""
    fresh = index[(flat[index] & 0x8000) == 0]
    flat[fresh] |= 0x8000
    return _sorted_once(fresh)


def _sorted_once(index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ascending, each once; numpy's own `unique` takes ten times as long for these."""
    index = np.sort(index)
    return index[np.diff(index, prepend=-1) > 0]


def _strength(radius: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N,) factor that gives a chain of soft balls, `radius` in voxels, the cross-section of a tube of that radius.

    Across the chain clip(0.5 + r - d, 0, 1) adds up to pi (r² + 1/12), or to the cone pi (r + 1/2)³ / 3 where r < 1/2.
    """
    full = np.where(radius >= 0.5, radius**2 + 1 / 12, (radius + 0.5) ** 3 / 3)
    return np.minimum(radius**2 / full, 1).astype(np.float32)


def _stencil(reach_mm: float, edges: FloatArray, axes: FloatArray) -> npt.NDArray[np.int32]:
    """(M, 3) offsets i, j, k whose voxels can lie within `reach_mm` of a point half a voxel away."""
    counts = np.ceil(reach_mm / edges + 0.5).astype(int)
    spans = [np.arange(-count, count + 1) for count in counts]
    offsets = np.stack(np.meshgrid(*spans, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(offsets @ axes.T, axis=1)
    return offsets[distance <= reach_mm + 0.5 * float(np.linalg.norm(edges))].astype(np.int32)
