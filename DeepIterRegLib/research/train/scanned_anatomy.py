"""A head of training from a CTA: its own vessels, named and completed by a generated head that is laid over it.

A CTA's segmentation holds the large veins and the thick arteries, a DSA shows many more. So a generated head lends what
the scan does not show, and tells which sinus or artery each point of the scan belongs to, and how far along it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import resampled
from DeepIterRegLib.research.train.cta_veins import STILL_A_HEAD_MM3
from DeepIterRegLib.research.train.head_fit import fit_head
from DeepIterRegLib.research.train.vein_anatomy import CELL_MM, Floats, Scan, TrainingAnatomy

FITTED = ("superior sagittal sinus", "transverse sinus", "sigmoid sinus", "straight sinus")
"""What a generated head is laid over the scan by."""
LARGE = (*FITTED, "internal jugular vein", "vein of Galen")
"""What a large vein of a scan may be; its other vessels may be all but the sinuses above."""
NEAR_MM = 12.0
"""A lent vessel ends where the scan shows the same one this near: it is that vessel, a little off."""


@dataclass(frozen=True, eq=False)
class ScannedHead:
    """The vessels of a CTA as points, RAS, mm about the CTA's centre. Nothing in it names anybody."""

    points_mm: Floats
    """(N, 3)."""
    volumes_mm3: Floats
    """(N,) what each point stands for."""
    is_vein: BoolArray
    """(N,) large veins."""

    @classmethod
    def of(cls, cloud: VesselCloud) -> ScannedHead:
        """Raises InputError where there are hardly any large veins."""
        if cloud.veins.weights_mm3.sum() < STILL_A_HEAD_MM3:
            raise InputError("The CTA shows hardly any large vein; give one that was taken when they were filled.")
        cells = resampled(cloud, max(CELL_MM, cloud.cell_mm))
        points = cells.positions_mm - cloud.centre_mm
        return cls(points.astype(np.float32), cells.weights_mm3.astype(np.float32), cells.is_vein)

    def stretched(self, factors: FloatArray) -> ScannedHead:
        """(3,) along R, A, S; a negative one mirrors. Each point stands for as much as before."""
        return replace(self, points_mm=self.points_mm * factors.astype(np.float32))

    def write(self, path: Path) -> None:
        """All of it or nothing. Raises OSError."""
        with whole_file(path) as file:
            np.savez(file, points_mm=self.points_mm, volumes_mm3=self.volumes_mm3, is_vein=self.is_vein)

    @classmethod
    def read(cls, path: Path) -> ScannedHead:
        """What `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["points_mm"], arrays["volumes_mm3"], arrays["is_vein"])


def scanned_anatomy(head: ScannedHead, lender: TrainingAnatomy) -> TrainingAnatomy:
    """The scanned head with the vessels that it does not show lent by a generated one, whose names it takes over.

    Its frame has the axes of the scan and its origin in the middle of the brain, as far as the fit tells.
    """
    sinuses = lender.points_mm[np.isin(lender.kind, FITTED)[lender.vessel]]
    fit = fit_head(sinuses, head.points_mm[head.is_vein])
    # The origin of a generated head is the middle of its brain: that is where it goes.
    lent = fit(lender.points_mm) - fit.shift_mm
    shown = head.points_mm - fit.shift_mm
    model = _models(lent, lender, shown, head.is_vein)
    owner, along, radius = lender.vessel[model], lender.along[model], fit.scale * lender.radius_mm[model]
    stays = ~_doubled(lent, lender.vessel, shown, owner)

    points = np.concatenate([lent[stays], shown])
    vessel = np.concatenate([lender.vessel[stays], owner])
    # Points lie in the order of their vessels, veins first.
    order = np.argsort(vessel, kind="stable")
    is_scanned = np.repeat([False, True], [stays.sum(), len(shown)])
    is_large = np.concatenate([np.zeros(stays.sum(), dtype=bool), head.is_vein])
    volumes = np.concatenate([fit.scale**3 * lender.volumes_mm3[stays], head.volumes_mm3])
    vessel = vessel[order]
    return replace(
        lender,
        points_mm=points[order].astype(np.float32),
        volumes_mm3=volumes[order].astype(np.float32),
        vessel=vessel,
        along=np.concatenate([lender.along[stays], along])[order],
        radius_mm=np.concatenate([fit.scale * lender.radius_mm[stays], radius])[order].astype(np.float32),
        vein_points=int(np.searchsorted(vessel, lender.vein_count)),
        mean_radius_mm=fit.scale * lender.mean_radius_mm,
        length_mm=fit.scale * lender.length_mm,
        middle_mm=fit(lender.middle_mm) - fit.shift_mm,
        scan=Scan(centre_mm=-fit.shift_mm, is_scanned=is_scanned[order], is_large_vein=is_large[order]),
    )


def _models(
    lent_mm: FloatArray, lender: TrainingAnatomy, shown_mm: FloatArray, is_vein: BoolArray
) -> npt.NDArray[np.intp]:
    """(N,) for each point of the scan the lent point that it takes its name from: the nearest that it may be."""
    large, not_large = (
        np.isin(lender.kind, kinds, invert=invert)[lender.vessel] for kinds, invert in ((LARGE, False), (FITTED, True))
    )
    model = np.zeros(len(shown_mm), dtype=np.intp)
    for these, candidates in ((is_vein, large), (~is_vein, not_large)):
        numbers = np.flatnonzero(candidates)
        if these.any():
            model[these] = numbers[cKDTree(lent_mm[numbers]).query(shown_mm[these])[1]]
    return model


def _doubled(
    lent_mm: FloatArray, lent_vessel: npt.NDArray[np.int32], shown_mm: FloatArray, owner: npt.NDArray[np.int32]
) -> BoolArray:
    """(N,) lent points near which the scan shows the same vessel."""
    doubled = np.zeros(len(lent_mm), dtype=bool)
    for vessel in np.unique(owner):
        numbers = np.flatnonzero(lent_vessel == vessel)
        distance_mm, _ = cKDTree(shown_mm[owner == vessel]).query(lent_mm[numbers], distance_upper_bound=NEAR_MM)
        doubled[numbers] = np.isfinite(distance_mm)
    return doubled
