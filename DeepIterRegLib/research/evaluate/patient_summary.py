"""What is known of a patient without the images: small enough to keep and to send around."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from DeepIterRegLib.research.evaluate.case import Case, Costs


@dataclass(frozen=True, kw_only=True)
class PatientSummary:
    """A patient, prepared or not."""

    patient: str
    mpe_radiological_px: float
    motion_mm: float
    """How far the head moved during the run, on the detector; NaN where nobody knows."""
    costs: Costs
    defects: Mapping[str, Any]
    """As `SimulatedPatient.defects`."""
    warnings: tuple[str, ...] = ()
    """Of the preparation."""
    vein_fraction: float = math.nan
    """Of the detector of the first run: what its preparation takes for veins."""
    observers_mpe_mm: float = math.nan
    """Mean projection error between the references of two readers; NaN where there are not two."""
    observers_tre_mm: float = math.nan
    """... and their target registration error."""
    error: str = ""
    """Why the patient could not be prepared, one sentence; everything else is unknown then."""
    no_truth: str = ""
    """Why nobody can tell how well the patient is registered, one sentence: left out by every experiment."""
    made_of: str = ""
    """A hash of what the prepared images depend on; empty where unknown."""

    @classmethod
    def of(cls, case: Case, made_of: str = "") -> PatientSummary:
        observers = case.second_error_of(case.pose)
        return cls(
            patient=case.name,
            mpe_radiological_px=case.error_of(case.radiological_pose).mpe_px,
            motion_mm=motion_mm(case),
            costs=case.costs,
            defects=case.defects,
            warnings=case.warnings,
            vein_fraction=float(case.angiograms[0].veins.mean()),
            observers_mpe_mm=observers.mpe_mm if observers else math.nan,
            observers_tre_mm=observers.tre_mm if observers else math.nan,
            made_of=made_of,
        )

    @classmethod
    def of_failure(cls, patient: str, error: str, no_truth: str = "") -> PatientSummary:
        unknown = math.nan
        return cls(
            patient=patient,
            mpe_radiological_px=unknown,
            motion_mm=unknown,
            costs=Costs(unknown, unknown, unknown, unknown),
            defects={},
            error=error,
            no_truth=no_truth,
        )


def motion_mm(case: Case) -> float:
    """Greatest displacement on the detector, by the simulator's own record of the lateral run; NaN without one.

    Of the head: whoever swallows has ghosts of the teeth, which are not where the vessels are.
    """
    displacements_px = case.defects.get("lateral", {}).get("head_displacement_px", [])
    return max(displacements_px) * case.carm.pixel_spacing_mm[1] if displacements_px else math.nan
