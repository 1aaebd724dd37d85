"""From vessel voxels to the points that the renderers project."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.boxes import bounding_box
from DeepIterRegLib.preparation.cloud import VesselCloud

SMALLEST_FILL = 0.02
"""Points below it cost as much to render as any other and show nothing."""

SLAB_LAYERS = 32


def cloud_from_volume(volume: Volume, vessels: BoolArray, veins: BoolArray, fill: FloatArray) -> VesselCloud:
    """One point per vessel voxel; long voxels are cut into about cubic cells first. No point where there is no vessel.

    vessels, veins: (K, J, I) masks on the volume's grid. fill: (N,), 0 to 1, how much of each of the N voxels of
    `vessels`, in their order, is vessel. The sum of the weights is voxel volume x the sum of the fill, whatever the
    voxel's shape: cells take their fill by linear interpolation, whose weights add up to one per voxel.
    """
    pieces = np.maximum(1, np.rint(volume.spacing_mm / volume.spacing_mm.min())).astype(int)
    cell_mm3 = float(np.prod(volume.spacing_mm / pieces))
    if not vessels.any():
        return VesselCloud.empty(cell_mm3 ** (1 / 3), volume.centre_mm)
    parts = list(_cells(vessels, veins, fill.astype(np.float32, copy=False), pieces))
    ijk, cell_fill, is_vein = (np.concatenate(values) for values in zip(*parts, strict=True))
    positions = ijk @ volume.ijk_to_ras[:3, :3].T + volume.ijk_to_ras[:3, 3]
    return VesselCloud(
        positions_mm=positions.astype(np.float32),
        weights_mm3=(cell_fill * cell_mm3).astype(np.float32),
        is_vein=is_vein,
        cell_mm=cell_mm3 ** (1 / 3),
        centre_mm=volume.centre_mm,
    )


def _cells(
    vessels: BoolArray, veins: BoolArray, fill: npt.NDArray[np.float32], pieces_ijk: IntArray
) -> Iterator[tuple[FloatArray, FloatArray, BoolArray]]:
    """The cells that hold vessel, slab by slab along K: (N, 3) fractional i, j, k, (N,) fill, (N,) whether vein.

    Slab by slab, because voxels ten times as long as wide make ten times as many cells.
    """
    box = bounding_box(vessels, margin=1)
    layers, *across = box
    counted = np.cumsum([0, *(np.count_nonzero(layer) for layer in vessels)])
    for first in range(layers.start, layers.stop, SLAB_LAYERS):
        last = min(first + SLAB_LAYERS, layers.stop)
        # With the neighbours between which the cells of the slab's first and last layer are interpolated.
        slab = (slice(max(layers.start, first - 1), min(layers.stop, last + 1)), *across)
        inside = np.zeros(vessels[slab].shape, dtype=np.float32)
        inside[vessels[slab]] = fill[counted[slab[0].start] : counted[slab[0].stop]]
        vein_part = np.where(veins[slab], inside, np.float32(0.0))
        for axis, n in enumerate(pieces_ijk[::-1]):
            inside, vein_part = _cut(inside, axis, int(n)), _cut(vein_part, axis, int(n))
        own = slice((first - slab[0].start) * pieces_ijk[2], (last - slab[0].start) * pieces_ijk[2])
        inside, vein_part = inside[own], vein_part[own]
        keep = inside > SMALLEST_FILL
        start = np.array([first, *(part.start for part in across)])
        yield _cell_centres(np.argwhere(keep), start, pieces_ijk), inside[keep], vein_part[keep] > 0.5 * inside[keep]


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
