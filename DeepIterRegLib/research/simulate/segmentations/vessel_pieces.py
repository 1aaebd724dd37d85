"""A vessel mask, of a volume or an image, cut into short pieces that hang together as a tree.

Segmentations err by branches and stretches of vessel; a mask knows neither. Only the mask's own voxels are visited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray

CELL_MM, CELL_VOXELS = 1.2, 2
"""Distances along vessels are counted in cells of at most these edges: an eighth as many as voxels."""
PIECE_MM = 8.0


@dataclass(frozen=True, eq=False)
class VesselPieces:
    """The voxels of a mask (V of them) and the pieces (P) that they belong to."""

    shape: tuple[int, ...]
    """Of the mask."""
    voxels: IntArray
    """(V,) index into the flattened mask, ascending."""
    depth: IntArray
    """(V,) 1 at the vessel's surface, one more for each layer below it."""
    along_mm: FloatArray
    """(V,) distance along the vessels from where they enter."""
    piece: IntArray
    """(V,) number of the piece."""
    parent: IntArray
    """(P,) the piece through which each is reached, of a smaller number; -1 where vessels enter."""
    radius_mm: FloatArray
    """(P,)"""

    def with_branches(self, chosen: BoolArray) -> BoolArray:
        """(P,) the chosen pieces (P,) and all that hangs on them."""
        result = chosen.copy()
        for number, parent in enumerate(self.parent):
            result[number] |= parent >= 0 and result[parent]
        return result

    def positions_mm(self, spacing_mm: FloatArray) -> npt.NDArray[np.float32]:
        """(V, D) from the mask's first voxel, along the array's axes. spacing_mm: (D,) in the order of these."""
        return (np.stack(np.unravel_index(self.voxels, self.shape), axis=1) * spacing_mm).astype(np.float32)


def cut_into_pieces(mask: BoolArray, spacing_mm: FloatArray, entry: int) -> VesselPieces:
    """Pieces of about PIECE_MM along the vessels of `mask`, of 2 or 3 axes; none where it is empty.

    spacing_mm: in the order of the array's axes. entry: at which end of axis 0 the vessels come in from the neck: -1
    where it begins (a volume whose first slice is the lowest), 1 where it ends (an image).
    """
    voxels = np.flatnonzero(mask)
    depth = _depths(mask, voxels)
    factors = np.clip(np.round(CELL_MM / spacing_mm), 1, CELL_VOXELS).astype(int)
    coordinates = np.stack(np.unravel_index(voxels, mask.shape), axis=1) // factors
    cells, cell_of = _numbered(coordinates, np.array(mask.shape) // factors + 1)
    cell_depth = np.zeros(len(cells), dtype=int)
    np.maximum.at(cell_depth, cell_of, depth)

    first, second, length = _neighbours(cells, factors * spacing_mm)
    # What is next to the lumen is as thick as that, and a sliver of a thick vessel's wall no thin vessel.
    lumen = cell_depth.copy()
    for _ in range(2):
        widest = lumen.copy()
        np.maximum.at(widest, first, lumen[second])
        np.maximum.at(widest, second, lumen[first])
        lumen = widest
    graph = coo_matrix((length, (first, second)), shape=(len(cells), len(cells)))
    distance = np.zeros(0)
    if len(cells):
        distance = dijkstra(graph, directed=False, indices=_entries(graph, cells, cell_depth, entry), min_only=True)
    band = (distance / PIECE_MM).astype(int)
    inside = band[first] == band[second]
    pieces_graph = coo_matrix((np.ones(inside.sum()), (first[inside], second[inside])), shape=graph.shape)
    count, piece = connected_components(pieces_graph, directed=False) if len(cells) else (0, np.zeros(0, dtype=int))

    # Numbered from where the vessels enter, so that a parent comes before its children.
    piece_band = np.zeros(count, dtype=int)
    piece_band[piece] = band
    order = np.argsort(piece_band, kind="stable")
    rank = np.empty(count, dtype=int)
    rank[order] = np.arange(count)
    piece = rank[piece]
    parent = np.full(count, -1)
    for one, other in ((first, second), (second, first)):
        upwards = band[one] < band[other]
        parent[piece[other[upwards]]] = piece[one[upwards]]
    edge_mm = float(np.prod(spacing_mm) ** (1 / len(spacing_mm)))
    radius = (_medians(lumen, piece, count) - 0.5) * edge_mm
    return VesselPieces(mask.shape, voxels, depth, distance[cell_of], piece[cell_of], parent, radius)


def neighbours_of(voxels: IntArray, shape: tuple[int, ...], step: int = 1) -> list[IntArray]:
    """Flat indices of the 4 (6 in 3D) voxels `step` away along each axis; where there is none, of the voxel itself."""
    found = []
    for axis, size in enumerate(shape):
        stride = math.prod(shape[axis + 1 :])
        place = voxels // stride % size
        found.append(np.where(place >= step, voxels - step * stride, voxels))
        found.append(np.where(place < size - step, voxels + step * stride, voxels))
    return found


def _depths(mask: BoolArray, voxels: IntArray) -> IntArray:
    """(V,) number of the layer, peeled off one by one."""
    flat = mask.ravel().copy()
    depth = np.ones(len(voxels), dtype=np.int32)
    left = np.arange(len(voxels))
    while len(left):
        enclosed = np.logical_and.reduce([flat[near] for near in neighbours_of(voxels[left], mask.shape)])
        flat[voxels[left[~enclosed]]] = False
        left = left[enclosed]
        depth[left] += 1
    return depth


def _numbered(coordinates: IntArray, shape: IntArray) -> tuple[IntArray, IntArray]:
    """The occupied cells (C, D) and for each voxel (V,) the number of its cell."""
    flat = np.ravel_multi_index(tuple(coordinates.T), tuple(shape))
    number = np.full(int(np.prod(shape)), -1, dtype=np.int32)
    number[flat] = 0
    occupied = np.flatnonzero(number == 0)
    number[occupied] = np.arange(len(occupied))
    return np.stack(np.unravel_index(occupied, tuple(shape)), axis=1), number[flat]


def _neighbours(cells: IntArray, edges_mm: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of cells that touch, corners included, each once, and the distances of their centres."""
    axes = cells.shape[1]
    shape = (cells.max(axis=0) if len(cells) else np.zeros(axes, dtype=int)) + 3
    number = np.full(int(np.prod(shape)), -1, dtype=np.int32)
    flat = np.ravel_multi_index(tuple((cells + 1).T), tuple(shape))
    number[flat] = np.arange(len(cells))
    strides = np.array([int(np.prod(shape[axis + 1 :])) for axis in range(axes)])
    pairs = []
    for step in product((-1, 0, 1), repeat=axes):
        if step <= (0,) * axes:
            continue
        other = number[flat + int(strides @ np.array(step))]
        here = np.flatnonzero(other >= 0)
        pairs.append((here, other[here], np.full(len(here), np.linalg.norm(np.array(step) * edges_mm))))
    first, second, length = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return first, second, length


def _entries(graph: coo_matrix, cells: IntArray, cell_depth: IntArray, entry: int) -> IntArray:
    """Of every connected part the thick cells nearest to the neck: where blood comes in, or leaves."""
    count, part = connected_components(graph, directed=False)
    thickest = np.zeros(count, dtype=int)
    np.maximum.at(thickest, part, cell_depth)
    thick = np.flatnonzero(cell_depth >= 0.5 * thickest[part])
    towards_neck = cells[thick, 0] * entry
    nearest = np.full(count, np.iinfo(int).min)
    np.maximum.at(nearest, part[thick], towards_neck)
    # Several vessels come through the neck: all that reach about as low.
    return thick[towards_neck >= nearest[part[thick]] - 8]


def _medians(values: IntArray, group: IntArray, count: int) -> FloatArray:
    """(count,) the median of each group's values."""
    order = np.lexsort((values, group))
    size = np.bincount(group, minlength=count)
    return values[order[np.cumsum(size) - size + size // 2]].astype(float)
