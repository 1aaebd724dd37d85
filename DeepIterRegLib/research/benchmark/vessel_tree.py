"""A vessel tree from a seed: the work that the renderers are measured and compared on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud

SMALLEST_RADIUS_MM = 0.5
TAPER = 0.7
"""A branch's radius over its parent's."""


@dataclass(frozen=True, eq=False)
class VesselTree:
    """A binary vessel mask and its place in the patient."""

    mask: BoolArray
    """(K, J, I)"""
    ijk_to_ras: FloatArray
    """(4, 4)"""
    voxel_mm: float

    @property
    def cloud(self) -> VesselCloud:
        """One point per voxel of the mask."""
        ijk = np.argwhere(self.mask)[:, ::-1]
        positions = ijk @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]
        return VesselCloud(
            positions.astype(np.float32), np.full(len(ijk), self.voxel_mm**3, np.float32), np.zeros(len(ijk), bool),
            self.voxel_mm, self.ijk_to_ras[:3, :3] @ ((np.array(self.mask.shape) - 1)[::-1] / 2)
            + self.ijk_to_ras[:3, 3],
        )  # fmt: skip


def random_tree(
    seed: int, size_mm: tuple[float, float, float], voxel_mm: float, trunk_radius_mm: float, fill: float
) -> VesselTree:
    """Grow curved, tapered, branching tubes in an ellipsoid until they fill a share `fill` of its box.

    size_mm: (x, y, z) of the box, which is centred on the patient frame's origin and has cubic voxels.
    """
    rng = np.random.default_rng(seed)
    shape = tuple(round(edge / voxel_mm) for edge in size_mm[::-1])
    mask = np.zeros(shape, dtype=bool)
    origin = -(np.array(shape[::-1]) - 1) / 2 * voxel_mm
    half = 0.46 * np.array(size_mm)
    wanted, painted = fill * mask.size, 0
    while painted < wanted:
        direction = rng.normal(size=3)
        branches = [(0.9 * half * direction / np.linalg.norm(direction), -direction, trunk_radius_mm)]
        while branches and painted < wanted:
            start, direction, radius = branches.pop(0)
            path = _path(rng, start, direction, length_mm=min(12 * radius + 8, max(size_mm)), half_mm=half)
            painted += _paint(
                mask, (path - origin) / voxel_mm, np.linspace(radius, radius * TAPER, len(path)) / voxel_mm
            )
            if radius * TAPER >= SMALLEST_RADIUS_MM:
                heading = (path[-1] - path[-2]) / np.linalg.norm(path[-1] - path[-2])
                branches += [(path[-1], heading + 0.6 * rng.normal(size=3), radius * TAPER) for _ in range(2)]
    ijk_to_ras = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    ijk_to_ras[:3, 3] = origin
    return VesselTree(mask, ijk_to_ras, voxel_mm)


def head_tree(seed: int = 0) -> VesselTree:
    """A tree of about 290,000 voxels of 0.5 mm in a box the size of a head."""
    return random_tree(seed, (160.0, 190.0, 160.0), 0.5, 3.5, 290_000 / (320 * 380 * 320))


def _path(
    rng: np.random.Generator, start: FloatArray, direction: FloatArray, length_mm: float, half_mm: FloatArray
) -> FloatArray:
    """(M, 3) points every 0.25 mm along a smooth random curve that turns back at the ellipsoid `half_mm`."""
    step_mm = 0.25
    points = [np.asarray(start, dtype=np.float64)]
    heading = direction / np.linalg.norm(direction)
    bend = np.zeros(3)
    for _ in range(max(int(length_mm / step_mm), 2)):
        bend = 0.97 * bend + 0.012 * rng.normal(size=3)
        inward = -points[-1] / half_mm**2
        excess = max(float(np.sum((points[-1] / half_mm) ** 2)) - 0.8, 0.0)
        heading = heading + step_mm * bend + 20 * excess * step_mm * inward
        heading /= np.linalg.norm(heading)
        points.append(points[-1] + step_mm * heading)
    return np.array(points)


def _paint(mask: npt.NDArray[np.bool_], path_ijk: FloatArray, radii: FloatArray) -> int:
    """Set the voxels whose centre lies within `radii` (M,) of the points `path_ijk` (M, 3), all in voxels.

    Returns how many were set for the first time.
    """
    count = 0
    reach = int(np.ceil(radii.max())) + 1
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.rint(path_ijk).astype(int)
    for part in np.array_split(np.arange(len(path_ijk)), max(len(path_ijk) // 64, 1)):
        voxels = nearest[part, None, :] + offsets
        inside = np.sum((voxels - path_ijk[part, None, :]) ** 2, axis=-1) <= radii[part, None] ** 2
        i, j, k = voxels[inside].T
        fits = (np.array([i, j, k]) >= 0).all(axis=0) & (k < mask.shape[0]) & (j < mask.shape[1]) & (i < mask.shape[2])
        flat = np.unique(np.ravel_multi_index((k[fits], j[fits], i[fits]), mask.shape))
        count += int(np.count_nonzero(~mask.reshape(-1)[flat]))
        mask.reshape(-1)[flat] = True
    return count
