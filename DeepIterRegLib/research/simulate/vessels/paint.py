"""Vessels as volumes: centrelines with radii -> fill of voxels, and -> points for projecting."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel

RADIUS_STEP_MM = 0.2
GOLDEN_ANGLE_RAD = np.pi * (3 - np.sqrt(5))


def paint_fill(
    vessels: list[Vessel], shape_kji: tuple[int, int, int], ras_to_ijk: FloatArray, voxel_mm: float
) -> npt.NDArray[np.float32]:
    """Fraction of each (cubic) voxel that lies in a vessel, (K, J, I), 0 to 1.

    ras_to_ijk: (4, 4), patient frame (RAS, mm) to indices (i, j, k). Each centreline point paints a soft-edged ball;
    a vessel thinner than a voxel fills it by the ratio of the cross-sections.
    """
    fill = np.zeros(int(np.prod(shape_kji)), dtype=np.float32)
    if not vessels:
        return fill.reshape(shape_kji)
    points = np.concatenate([vessel.points_mm for vessel in vessels])
    radii = np.concatenate([vessel.radii_mm for vessel in vessels])
    ijk = points @ ras_to_ijk[:3, :3].T + ras_to_ijk[:3, 3]
    group = np.round(radii / RADIUS_STEP_MM).astype(int)
    for number in np.unique(group):
        members = group == number
        radius = radii[members] / voxel_mm
        reach = int(np.ceil(radius.max() + 0.5))
        stencil = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        base = np.round(ijk[members]).astype(int)
        voxel = base[:, None] + stencil
        distance = np.linalg.norm(voxel - ijk[members][:, None], axis=-1)
        value = np.clip(0.5 + radius[:, None] - distance, 0, 1) * np.minimum(np.pi * radius[:, None] ** 2, 1)
        inside = (value > 0) & (voxel >= 0).all(axis=-1) & (voxel < shape_kji[::-1]).all(axis=-1)
        i, j, k = voxel[inside].T
        np.maximum.at(fill, (k * shape_kji[1] + j) * shape_kji[2] + i, value[inside].astype(np.float32))
    return fill.reshape(shape_kji)


def tube_points(vessel: Vessel, cell_mm: float) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """Points that fill a vessel evenly, for projecting.

    Returns positions (M, 3), the volume (M,) mm3 that each stands for, and the index (M,) of the centreline point it
    belongs to. Cross-sections are sunflower discs with about one point per cell_mm squared; each disc is turned
    against its neighbours so that no pattern shows in the projection.
    """
    points, radii = vessel.points_mm, vessel.radii_mm
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    helper = np.where(np.abs(tangent[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(tangent, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    counts = np.maximum(1, np.round(np.pi * radii**2 / cell_mm**2)).astype(int)
    owner = np.repeat(np.arange(len(points)), counts)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    r = radii[owner] * np.sqrt((rank + 0.5) / counts[owner])
    angle = GOLDEN_ANGLE_RAD * rank + 2.4 * owner
    positions = points[owner] + r[:, None] * (
        np.cos(angle)[:, None] * first[owner] + np.sin(angle)[:, None] * second[owner]
    )
    # A single point sits on the axis, not at 0.7 radii from it.
    positions = np.where((counts[owner] == 1)[:, None], points[owner], positions)
    volume = (np.pi * radii**2 * STEP_MM / counts)[owner]
    return positions, volume, owner
