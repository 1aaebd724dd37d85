"""Vessels of a CTA on the work grid: in the cranial cavity, and below it in the neck."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.bone import Bone
from DeepIterRegLib.preparation.components import component_boxes, label_components, touching
from DeepIterRegLib.preparation.contrast import ContrastLevels
from DeepIterRegLib.preparation.distance import dilated, opened
from DeepIterRegLib.preparation.hounsfield_limits import AIR_BELOW_HU
from DeepIterRegLib.preparation.tubes import tubularity
from DeepIterRegLib.preparation.work_grid import WorkGrid

TUBE_NEAR_BONE = 0.3
TUBE_FAINT = 0.3
TUBE_FAINT_NEAR_BONE = 0.5
"""Tubularity that a voxel needs next to bone, where it is fainter than the threshold, and where it is both."""
THICK_MM = 1.5
"""Radius of a ball that fits into a sinus, not into a bony lamella or a rim of partial volume."""
SMALLEST_ML = 0.02
SMALLEST_FAINT_ML = 0.15
"""Of a tube that nowhere reaches half a vessel's brightness: noise and grey matter make shorter ones."""
PLATE_ML = (0.1, 2.0)
PLATE_THICK = 0.25
"""Share of its voxels in which the ball of `THICK_MM` fits."""
PLATE_WIDE, PLATE_THIN = 0.5, 0.4
"""Spread (standard deviation) along the second axis as a share of the first, and along the third of the second."""
NECK_FROM_BONE_MM = 1.5
NECK_RADIUS_MM = 1.2
NECK_BESIDE_BONE_MM = 4.0
NECK_BESIDE_BONE = 0.25
"""Share of a neck vessel's voxels that may lie that close to bone without further proof. Measured: vessels in mid-neck
up to 0.08, vertebrae from 0.3."""
NECK_MOST_BESIDE_BONE = 0.55
"""Carotid and jugular vein next to atlas, styloid and mandible reach 0.41 (simulated), marrow has 0.57 to 0.88."""
NECK_SLENDER = 0.04
"""Volume of a long vessel (or of one that forks) over the cube of its length: a tube 4.4 times as long as wide. What
lies that close to bone must be more slender away from it. Measured: vessels up to 0.033, marrow from 0.05."""
NECK_NO_BLOCK = 0.05
NECK_ROD_ROUND, NECK_ROD_LONG = 0.6, 1.5
"""What lies free of bone must be that slender, or round (spread of its thin side as a share of the wide one) and longer
than wide: streaks between fillings and blocks of a vertebra are neither (measured 0.056 to 0.19)."""
NECK_REGROWTH_MM = 12.0
"""How far along itself a vessel that was cut off at the bone is followed: the height of a transverse process."""
SMALLEST_NECK_ML = 0.5
SMALLEST_SLENDER_ML = 0.15
"""A vessel of 3 mm needs 20 mm for it: a piece of an external carotid branch, or of a carotid between two bones."""
NECK_WIDEST_MM = 35.0
"""Across the neck: a jugular vein of 15 mm cut obliquely, or touching the carotid; a jaw's limb or arch is longer."""
NECK_RUNS_UP = 0.7
"""Spread along the body as a share of that across it: steeper than 35 degrees. A dental arch lies flat."""


def intracranial_vessels(
    grid: WorkGrid, inside: BoolArray, core: BoolArray, bone: Bone, levels: ContrastLevels
) -> BoolArray:
    """(k, j, i) vessels in the cavity.

    inside, core: (k, j, i) the cavity with a margin of some millimetres, and the deep brain. The region that is
    searched is what can be reached from the deep brain without crossing bone.
    """
    open_space = inside & ~bone.wall & ~bone.solid & (grid.hu > AIR_BELOW_HU)
    region = touching(open_space, core)
    contrast = levels.vessel_hu - levels.tissue_hu
    clipped = np.where(region, np.clip(grid.hu, levels.tissue_hu, levels.vessel_hu), np.float32(levels.tissue_hu))
    bright = region & (grid.hu > levels.low_hu)
    near = bone.near
    maybe = region & (grid.hu > levels.tissue_hu + 3 * levels.noise_hu)
    tube = tubularity(clipped, contrast, grid.spacing_kji, maybe, background=core & region, textured=~near)
    pale = region & (grid.hu > levels.pale_hu)
    thick = opened(pale, THICK_MM, grid.spacing_kji)
    sure = bright & (~near | (tube > TUBE_NEAR_BONE)) | pale & dilated(thick, 1.0, grid.spacing_kji)
    faint = maybe & (tube > np.where(near, np.float32(TUBE_FAINT_NEAR_BONE), np.float32(TUBE_FAINT)))
    seeds = thick | (region & (grid.hu > levels.seed_hu))
    candidates = sure | faint
    found = touching(candidates, seeds, round(SMALLEST_ML / grid.voxel_ml))
    found |= touching(candidates, faint & ~near, round(SMALLEST_FAINT_ML / grid.voxel_ml))
    return found & ~_plates(found, thick, grid)


def neck_vessels(
    grid: WorkGrid, searched: BoolArray, bone: Bone, levels: ContrastLevels, to_head: FloatArray
) -> BoolArray:
    """(k, j, i) the large vessels below the skull, in `searched`: thick, bright, in soft tissue, running up the neck.

    to_head: (3, 3) columns turn a step along k, j, i into mm along the head's right, front and top. Marrow can be as
    bright, but bone is all around it, while a carotid or a jugular vein has bone on one side at most. Bone without a
    dense shell (jaws, palate, vertebral end plates) has nothing around it, but it lies across the neck: it is wide
    within a slice, or flat.
    """
    off_bone = ~dilated(bone.solid, NECK_FROM_BONE_MM, grid.spacing_kji)
    bright = searched & off_bone & (grid.hu > levels.neck_hu) & (grid.hu < levels.dense_hu)
    thick = _narrow_across(opened(bright, NECK_RADIUS_MM, grid.spacing_kji), to_head)
    beside = thick & dilated(bone.solid, NECK_BESIDE_BONE_MM, grid.spacing_kji)
    labels, sizes = label_components(thick)
    share = np.bincount(labels[beside], minlength=len(sizes)) / sizes
    keep = (sizes * grid.voxel_ml >= SMALLEST_NECK_ML) & (share <= NECK_BESIDE_BONE)
    voxel_mm3 = 1000 * grid.voxel_ml
    free = _selected(
        labels, keep, lambda points_mm: _runs_up(points_mm) and _is_no_block(points_mm, voxel_mm3), to_head
    )
    maybe = (share <= NECK_MOST_BESIDE_BONE)[labels] & thick & ~free
    pieces, sizes = label_components(maybe & ~beside)
    long = sizes * grid.voxel_ml >= SMALLEST_SLENDER_ML
    trunks = _selected(
        pieces,
        long,
        lambda points_mm: _runs_up(points_mm) and _is_slender(points_mm, voxel_mm3, NECK_SLENDER),
        to_head,
    )
    return free | _regrown(trunks, maybe, grid.spacing_kji)


def _regrown(pieces: BoolArray, mask: BoolArray, spacing_kji: FloatArray) -> BoolArray:
    """`pieces` and what of `mask` is connected to them within `NECK_REGROWTH_MM`, other pieces of it aside."""
    return touching(mask & dilated(pieces, NECK_REGROWTH_MM, spacing_kji), pieces)


def _selected(
    labels: npt.NDArray[np.uint32], keep: BoolArray, shape: Callable[[FloatArray], bool], to_head: FloatArray
) -> BoolArray:
    """(k, j, i) the components 1, 2, ... of `labels` that `keep` (N,) names and whose points (N, 3), in mm along the
    head's axes, have the `shape`."""
    keep = keep.copy()
    keep[0] = False
    boxes = component_boxes(labels)
    for label in np.flatnonzero(keep):
        keep[label] = shape(np.argwhere(labels[boxes[label - 1]] == label) @ to_head.T)
    return keep[labels]


def _is_no_block(points_mm: FloatArray, volume_mm3: float) -> bool:
    """Whether points (N, 3), each of `volume_mm3`, are slender, or a short thick rod, as the lower end of a jugular."""
    thin, wide, long = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points_mm.T)), 0))
    rod = thin >= NECK_ROD_ROUND * wide and long >= NECK_ROD_LONG * wide
    return bool(rod) or _is_slender(points_mm, volume_mm3, NECK_NO_BLOCK)


def _is_slender(points_mm: FloatArray, volume_mm3: float, most: float) -> bool:
    """Whether points (N, 3), each of `volume_mm3`, are long for their number: at most `most` of the cube of their
    length, which is that of a rod so spread."""
    along = np.sqrt(12 * np.linalg.eigvalsh(np.cov(points_mm.T))[-1])
    return bool(len(points_mm) * volume_mm3 <= most * along**3)


def _plates(vessels: BoolArray, thick: BoolArray, grid: WorkGrid) -> BoolArray:
    """Components that are thick, as wide as long, and flat: end plates of vertebrae below the foramen magnum, lamellae.

    A piece of a tree has such a shape too, but it is thin; a whole sinus system is large.
    """
    labels, sizes = label_components(vessels)
    thick_share = np.bincount(labels[thick & vessels], minlength=len(sizes)) / sizes
    ml = sizes * grid.voxel_ml
    drop = np.zeros(len(sizes), dtype=bool)
    boxes = component_boxes(labels)
    for label in 1 + np.flatnonzero(
        (ml[1:] >= PLATE_ML[0]) & (ml[1:] <= PLATE_ML[1]) & (thick_share[1:] > PLATE_THICK)
    ):
        points = np.argwhere(labels[boxes[label - 1]] == label) * grid.spacing_kji
        thin, wide, long = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0))
        drop[label] = wide > PLATE_WIDE * long and thin < PLATE_THIN * wide
    return drop[labels]


def _narrow_across(mask: BoolArray, to_head: FloatArray) -> BoolArray:
    """`mask` without what is wider than any neck vessel in a slice across the neck."""
    up = int(np.argmax(np.abs(to_head[2])))
    in_slice = np.ones((3, 3, 3), dtype=int)
    in_slice[(slice(None),) * up + ([0, 2],)] = 0
    labels, count = ndimage.label(mask, in_slice)
    keep = np.zeros(count + 1, dtype=bool)
    steps = np.linalg.norm(to_head, axis=0)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        extent = [(span.stop - span.start) * step for span, step in zip(box, steps, strict=True)]
        extent[up] = 0.0
        keep[label] = np.linalg.norm(extent) <= NECK_WIDEST_MM
    return keep[labels]


def _runs_up(points_mm: FloatArray) -> bool:
    """Whether points (N, 3) spread along their third axis, up, at least `NECK_RUNS_UP` times as far as across it."""
    covariance = np.cov(points_mm.T)
    across = np.linalg.eigvalsh(covariance[:2, :2])[-1]
    return bool(covariance[2, 2] >= NECK_RUNS_UP**2 * across)
