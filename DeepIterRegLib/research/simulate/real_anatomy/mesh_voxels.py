"""The inside of closed meshes on a voxel grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray

if TYPE_CHECKING:
    from trimesh import Trimesh


def tube(points_mm: FloatArray, radius_mm: float, around: int = 8) -> Trimesh:
    """A closed tube about a centreline (N, 3)."""
    from trimesh import Trimesh

    heading = np.gradient(points_mm, axis=0)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    aside = np.cross(heading, np.eye(3)[np.argmin(np.abs(heading).mean(axis=0))])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    up = np.cross(heading, aside)
    angle = 2 * np.pi * np.arange(around) / around
    rings = points_mm[:, None] + radius_mm * (
        np.cos(angle)[:, None] * aside[:, None] + np.sin(angle)[:, None] * up[:, None]
    )
    count, last = len(points_mm), len(points_mm) * around
    vertices = np.concatenate([rings.reshape(-1, 3), points_mm[:1], points_mm[-1:]])
    a = (np.arange(count - 1)[:, None] * around + np.arange(around)).ravel()
    b = (np.arange(count - 1)[:, None] * around + (np.arange(around) + 1) % around).ravel()
    first = np.arange(around)
    end = (count - 1) * around
    caps = [
        np.stack([np.full(around, last), (first + 1) % around, first], axis=1),
        np.stack([np.full(around, last + 1), end + first, end + (first + 1) % around], axis=1),
    ]
    sides = [np.stack([a, b, a + around], axis=1), np.stack([b, b + around, a + around], axis=1)]
    return Trimesh(vertices, np.concatenate([*sides, *caps]), process=False)


def voxelise(
    meshes: Sequence[Trimesh], labels: Sequence[int], edge_mm: float
) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """(K, J, I) label of the mesh that each voxel lies in (the last one wins), and (4, 4) indices to the meshes' frame.

    A voxel counts as inside where the surface touches it, so that thin vessels stay whole. By hand: trimesh's own
    voxels, of the same rule, take more than three times as long, for it halves every triangle until all are small.
    """
    low = np.min([mesh.vertices.min(axis=0) for mesh in meshes], axis=0) - 2 * edge_mm
    high = np.max([mesh.vertices.max(axis=0) for mesh in meshes], axis=0) + 2 * edge_mm
    size = np.ceil((high - low) / edge_mm).astype(int) + 1
    grid = np.zeros(size[::-1], dtype=np.uint8)
    for mesh, label in zip(meshes, labels, strict=True):
        ijk = np.round((_on_surface(mesh, 0.5 * edge_mm) - low) / edge_mm).astype(int)
        first = ijk.min(axis=0) - 1
        shell = np.zeros((ijk.max(axis=0) - first + 2)[::-1], dtype=bool)
        shell[tuple((ijk - first).T[::-1])] = True
        solid = ndimage.binary_fill_holes(shell)
        part = tuple(slice(at, at + length) for at, length in zip(first[::-1], solid.shape, strict=True))
        grid[part][solid] = label
    matrix = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    matrix[:3, 3] = low
    return grid, matrix


def _on_surface(mesh: Trimesh, spacing_mm: float) -> FloatArray:
    """(N, 3) points on the triangles, no farther than about `spacing_mm` apart."""
    corners = mesh.vertices[mesh.faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    steps = np.ceil(longest / spacing_mm).astype(int) + 1
    found = []
    for count in np.unique(steps):
        mine = corners[steps == count]
        a, b = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
        keep = a + b <= count
        u, v = (a[keep] / count)[:, None, None], (b[keep] / count)[:, None, None]
        one, first, second = mine[:, 0], mine[:, 1] - mine[:, 0], mine[:, 2] - mine[:, 0]
        points = one + u * first + v * second
        found.append(points.reshape(-1, 3))
    return np.concatenate(found)
