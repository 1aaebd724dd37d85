"""From vessel voxels to the points that the renderers project."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.boxes import bounding_box
from DeepIterRegLib.preparation.cloud import VesselCloud

SMALLEST_FILL = 0.02
"""Points below it cost as much to render as any other and show nothing."""


def cloud_from_volume(volume: Volume, vessels: BoolArray, veins: BoolArray, fill: FloatArray) -> VesselCloud:
    """One point per vessel voxel; long voxels are cut into about cubic cells first. No point where there is no vessel.

    vessels, veins: (K, J, I) masks on the volume's grid. fill: (K, J, I), 0 to 1, how much of the voxel is vessel.
    The sum of the weights is voxel volume x the sum of the fill over `vessels`, whatever the voxel's shape: cells take
    their fill by linear interpolation, whose weights add up to one per voxel.
    """
    pieces = np.maximum(1, np.rint(volume.spacing_mm / volume.spacing_mm.min())).astype(int)
    cell_mm3 = float(np.prod(volume.spacing_mm / pieces))
    if not vessels.any():
        return VesselCloud.empty(cell_mm3 ** (1 / 3), volume.centre_mm)
    box = bounding_box(vessels, margin=1)
    first = np.array([part.start for part in box])
    inside = np.where(vessels[box], fill[box], np.float32(0.0))
    vein_part = np.where(veins[box], inside, np.float32(0.0))
    for axis, n in enumerate(pieces[::-1]):
        inside, vein_part = _cut(inside, axis, int(n)), _cut(vein_part, axis, int(n))
    keep = inside > SMALLEST_FILL
    ijk = _cell_centres(np.argwhere(keep), first, pieces)
    positions = ijk @ volume.ijk_to_ras[:3, :3].T + volume.ijk_to_ras[:3, 3]
    return VesselCloud(
        positions_mm=positions.astype(np.float32),
        weights_mm3=(inside[keep] * cell_mm3).astype(np.float32),
        is_vein=vein_part[keep] > 0.5 * inside[keep],
        cell_mm=cell_mm3 ** (1 / 3),
        centre_mm=volume.centre_mm,
    )


def _cut(values: FloatArray, axis: int, n: int) -> FloatArray:
    """`values` with every cell cut in n along `axis`, linearly interpolated between the cells' centres."""
    if n == 1:
        return values
    at = (np.arange(values.shape[axis] * n) + 0.5) / n - 0.5
    at = np.clip(at, 0, values.shape[axis] - 1)
    below = np.minimum(at.astype(int), max(0, values.shape[axis] - 2))
    above = np.minimum(below + 1, values.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    share = (at - below).astype(np.float32).reshape(shape)
    return values.take(below, axis) * (1 - share) + values.take(above, axis) * share


def _cell_centres(cells_kji: IntArray, first_kji: IntArray, pieces_ijk: IntArray) -> FloatArray:
    """(N, 3) i, j, k (fractional) of the centres of cells that are counted in the cut box."""
    kji = (cells_kji + 0.5) / pieces_ijk[::-1] - 0.5 + first_kji
    return kji[:, ::-1]
