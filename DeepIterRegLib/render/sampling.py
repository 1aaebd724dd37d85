"""Cells of a cloud that fit the pixels they are drawn into: too coarse leaves holes, too fine costs time."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.cloud import VesselCloud

WORTH_GATHERING = 1.6
"""Times a point's own cell: with less, cells of one and of two points alternate."""
SLIVER = 1e-3
"""Share of a cell's edge below which a cut is taken to be at the edge: else rounding makes points of no weight."""


def pixels_at_isocentre_mm(carm: CArm) -> tuple[float, float]:
    """Edges (between rows, between columns) of a pixel projected back to the isocentre."""
    scale = max(carm.sid_mm, 1.0) / carm.sdd_mm
    return carm.pixel_spacing_mm[0] * scale, carm.pixel_spacing_mm[1] * scale


def pixel_at_isocentre_mm(carm: CArm) -> float:
    """Shorter edge of a pixel projected back to the isocentre: the largest cell that leaves no holes (DESIGN.md)."""
    return min(pixels_at_isocentre_mm(carm))


def fitting_cell_mm(cloud: VesselCloud, carm: CArm) -> float:
    """The cell to give `cloud` for `carm`: one pixel at the isocentre, or the cloud's own where that is hardly smaller.

    One pixel is the largest cell that leaves no holes, and the best: the bilinear footprint blurs by 1/12 square pixel
    more than a pixel does, which is what a cell of one pixel loses when its content is put into its middle.
    """
    pixel_mm = pixel_at_isocentre_mm(carm)
    return cloud.cell_mm if 0.85 * pixel_mm <= cloud.cell_mm <= pixel_mm else pixel_mm


def binning_factor(carm: CArm, size_px: int) -> int:
    """Block size that brings the detector's shorter side to about `size_px` pixels."""
    return max(1, round(min(carm.rows, carm.columns) / size_px))


def hole_free_binning(carm: CArm, cell_mm: float) -> int:
    """The least number of pixels to put together so that a cell of the cloud, projected, is no wider than one.

    A finer DRR would show nothing more, and cost a multiple of the points. Source: DESIGN.md, sampling rule.
    """
    factor = math.ceil(cell_mm / pixel_at_isocentre_mm(carm) - 0.05)
    return int(np.clip(factor, 1, max(1, min(carm.rows, carm.columns) // 16)))


def resampled(cloud: VesselCloud, cell_mm: float) -> VesselCloud:
    """The same vessels on a grid of cubic cells with edge `cell_mm`, finer or coarser than before.

    The cube that each point stands for is cut along the grid's planes and each piece joins the cell it lies in, whose
    point is the pieces' centre of mass. Total weight and centre of mass (of veins and of the others) stay what they
    were, up to rounding. Cells come out in the grid's order, so the result is deterministic; a cloud whose cells have
    that size already is returned as it is.
    """
    if not cell_mm > 0:
        raise ValueError(f"cell_mm must be positive, not {cell_mm}")
    if len(cloud) == 0 or abs(cell_mm / cloud.cell_mm - 1) < SLIVER:
        return VesselCloud(cloud.positions_mm, cloud.weights_mm3, cloud.is_vein, cell_mm, cloud.centre_mm)
    positions = np.asarray(cloud.positions_mm, dtype=np.float64)
    origin = positions.min(axis=0) - cloud.cell_mm / 2
    low = (positions - origin) / cell_mm - cloud.cell_mm / cell_mm / 2
    pieces = _cut(low, cloud.cell_mm / cell_mm, np.asarray(cloud.weights_mm3, dtype=np.float64), cloud.is_vein)
    index, centre, weight, is_vein = pieces
    shape = index.max(axis=0) + 1
    key = (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]
    return _merged(key, origin + cell_mm * centre, weight=weight, is_vein=is_vein, cell_mm=cell_mm, cloud=cloud)


def gathered(cloud: VesselCloud, cell_mm: float) -> VesselCloud:
    """The points of each cell of a grid put together in their centre of mass, where `cell_mm` is much larger than
    theirs.

    Ten times as fast as `resampled`, which cuts each point's cube along the grid: what lies across a plane joins one
    side. Enough for dense bone. A cloud whose cells are hardly smaller is returned as it is; veins do not matter.
    """
    if cell_mm < WORTH_GATHERING * cloud.cell_mm or len(cloud) == 0:
        return cloud
    positions = np.asarray(cloud.positions_mm, dtype=np.float64)
    index = ((positions - positions.min(axis=0)) / cell_mm).astype(np.int64)
    shape = index.max(axis=0) + 1
    flat = (index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]
    total = np.bincount(flat, cloud.weights_mm3)
    kept = np.flatnonzero(total)
    middle = np.stack([np.bincount(flat, cloud.weights_mm3 * axis)[kept] for axis in positions.T], axis=1)
    return VesselCloud(
        (middle / total[kept, None]).astype(np.float32), total[kept].astype(np.float32),
        np.zeros(len(kept), dtype=bool), cell_mm, cloud.centre_mm,
    )  # fmt: skip


def frustum_cells(
    cloud: VesselCloud, pose: FloatArray, carm: CArm, width_px: float = 1.0, depth_mm: float = 8.0
) -> VesselCloud:
    """The cloud in cells shaped as frusta of one view: fewer points than cubes for the same image.

    pose: (4, 4). width_px: a cell's edges across the rays, in pixels. depth_mm: along them. Good for poses within about
    6 degrees and 16 mm of `pose` (docs/measurements/rendering.md); total weight and centre of mass stay what they were.
    Points at or behind the source are left out. `cell_mm` of the result is the cells' width at the isocentre.
    """
    width_mm = width_px * pixel_at_isocentre_mm(carm)
    # Voxels hardly narrower than the frusta would fill them unevenly.
    parts = max(int(np.ceil(cloud.cell_mm / (0.7 * width_mm) - SLIVER)), 1)
    fine = resampled(cloud, cloud.cell_mm / parts)
    in_carm = apply(pose, np.asarray(fine.positions_mm, dtype=np.float64))
    pixels = project(in_carm, carm)
    seen = np.isfinite(pixels).all(axis=1)
    depth = (in_carm[seen] - carm.source_mm) @ carm.normal
    index = np.floor(np.column_stack([pixels[seen] / width_px, depth / depth_mm])).astype(np.int64)
    index -= index.min(axis=0, initial=0)
    shape = index.max(axis=0, initial=0) + 1
    key = (index[:, 2] * shape[1] + index[:, 1]) * shape[0] + index[:, 0]
    return _merged(
        key, fine.positions_mm[seen].astype(np.float64), weight=fine.weights_mm3[seen].astype(np.float64),
        is_vein=fine.is_vein[seen], cell_mm=width_mm, cloud=cloud,
    )  # fmt: skip


def _cut(
    low: FloatArray, edge: float, weight: FloatArray, is_vein: BoolArray
) -> tuple[IntArray, FloatArray, FloatArray, BoolArray]:
    """Cut cubes of edge `edge` whose lowest corners are `low` (N, 3) along the planes of the integer grid.

    Returns, per piece, its grid cell (3,), its centre (3,), its weight and its vein flag.
    """
    index = np.empty((len(low), 0), dtype=np.int64)
    centre = np.empty((len(low), 0))
    owner = np.arange(len(low))
    for axis in range(3):
        start = low[owner, axis]
        first = np.floor(start + SLIVER).astype(np.int64)
        last = np.maximum(np.ceil(start + edge - SLIVER).astype(np.int64) - 1, first)
        count = last - first + 1
        parent = np.repeat(np.arange(len(owner)), count)
        offset = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
        cell = first[parent] + offset
        start, end = start[parent], start[parent] + edge
        left = np.where(offset == 0, start, cell)
        right = np.where(cell == last[parent], end, cell + 1)
        index = np.column_stack([index[parent], cell])
        centre = np.column_stack([centre[parent], (left + right) / 2])
        weight = weight[parent] * ((right - left) / edge)
        owner = owner[parent]
    return index, centre, weight, is_vein[owner]


def _merged(
    key: npt.NDArray[np.int64], positions_mm: FloatArray, *, weight: FloatArray, is_vein: BoolArray, cell_mm: float,
    cloud: VesselCloud,
) -> VesselCloud:  # fmt: skip
    """One point per cell and kind of vessel, in the middle of the mass of its pieces; sorted by `key` (N,)."""
    key = 2 * key + is_vein
    # Timsort, because the pieces come in runs that are sorted already.
    order = np.argsort(key, kind="stable")
    key, weight, positions_mm = key[order], weight[order], positions_mm[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, dtype=np.int64)
    total = np.add.reduceat(weight, first) if len(key) else weight
    middle = np.add.reduceat(weight[:, None] * positions_mm, first) if len(key) else positions_mm
    keep = total > 0
    return VesselCloud(
        (middle[keep] / total[keep, None]).astype(np.float32), total[keep].astype(np.float32),
        (key[first][keep] % 2).astype(bool), cell_mm, cloud.centre_mm,
    )  # fmt: skip
