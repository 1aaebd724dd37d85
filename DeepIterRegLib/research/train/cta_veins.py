"""What a CTA's vein segmentation holds of a head's veins, and what else it takes for veins.

How often sinuses are found, and from which thickness, follows 93 simulated patients (seeds 0 to 93) whose scans were
segmented by our own preparation. Bone, gaps, fragments and long jugular veins, hardly ever seen there, are guesses:
scanners of other hospitals may be worse than the simulated one.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.research.train.vein_anatomy import Floats, TrainingAnatomy

SAGITTAL_BEGINS, SAGITTAL_BEGINS_SD = 0.28, 0.10
"""Where along the sagittal sinus, from the front, it is thick enough to be found."""
TRANSVERSE_FROM_MM, SIGMOID_FROM_MM, THICKNESS_SD_MM = 1.75, 2.55, 0.2
"""Mean radius from which these sinuses are found."""
OVERLOOKED = 0.04
"""Share of the sinuses that are missed whatever their thickness."""
SIGMOID_CUT, JUGULAR, LONG_JUGULAR, STRAIGHT, STRAIGHT_WHOLE, DEEP = 0.3, 0.55, 0.15, 0.86, 0.5, 0.35
CORTICAL_STUB = 0.035
FRAGMENT, BONE, GAPS = 0.04, 0.35, 0.2
STILL_A_HEAD_MM3 = 300.0
"""The segmentation of a scan that shows less is no use, and the initializer would not look at it."""


def clean_veins(anatomy: TrainingAnatomy) -> BoolArray:
    """(V,) the veins that the paper registers: those that surround the skull, and the straight sinus."""
    return anatomy.follows_skull | (anatomy.kind == "straight sinus")


def cta_veins(anatomy: TrainingAnatomy, rng: np.random.Generator, amount: float = 1.0) -> tuple[Floats, Floats]:
    """Points (M, 3) mm in the head's frame and their volumes (M,) mm3, as a CTA's segmentation finds the veins.

    amount: 0 for exactly the veins of `clean_veins`, 1 for what is seen in prepared scans; between them the share of
    the scans that are as bad. There are always some points. A scanned head shows what its CTA showed: that
    segmentation has its defects already.
    """
    if anatomy.scan is not None:
        shown = anatomy.scan.is_large_vein
        return anatomy.points_mm[shown], anatomy.volumes_mm3[shown]
    if rng.random() >= amount:
        keep = clean_veins(anatomy)[anatomy.vessel]
        return anatomy.points_mm[keep], anatomy.volumes_mm3[keep]
    low, high = _kept_stretches(anatomy, rng)
    count = anatomy.vein_points
    vessel, along = anatomy.vessel[:count], anatomy.along[:count]
    keep = (along >= low[vessel]) & (along <= high[vessel])
    points, volumes = anatomy.points_mm[:count][keep], anatomy.volumes_mm3[:count][keep]
    if rng.random() < FRAGMENT:
        points, volumes = _without(points, volumes, rng, rng.uniform(35, 80), inside=False)
    for _ in range(rng.poisson(GAPS)):
        points, volumes = _without(points, volumes, rng, rng.uniform(4, 14), inside=True)
    points, volumes = _with_bone(points, volumes, rng)
    # A segmentation's wall is where the threshold puts it.
    spread = np.float32(rng.uniform(0, 0.6))
    return points + spread * rng.standard_normal(points.shape, dtype=np.float32), volumes


def _kept_stretches(anatomy: TrainingAnatomy, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(V,) where along each vessel the segmentation begins and ends; begins beyond 1 where it holds none of it."""
    count = len(anatomy.kind)
    low, high = np.full(count, 2, np.float32), np.ones(count, np.float32)
    kind, radius = anatomy.kind, anatomy.mean_radius_mm
    found = rng.random(count) >= OVERLOOKED
    threshold = rng.normal(0, THICKNESS_SD_MM)

    begins = rng.uniform(0.5, 0.8) if rng.random() < 0.03 else rng.normal(SAGITTAL_BEGINS, SAGITTAL_BEGINS_SD)
    low[kind == "superior sagittal sinus"] = max(begins, 0.0)
    transverse = found & (kind == "transverse sinus") & (radius > TRANSVERSE_FROM_MM + threshold)
    low[transverse] = np.where(rng.random(transverse.sum()) < 0.1, rng.uniform(0, 0.7, transverse.sum()), 0)
    sigmoid = found & (kind == "sigmoid sinus") & (radius > SIGMOID_FROM_MM + threshold)
    low[sigmoid] = 0
    for number in np.flatnonzero(sigmoid):
        if rng.random() < SIGMOID_CUT:
            high[number] = rng.uniform(0.33, 0.9)
        elif rng.random() < JUGULAR:
            # Below the skull's base the jugular vein is left out, if the preparation notices where that is.
            jugular = anatomy.trunk[number]
            low[jugular] = 0
            high[jugular] = rng.uniform(0.2, 1.0) if rng.random() < LONG_JUGULAR else rng.uniform(0.06, 0.2)
    if rng.random() < STRAIGHT:
        whole = rng.random() < STRAIGHT_WHOLE
        low[kind == "straight sinus"] = 0 if whole else rng.uniform(0, 0.85)
        if whole:
            low[kind == "vein of Galen"] = rng.uniform(0, 0.5)
            low[(kind == "internal cerebral vein") & (rng.random(count) < DEEP)] = rng.uniform(0.3, 0.9)
    stub = np.flatnonzero(anatomy.is_vein & ~anatomy.is_twig & (rng.random(count) < CORTICAL_STUB) & (radius > 0.6))
    bridging = stub[np.isin(kind[stub], ["cortical vein", "vein of Trolard", "vein of Labbe"])]
    low[bridging] = 1 - rng.uniform(0.1, 0.7, len(bridging))
    return low, high


def _without(
    points: Floats, volumes: Floats, rng: np.random.Generator, radius_mm: float, inside: bool
) -> tuple[Floats, Floats]:
    """Take out what lies in (or not in) a ball about one of the points, as long as enough remains."""
    about = points[rng.integers(len(points))]
    stays = (((points - about) ** 2).sum(axis=1) < radius_mm**2) != inside
    return (points[stays], volumes[stays]) if volumes[stays].sum() > STILL_A_HEAD_MM3 else (points, volumes)


def _with_bone(points: Floats, volumes: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """With pieces of the inner table and of the petrous bone that stick to the sinuses."""
    pieces, weights = [points], [volumes]
    for _ in range(rng.poisson(BONE)):
        about = points[rng.integers(len(points))]
        length_mm, thickness_mm = rng.uniform(2, 9), rng.uniform(0.5, 3)
        outwards = about / max(float(np.linalg.norm(about)), 1.0)
        offset = rng.standard_normal((150, 3), dtype=np.float32)
        across = (offset @ outwards)[:, None] * outwards
        # Flat along the table, and a little outside of the sinus.
        piece = about + rng.uniform(0, 4) * outwards + length_mm * (offset - across) + thickness_mm * across
        pieces.append(piece.astype(np.float32))
        weights.append(np.full(150, rng.uniform(1, 6), np.float32))
    return np.concatenate(pieces), np.concatenate(weights)
