"""Errors along vessels: branches that are missing, gaps, swapped labels, calibres that are wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.research.simulate.segmentations.false_vessels import smooth_noise
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
from DeepIterRegLib.research.simulate.segmentations.vessel_pieces import VesselPieces, neighbours_of

THICK_MM = 1.3
"""Vessels from this radius up are never missed whole."""
GAPS_PER_PIECE, GAP_MM = 0.05, (1.0, 3.0)
"""Half lengths of the gaps."""
SWAPS_PER_PIECE = 0.03
LARGEST_BRANCH = 0.05
"""Of all vessels of its class: what is lost or swapped as a whole."""
LEAN = 0.7
"""How much of a wrong calibre is common to all vessels of a segmentation, relative to what varies along them."""
CALIBRE_MM = 0.45
"""A vessel that is too thin or too thick is so by about this, at least by a voxel."""


@dataclass(frozen=True)
class Liability:
    """How prone the segmentation of one kind of image is to errors."""

    missed: float
    """Probability that a piece of no radius is lost (where there is as much of that as can be) ..."""
    thin_mm: float
    """... which falls by a factor of e for every so much of radius."""
    calibre: float
    """Vessels have a wrong calibre from this error on; errors are about standard normal, where they are greatest."""


@dataclass(frozen=True, eq=False)
class MarkedVessels:
    """What one class of vessels has become."""

    voxels: IntArray
    """(V,) flat indices, missing ones left out and added ones put in."""
    origin: IntArray
    """(V,) the true vessel's voxel each belongs to: itself, or the one an added one lies beside."""
    swapped: BoolArray
    """(V,) True where the label is the other class's."""


def degraded(
    pieces: VesselPieces, spacing_mm: FloatArray, lost: BoolArray, liability: Liability, lean: float,
    quality: SegmentationQuality, rng: np.random.Generator,
) -> MarkedVessels:  # fmt: skip
    """Branches missing, gaps, labels of branches swapped, calibres wrong.

    lost: (V,) gone already. lean: how the whole segmentation tends, about -1 (thin) to 1 (thick).
    """
    count = len(pieces.parent)
    # All are drawn whatever the amounts, so that these change nothing but how many errors there are.
    for_branch, for_gap, for_swap = rng.random((3, count))
    half_gap_mm = rng.uniform(*GAP_MM, count)
    likely = liability.missed * np.exp(-pieces.radius_mm / liability.thin_mm) * (pieces.radius_mm < THICK_MM)
    gone = _branches(pieces, for_branch < quality.missing_branches * likely)
    gone = gone | lost | _in_gap(pieces, for_gap < GAPS_PER_PIECE * quality.gaps, half_gap_mm, rng)
    swapped = _branches(pieces, for_swap < SWAPS_PER_PIECE * quality.wrong_labels)

    error = quality.calibre * (LEAN * lean + smooth_noise(pieces.positions_mm(spacing_mm), rng))
    step = max(1, round(CALIBRE_MM / float(spacing_mm.min())))
    flat = np.zeros(int(np.prod(pieces.shape)), dtype=bool)
    flat[pieces.voxels[pieces.depth > step]] = True
    # What is thinner than that would vanish rather than be thinned.
    around_lumen = np.logical_or.reduce([flat[near] for near in _reached(pieces.voxels, pieces.shape, step)])
    kept = ~gone & ~((pieces.depth <= step) & around_lumen & (error < -liability.calibre))
    thicker = np.flatnonzero(kept & (pieces.depth == 1) & (error > liability.calibre))
    reached = _reached(pieces.voxels[thicker], pieces.shape, step)
    added, origin = np.concatenate(reached), np.tile(thicker, len(reached))
    flat[pieces.voxels] = True
    outside = ~flat[added]
    origin = np.concatenate([np.flatnonzero(kept), origin[outside]])
    return MarkedVessels(np.concatenate([pieces.voxels[kept], added[outside]]), pieces.voxels[origin], swapped[origin])


def _branches(pieces: VesselPieces, chosen: BoolArray) -> BoolArray:
    """(V,) the chosen pieces (P,) with all that hangs on them; a trunk's piece alone, for else the whole tree went."""
    carried = np.bincount(pieces.piece, minlength=len(chosen))
    whole = carried.sum()
    for number in range(len(chosen) - 1, -1, -1):
        if pieces.parent[number] >= 0:
            carried[pieces.parent[number]] += carried[number]
    is_branch = carried < LARGEST_BRANCH * whole
    return (pieces.with_branches(chosen & is_branch) | chosen)[pieces.piece]


def _reached(voxels: IntArray, shape: tuple[int, ...], step: int) -> list[IntArray]:
    return [near for far in range(1, step + 1) for near in neighbours_of(voxels, shape, far)]


def _in_gap(pieces: VesselPieces, broken: BoolArray, half_mm: FloatArray, rng: np.random.Generator) -> BoolArray:
    """(V,) True within `half_mm` (P,) of a place along each `broken` piece."""
    count = len(broken)
    start = np.full(count, np.inf)
    end = np.zeros(count)
    np.minimum.at(start, pieces.piece, pieces.along_mm)
    np.maximum.at(end, pieces.piece, pieces.along_mm)
    at = start + rng.random(count) * (end - start)
    return broken[pieces.piece] & (np.abs(pieces.along_mm - at[pieces.piece]) < half_mm[pieces.piece])
