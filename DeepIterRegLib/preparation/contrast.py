"""The brightness of tissue, contrast-filled vessels and bone in a CTA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.robust_statistics import robust_sigma
from DeepIterRegLib.preparation.cavity import Cavity
from DeepIterRegLib.preparation.components import component_boxes, label_components
from DeepIterRegLib.preparation.distance import dilated, eroded
from DeepIterRegLib.preparation.work_grid import WorkGrid

ABOVE_TISSUE_HU = 80.0
"""Blood without contrast lies 20 to 40 HU above brain, fresh haematoma 60; contrast in a CTA 100 to 600 above."""
PALE_HU = 70.0
"""Above brain, for sinuses: less than arteries have, more than dura."""
AROUND_CORE_MM = 7.0
"""The core keeps 12 mm from dense bone and calcification; this far around it there is no bone, nor partial volume of
bone, nor the marrow of the clivus, but there are the larger arteries and the deep veins."""
OFF_WALL_MM = 3.0
"""Where the brightness of vessels is measured, from the cavity's wall: where thick slices thin the vault, the core is
near enough for bone's partial volume to lift the 99th percentile from 360 to 640 HU, and the bone threshold with it.
"""
LEAST_CONTRAST_ML = 1.0
"""Of bright voxels deep in the brain. Measured: 0.3 mL (calcifications, bits of bone) without contrast in skull-ct,
6.5 mL and more with drawn contrast in the same head; see docs/measurements/cta_preparation.md."""
LONG_MM = 40.0
"""Diagonal of the box around its longest connected part: a large artery or a deep vein. Measured on the work grid: 62
to 234 mm with contrast of 200 HU and more (43 and 45 through voxels of 2 mm), calcifications and bits of bone at most
37 (0.9 mL in all, so the volume above leaves them out as well). Not its volume: in an early phase the longest part
holds 0.4 mL where every other voxel is looked at."""
SCATTERED_ML = 4.5
"""So much needs no connection: slices of 5 mm break arteries without veins into pieces of 26 mm (6.3 mL measured)."""
BRIGHTEST_PERCENTILE = 99.0
VESSEL_PERCENTILE = 95.0
"""Of the deep bright voxels: most are partial volume, the lumen of the larger ones is what remains on top."""


LUMEN_PERCENTILE = 75.0
"""Of a vessel mask's voxels: most are partial volume, and the brightest may be calcified."""


def lumen_hu(hu: FloatArray) -> float:
    """Brightness of the lumen of vessels whose voxels are `hu` (any shape, not empty)."""
    return float(np.percentile(hu, LUMEN_PERCENTILE))


@dataclass(frozen=True)
class ContrastLevels:
    """Brightness in HU."""

    tissue_hu: float
    noise_hu: float
    """Standard deviation of brain on the grid that was looked at."""
    vessel_hu: float
    brightest_hu: float
    """What the largest arteries reach."""
    volume_ml: float
    """Of bright voxels deep in the brain."""
    has_contrast: bool = True
    """False: nothing is brighter than brain, which then stands for the vessels as well."""

    @property
    def low_hu(self) -> float:
        """A third filled, or four standard deviations above brain, whichever is more."""
        return self.tissue_hu + max(4.0 * self.noise_hu, 0.33 * (self.vessel_hu - self.tissue_hu))

    @property
    def seed_hu(self) -> float:
        """Vessel without doubt, unless bone."""
        return self.tissue_hu + max(5.0 * self.noise_hu, 0.5 * (self.vessel_hu - self.tissue_hu))

    @property
    def neck_hu(self) -> float:
        """Brighter than glands and muscle, which take up contrast; half filled."""
        return self.tissue_hu + max(4.0 * self.noise_hu, 0.45 * (self.vessel_hu - self.tissue_hu))

    @property
    def pale_hu(self) -> float:
        """Enough for what is thick: sinuses of an early phase, brighter than dura and than a haematoma all the same."""
        return self.tissue_hu + max(4.0 * self.noise_hu, PALE_HU)

    @property
    def dense_hu(self) -> float:
        """No vessel reaches it: bone, calcification, metal. Carotids are up to a third brighter than cerebral
        arteries (thicker, so without partial volume); below 500 HU lies cancellous bone, above 1000 not all cortex."""
        return float(np.clip(1.4 * self.brightest_hu, 500.0, 1000.0))


def contrast_levels(work: WorkGrid, coarse: WorkGrid, cavity: Cavity) -> ContrastLevels:
    """Levels of a CT; without contrast where too little is as bright as that, or in bits.

    cavity: on the grid `coarse`, which was sampled from `work`. Without contrast `dense_hu` is the least there is: no
    vessel has to be told from bone.
    """
    brain = coarse.hu[cavity.core]
    tissue = float(np.median(brain))
    noise = robust_sigma(brain - tissue)
    least = tissue + max(ABOVE_TISSUE_HU, 4.0 * noise)
    deep = dilated(cavity.core, AROUND_CORE_MM, cavity.spacing_kji)
    bright = deep & (coarse.hu > least)
    volume_ml = float(np.count_nonzero(bright)) * coarse.voxel_ml
    if volume_ml < LEAST_CONTRAST_ML or (volume_ml < SCATTERED_ML and _longest_mm(deep, least, work, coarse) < LONG_MM):
        return ContrastLevels(tissue, noise, tissue, tissue, volume_ml, has_contrast=False)
    off_wall = bright & eroded(cavity.inside, OFF_WALL_MM, cavity.spacing_kji)
    vessel, brightest = np.percentile(
        coarse.hu[off_wall if off_wall.any() else bright], [VESSEL_PERCENTILE, BRIGHTEST_PERCENTILE]
    )
    return ContrastLevels(tissue, noise, float(vessel), float(brightest), volume_ml)


def _longest_mm(deep: BoolArray, least_hu: float, work: WorkGrid, coarse: WorkGrid) -> float:
    """Diagonal of the largest box around a connected part of what is brighter than `least_hu` in `deep` (on `coarse`).

    On the work grid, because thin arteries fall apart where every other voxel is looked at.
    """
    labels, _ = label_components(coarse.to_fine(deep) & (work.hu > least_hu))
    extents = [[span.stop - span.start for span in box] for box in component_boxes(labels)]
    return max((float(np.linalg.norm(extent * work.spacing_kji)) for extent in extents), default=0.0)
