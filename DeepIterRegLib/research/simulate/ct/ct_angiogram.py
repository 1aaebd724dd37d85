"""A CT angiogram of an anatomy, and what only a simulation knows about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.calcification import Plaque, draw_plaques
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.ct.ct_detector import detect
from DeepIterRegLib.research.simulate.ct.ct_enhancement import Lumen, lumens
from DeepIterRegLib.research.simulate.ct.ct_plan import BLOOD_HU, CtPlan
from DeepIterRegLib.research.simulate.ct.ct_streaks import add_streaks
from DeepIterRegLib.research.simulate.vessels.lumen import Filled, fill_balls, thinned
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel

VISIBLE_HU = 60.0
"""Above brain: what enhances less is in no mask."""
BRAIN_HU = 36.0
SHEATH_MM = 0.7
"""Wall, dura or periosteum between the lumen of a large vessel and the bone or air beside it."""
SHEATH_FROM_MM = 0.9
"""Radius from which a vessel has its own canal in bone."""
SHEATH_HU = 45.0
IN_SOFT_TISSUE = ("ECA", "STA", "occipital", "facial", "maxillary")
"""Arteries that run in no canal; a sheath would thicken the skin around those of the scalp."""
OPEN_AIR_HU = -800.0


@dataclass(frozen=True, eq=False, kw_only=True)
class CtScan:
    """A CTA with its truth, all (K, J, I) on one grid."""

    volume: Volume
    """int16, patient frame."""
    artery_mask: BoolArray
    """Voxels at least half filled by arteries that enhance by `VISIBLE_HU`."""
    vein_mask: BoolArray
    """Likewise by veins."""
    skull_vein_mask: BoolArray
    """Likewise by the large veins along the skull."""
    plain_head: Volume
    """int16 Hounsfield units without contrast, noise and kernel, plaques included: what the X-ray sees."""
    calcifications: tuple[Plaque, ...]
    """Head's frame."""
    defects: dict[str, Any] = field(default_factory=dict)
    """For truth.json."""


def scan(
    anatomy: Anatomy, stroke: Stroke | None, head_to_patient: FloatArray, plan: CtPlan, rng: np.random.Generator
) -> CtScan:
    """Scan the anatomy. head_to_patient: (4, 4) rigid, the head's frame to the patient frame (RAS, mm).

    Equal arguments and generators give equal scans. Peak memory about 15 bytes per voxel.
    """
    *_, noise_rng = generators = rng.spawn(4)
    ijk_to_patient = plan.ijk_to_patient(head_to_patient)
    filled = _fill(anatomy, stroke, np.linalg.inv(head_to_patient) @ ijk_to_patient, plan.size_kji, plan, generators)
    hu, flat, chalk = filled.hu, filled.hu.reshape(-1), filled.chalk
    without_chalk = flat[chalk.voxels]
    flat[chalk.voxels] += chalk.fill * (chalk.hu - without_chalk)
    plain = _whole_numbers(hu)
    flat[chalk.voxels] = without_chalk
    for blood in filled.blood:
        flat[blood.voxels] += blood.fill * (blood.hu - np.float32(BLOOD_HU))
    flat[chalk.voxels] += chalk.fill * (chalk.hu - flat[chalk.voxels])
    metal = add_streaks(hu, plan, noise_rng)
    voxels = detect(hu, plan, noise_rng)
    defects = {
        "plan": plan.as_json(),
        "plaques": sorted({plaque.where for plaque in filled.plaques}),
        "streaks from fillings": metal,
    }
    masks = filled.masks
    return CtScan(
        volume=Volume(voxels, ijk_to_patient, "cta", "simulated CTA"),
        artery_mask=masks[0],
        vein_mask=masks[1] | masks[2],
        skull_vein_mask=masks[2],
        plain_head=Volume(plain, ijk_to_patient, "cta", "simulated head"),
        calcifications=tuple(filled.plaques),
        defects=defects,
    )


def plain_head(
    anatomy: Anatomy, stroke: Stroke | None, head_to_patient: FloatArray, ijk_to_patient: FloatArray,
    size_kji: tuple[int, int, int], plan: CtPlan, rng: np.random.Generator,
) -> Volume:  # fmt: skip
    """What `scan` gives as its `plain_head` for the same plan and generator, on any other grid."""
    ijk_to_head = np.linalg.inv(head_to_patient) @ ijk_to_patient
    filled = _fill(anatomy, stroke, ijk_to_head, size_kji, plan, rng.spawn(4))
    flat, chalk = filled.hu.reshape(-1), filled.chalk
    flat[chalk.voxels] += chalk.fill * (chalk.hu - flat[chalk.voxels])
    return Volume(_whole_numbers(filled.hu), ijk_to_patient, "cta", "simulated head")


@dataclass(frozen=True, eq=False)
class _Filled:
    """A head with blood without contrast, and where what will enhance lies."""

    hu: npt.NDArray[np.float32]
    """(K, J, I)"""
    blood: tuple[Filled, Filled, Filled]
    """Arteries, veins off the skull, veins along it; no voxel holds more than it has room for."""
    chalk: Filled
    plaques: Sequence[Plaque]
    masks: list[BoolArray]
    """As `blood`: voxels at least half filled by what enhances."""


def _fill(
    anatomy: Anatomy, stroke: Stroke | None, ijk_to_head: FloatArray, size_kji: tuple[int, int, int], plan: CtPlan,
    generators: Sequence[np.random.Generator],
) -> _Filled:  # fmt: skip
    """generators: of tissue, lumens and plaques; what they draw does not depend on the grid."""
    tissue_rng, lumen_rng, plaque_rng, *_ = generators
    hu = anatomy.head.hu(ijk_to_head, size_kji, tissue_rng)
    painter = _Painter(np.linalg.inv(ijk_to_head), np.zeros(hu.shape, dtype=np.int32))
    vessels = anatomy.vessels
    blood = lumens(vessels, stroke, plan, lumen_rng)
    plaques = draw_plaques(vessels, plaque_rng)
    everything = range(len(vessels))
    walled = [n for n in everything if not vessels[n].name.startswith(IN_SOFT_TISSUE)]
    flat = hu.reshape(-1)
    _carve(flat, painter.vessels(vessels, blood, walled, SHEATH_FROM_MM, SHEATH_MM))
    arteries = painter.vessels(vessels, blood, [n for n in everything if not vessels[n].is_vein])
    veins = [n for n in everything if vessels[n].is_vein]
    others = painter.vessels(vessels, blood, [n for n in veins if not vessels[n].follows_skull])
    along_skull = painter.vessels(vessels, blood, [n for n in veins if vessels[n].follows_skull])
    chalk = painter.plaques(plaques)
    del painter
    arteries, others, along_skull = (_in_tissue(filled, flat) for filled in (arteries, others, along_skull))
    masks = [_mask(filled, hu.shape) for filled in (arteries, others, along_skull)]
    others = _beside(others, arteries)
    along_skull = _beside(_beside(along_skull, arteries), others)
    for filled in (arteries, others, along_skull):
        flat[filled.voxels] += filled.fill * (np.float32(BLOOD_HU) - flat[filled.voxels])
    return _Filled(hu, (arteries, others, along_skull), chalk, plaques, masks)


@dataclass(frozen=True, eq=False)
class _Painter:
    """Fills vessels and plaques into one grid."""

    to_ijk: FloatArray
    scratch: npt.NDArray[np.int32]

    def vessels(
        self, vessels: Sequence[Vessel], blood: Sequence[Lumen], members: Sequence[int], from_mm: float = 0.0,
        wider_mm: float = 0.0,
    ) -> Filled:  # fmt: skip
        """The lumens of `members`, where their radius is at least `from_mm`, wider all around by `wider_mm`."""
        points: list[FloatArray] = [np.zeros((0, 3))]
        radii: list[FloatArray] = [np.zeros(0)]
        hu: list[FloatArray] = [np.zeros(0)]
        for number in members:
            if from_mm and blood[number].radii_mm.max() < from_mm:
                continue
            keep = thinned(blood[number].radii_mm, STEP_MM)
            keep = keep[blood[number].radii_mm[keep] >= from_mm]
            points.append(vessels[number].points_mm[keep])
            radii.append(blood[number].radii_mm[keep] + wider_mm)
            hu.append(blood[number].hu[keep])
        return fill_balls(np.concatenate(points), np.concatenate(radii), np.concatenate(hu), self.to_ijk, self.scratch)

    def plaques(self, plaques: Sequence[Plaque]) -> Filled:
        points: list[FloatArray] = [np.zeros((0, 3))]
        radii: list[FloatArray] = [np.zeros(0)]
        hu: list[FloatArray] = [np.zeros(0)]
        for plaque in plaques:
            points.append(plaque.points_mm)
            radii.append(plaque.radii_mm)
            hu.append(np.full(len(plaque.radii_mm), plaque.hu))
        return fill_balls(np.concatenate(points), np.concatenate(radii), np.concatenate(hu), self.to_ijk, self.scratch)


def _mask(filled: Filled, shape: tuple[int, ...]) -> BoolArray:
    mask = np.zeros(shape, dtype=bool)
    mask.reshape(-1)[filled.voxels[(filled.fill >= 0.5) & (filled.hu - BRAIN_HU > VISIBLE_HU)]] = True
    return mask


def _in_tissue(filled: Filled, flat: FloatArray) -> Filled:
    """`filled` without what lies in the air around the head: no vessel runs outside the skin."""
    inside = flat[filled.voxels] > OPEN_AIR_HU
    return Filled(filled.voxels[inside], filled.fill[inside], filled.hu[inside])


def _beside(filled: Filled, other: Filled) -> Filled:
    """`filled`, in each voxel no more than `other` leaves room for."""
    if not len(other.voxels) or not len(filled.voxels):
        return filled
    place = np.minimum(np.searchsorted(other.voxels, filled.voxels), len(other.voxels) - 1)
    taken = np.where(other.voxels[place] == filled.voxels, other.fill[place], np.float32(0))
    return filled._replace(fill=np.minimum(filled.fill, 1 - taken))


def _carve(flat: FloatArray, sheaths: Filled) -> None:
    """Make soft tissue of the bone and air in a vessel's sheath; fat and brain stay."""
    before = flat[sheaths.voxels]
    hard = (before > 100) | (before < -150)
    flat[sheaths.voxels[hard]] += sheaths.fill[hard] * (np.float32(SHEATH_HU) - before[hard])


def _whole_numbers(hu: FloatArray) -> npt.NDArray[np.int16]:
    whole = np.empty(hu.shape, dtype=np.int16)
    for k, plane in enumerate(hu):
        whole[k] = np.rint(plane)
    return whole
