"""The skull of a CTA as weighted points: what an X-ray of the head without contrast shows edges of."""

from __future__ import annotations

import itertools

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.preparation.cavity import BELOW_CORE_MM, CORE_LOWEST_PERCENTILE
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.distance import dilated
from DeepIterRegLib.preparation.head_grid import HeadGrid

BONE_FROM_HU = 250.0
"""Blocks below it are soft tissue, or bone too thin to have an edge."""
SOFT_HU = 150.0
"""What attenuates as this does belongs to no edge; a block's weight is what it attenuates more, in 1000 HU."""
DENSEST = 2.5
"""1000 HU: fillings and clips saturate the CT, differently in each."""
BESIDE_VESSELS_MM = 1.0
"""The rim of a vessel that is full in the CTA and empty in the X-ray."""
FACE_SLOPE = 0.35
"""How steeply what is kept reaches down in front of the brain's middle: to the upper teeth, not to the chin."""
FADE_MM = 12.0
"""Over which jaw and neck, that lie otherwise on another table, and what the scan cuts off fade out: a cut would be an
edge that nobody has."""
MOST_POINTS = 300_000
LEAST_BONE_ML = 20.0
"""Less is no skull that a head could be found by: a whole one has some 600 mL."""


def skull_cloud(head: HeadGrid, centre_mm: FloatArray) -> VesselCloud | None:
    """Bone of cranium and upper face as points with weights in mm3 of 1000 HU; None where there is hardly any.

    centre_mm: (3,) of the head, patient frame. Table and headrest, vessels, jaw and neck are left out, fillings
    capped; what the scan cuts off fades out. At most `MOST_POINTS`, of blocks that are put together for that.
    """
    hu, spacing_kji = head.work.hu, head.work.spacing_kji
    bone = (hu > BONE_FROM_HU) & head.body
    if head.vessels.any():
        bone &= ~dilated(head.vessels, BESIDE_VESSELS_MM, spacing_kji)
    places = np.argwhere(bone)
    weights = np.minimum((hu[bone] - SOFT_HU) / 1000, DENSEST).astype(np.float64) * head.work.voxel_ml * 1000
    positions = places[:, ::-1] @ head.ijk_to_ras[:3, :3].T + head.ijk_to_ras[:3, 3]
    weights = weights * _kept(positions @ head.axes, _foramen_mm(head)) * _inside(places, hu.shape, spacing_kji)
    keep = weights > 0
    if float(np.count_nonzero(keep)) * head.work.voxel_ml < LEAST_BONE_ML:
        return None
    places, positions, weights = places[keep], positions[keep], weights[keep]
    pieces = _pieces(places, spacing_kji)
    middles, sums = _merged(_blocks(places, pieces)[0], positions, weights)
    return VesselCloud(
        positions_mm=middles.astype(np.float32),
        weights_mm3=sums.astype(np.float32),
        is_vein=np.zeros(len(sums), dtype=bool),
        cell_mm=float(np.prod(spacing_kji * pieces)) ** (1 / 3),
        centre_mm=centre_mm,
    )


def _inside(places: IntArray, shape: tuple[int, ...], spacing_kji: FloatArray) -> FloatArray:
    """(N,) share of each of (N, 3) cells that is not near the end of the scan, which cuts bone where no edge is."""
    nearest = np.minimum(places, np.array(shape) - 1 - places) * spacing_kji
    return np.clip(nearest.min(axis=1) / FADE_MM, 0.0, 1.0)


def _pieces(places: IntArray, spacing_kji: FloatArray) -> IntArray:
    """(3,) how many cells along k, j, i to put together: the fewest that leave no more than `MOST_POINTS` of (N, 3)."""
    choices = np.array(list(itertools.product((1, 2, 3), repeat=3)))
    edges = choices * spacing_kji
    # As near to cubes as may be: the longest edge leaves the holes.
    for pieces in choices[np.argsort(edges.max(axis=1) + 1e-3 * edges.sum(axis=1), kind="stable")]:
        if _blocks(places, pieces)[1] <= MOST_POINTS:
            return pieces
    return choices[-1]


def _foramen_mm(head: HeadGrid) -> FloatArray:
    """(3,) about the middle of the cavity, at the height of the foramen magnum; along the head's right, front, top."""
    steps = head.kji_step_to_head * head.coarse.factors
    first = head.axes.T @ head.ijk_to_ras[:3, 3] + head.kji_step_to_head @ (head.coarse.factors // 2)
    core = np.argwhere(head.cavity.core) @ steps.T + first
    return np.array([*core[:, :2].mean(axis=0), np.percentile(core[:, 2], CORE_LOWEST_PERCENTILE) - BELOW_CORE_MM])


def _kept(positions_mm: FloatArray, foramen_mm: FloatArray) -> FloatArray:
    """(N,) share of each of (N, 3) points, along the head's axes, that belongs to cranium and upper face."""
    in_front_mm = np.maximum(positions_mm[:, 1] - foramen_mm[1], 0.0)
    above_mm = positions_mm[:, 2] - (foramen_mm[2] - FACE_SLOPE * in_front_mm)
    return np.clip(1 + above_mm / FADE_MM, 0.0, 1.0)


def _blocks(places: IntArray, pieces: IntArray) -> tuple[IntArray, int]:
    """(N,) number of the block of `pieces` (3,) cells that each of (N, 3) cells lies in, and how many there are."""
    blocks = places // pieces
    size = blocks.max(axis=0) + 1
    flat = (blocks[:, 0] * size[1] + blocks[:, 1]) * size[2] + blocks[:, 2]
    seen = np.zeros(int(np.prod(size)), dtype=bool)
    seen[flat] = True
    numbers = np.cumsum(seen) - 1
    return numbers[flat], int(numbers[-1]) + 1


def _merged(numbers: IntArray, positions_mm: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points at the centre of mass of each block, and their weights."""
    total = np.bincount(numbers, weights).astype(np.float64)
    sums = np.stack([np.bincount(numbers, weights * axis) for axis in positions_mm.T], axis=1)
    return sums / total[:, None], total
