"""Turns the true vessel masks of a CTA and of a DSA into masks with the errors that segmentations have."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.segmentations.false_vessels import (
    bone_stuck_to,
    enhanced_dura,
    noise_lines,
    skull_ghosts,
    worms,
)
from DeepIterRegLib.research.simulate.segmentations.piece_defects import Liability, degraded
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
from DeepIterRegLib.research.simulate.segmentations.vessel_pieces import VesselPieces, cut_into_pieces

Hounsfield = npt.NDArray[np.int16] | npt.NDArray[np.float32]

DETECTOR_MM = 210.0
"""A detector's width, seen at the isocentre: about 300 mm over a magnification of 1.5."""
# Chosen so that realistic segmentations overlap with the truth as published ones do
# (docs/measurements/segmentations.md).
IN_VOLUME = Liability(missed=0.6, thin_mm=0.35, calibre=0.75)
ON_DETECTOR = Liability(missed=0.9, thin_mm=0.45, calibre=0.7)
JUGULAR_LOST = 0.5
NECK_SHARE = (0.18, 0.36)
"""How much of the veins' height is neck and skull base, where a jugular vein is lost."""
SHUTTER_LOST, SHUTTER_SHARE = 0.5, 0.14


def degrade_volume(
    arteries: BoolArray, veins: BoolArray, skull_veins: BoolArray, hu: Hounsfield, spacing_mm: FloatArray,
    quality: SegmentationQuality, rng: np.random.Generator,
) -> tuple[BoolArray, BoolArray]:  # fmt: skip
    """Segmentations (vessels, veins) of a CTA, each (K, J, I), with as many errors as `quality` says.

    arteries, veins, skull_veins: (K, J, I) the truth, the last a part of `veins`; k counts from the neck upwards. hu:
    (K, J, I) the CTA. spacing_mm: (3,) along i, j, k. Of what comes back, `vessels` holds all vessels and `veins` those
    that are taken for the large veins along the skull, a part of it: without errors `arteries | veins` and
    `skull_veins`. Equal random numbers and a higher quality's amount give more of the same errors.
    """
    spacing_kji = np.asarray(spacing_mm, dtype=float)[::-1]
    vessels, found_veins = np.zeros(arteries.shape, dtype=bool), np.zeros(arteries.shape, dtype=bool)
    streams = iter(rng.spawn(8))
    lean = float(rng.normal())
    for is_vein, truth in ((False, arteries), (True, veins)):
        pieces = cut_into_pieces(truth, spacing_kji, entry=-1)
        lost = _lost_jugular(pieces, quality, next(streams)) if is_vein else np.zeros(len(pieces.voxels), dtype=bool)
        marked = degraded(pieces, spacing_kji, lost, IN_VOLUME, lean, quality, next(streams))
        vessels.reshape(-1)[marked.voxels] = True
        labelled = marked.swapped ^ (is_vein & skull_veins.reshape(-1)[marked.origin])
        found_veins.reshape(-1)[marked.voxels[labelled]] = True
    truth = arteries | veins
    if not truth.any():
        return vessels, found_veins
    for add, amount in (
        (bone_stuck_to, quality.merged_bone),
        (enhanced_dura, quality.false_vessels),
        (worms, quality.false_vessels),
    ):
        # Drawn around the truth, so that a smaller amount of the other defects leaves these where they are.
        for blob, beside in add(truth, hu, spacing_kji, amount, next(streams)):
            vessels.reshape(-1)[blob] = True
            if skull_veins.reshape(-1)[beside]:
                found_veins.reshape(-1)[blob] = True
    return vessels, found_veins


def degrade_detector(
    arteries: BoolArray, veins: BoolArray, quality: SegmentationQuality, rng: np.random.Generator
) -> tuple[BoolArray, BoolArray]:
    """Segmentations (vessels, veins) of a DSA, each (rows, columns), with as many errors as `quality` says.

    arteries, veins: (rows, columns) the truth, which may overlap; the neck is below. Of what comes back, `veins` is a
    part of `vessels`; without errors they are `arteries | veins` and `veins`. As in `degrade_volume`, the errors of a
    smaller amount are a part of those of a larger one.
    """
    spacing_mm = np.full(2, DETECTOR_MM / arteries.shape[1])
    found = [np.zeros(arteries.shape, dtype=bool), np.zeros(arteries.shape, dtype=bool)]
    streams = iter(rng.spawn(8))
    lean = float(rng.normal())
    for number, truth in enumerate((arteries, veins)):
        pieces = cut_into_pieces(truth, spacing_mm, entry=1)
        nothing = np.zeros(len(pieces.voxels), dtype=bool)
        marked = degraded(pieces, spacing_mm, nothing, ON_DETECTOR, lean, quality, next(streams))
        found[number].reshape(-1)[marked.voxels[~marked.swapped]] = True
        found[1 - number].reshape(-1)[marked.voxels[marked.swapped]] = True
    truth = arteries | veins
    for add, amount in ((skull_ghosts, quality.ghosts), (noise_lines, quality.false_vessels)):
        for line, is_vein in add(truth, veins, spacing_mm, amount, next(streams)):
            found[int(is_vein)].reshape(-1)[line] = True
    covered = _shuttered(truth, quality, next(streams))
    return (found[0] | found[1]) & ~covered, found[1] & ~covered


def dice(one: BoolArray, other: BoolArray) -> float:
    """Overlap of two masks, 1 where they are equal (two empty ones too). Source: Dice 1945, Ecology 26:297."""
    total = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / total if total else 1.0


def _lost_jugular(pieces: VesselPieces, quality: SegmentationQuality, rng: np.random.Generator) -> BoolArray:
    """(V,) True in one side's neck, should the jugular vein be lost there."""
    luck, share, is_right = rng.random(), rng.uniform(*NECK_SHARE), rng.random() < 0.5
    if luck >= JUGULAR_LOST * quality.lost_jugular or len(pieces.voxels) == 0:
        return np.zeros(len(pieces.voxels), dtype=bool)
    k, _, i = np.unravel_index(pieces.voxels, pieces.shape)
    beside = i > (i.min() + i.max()) / 2
    return (k < k.min() + share * (k.max() - k.min())) & (beside == is_right)


def _shuttered(truth: BoolArray, quality: SegmentationQuality, rng: np.random.Generator) -> BoolArray:
    """(rows, columns) True where a collimator, or a reader's frame, cut the image off."""
    luck, share, side = rng.random(), rng.uniform(0.3, 1), int(rng.integers(4))
    covered = np.zeros(truth.shape, dtype=bool)
    if luck < SHUTTER_LOST * quality.shutter:
        turned = np.rot90(covered, side)
        turned[: round(SHUTTER_SHARE * share * quality.shutter * len(turned))] = True
    return covered
