"""Reader variability: how far two readers' references of the same patients are apart, beside each method's error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.evaluate.confidence_intervals import bootstrap_interval
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.statistics import Group, groups_of
from DeepIterRegLib.review.counting import wilcoxon_p


def observers_summary(
    patients: Mapping[str, PatientSummary], chosen: Sequence[str], rows: Sequence[Row], seed: int = 0
) -> dict[str, Any] | None:
    """JSON (schemas/evaluate_summary.schema.json, "observers"); None where no patient has two references.

    patients: what is known of each. chosen: who took part. rows: their registrations. A method is compared with the
    readers on the patients who have both; of several starts of a patient the median counts. Intervals by the bootstrap
    over patients.
    """
    known = {name: patients[name] for name in chosen if name in patients}
    mpe_mm = {name: of.observers_mpe_mm for name, of in known.items() if math.isfinite(of.observers_mpe_mm)}
    if not mpe_mm:
        return None
    return {
        "patients": len(mpe_mm),
        "mpe_mm": _statistics(np.array(list(mpe_mm.values())), seed),
        "tre_mm": _statistics(np.array([known[name].observers_tre_mm for name in mpe_mm]), seed),
        "methods": [_beside(group, mpe_mm, seed) for group in groups_of(rows)],
    }


def _beside(group: Group, observers_mm: Mapping[str, float], seed: int) -> dict[str, Any]:
    """A method's error against each reader, and against that of the readers among themselves."""
    first, second = (
        _median_of_patients(group, quantity, observers_mm) for quantity in ("mpe_final_mm", "mpe_second_mm")
    )
    differences = np.array([first[name] - observers_mm[name] for name in first])
    return {
        "label": group.label,
        "patients": len(first),
        "mpe_first_mm": _statistics(np.array(list(first.values())), seed),
        "mpe_second_mm": _statistics(np.array(list(second.values())), seed),
        "wilcoxon": {
            "patients": len(differences),
            "median_difference_mm": float(np.median(differences)) if differences.size else None,
            "p": wilcoxon_p(differences),
        },
    }


def _median_of_patients(group: Group, quantity: str, wanted: Mapping[str, float]) -> dict[str, float]:
    """Of the registrations that have a finite value."""
    values: dict[str, list[float]] = {}
    for patient, value in zip(group.patients, group.values(quantity), strict=True):
        if patient in wanted and math.isfinite(value):
            values.setdefault(patient, []).append(float(value))
    return {patient: float(np.median(of_patient)) for patient, of_patient in values.items()}


def _statistics(values: FloatArray, seed: int) -> dict[str, Any]:
    """As `statistics.summarise` has them, of one value a patient."""
    if not values.size:
        nothing = {"value": None, "low": None, "high": None}
        return {"count": 0, "mean": nothing, "median": nothing, "percentile95": None}
    estimates = {}
    for name, statistic in (("mean", np.mean), ("median", np.median)):
        low, high = bootstrap_interval(values, statistic, seed) or (None, None)
        estimates[name] = {"value": float(statistic(values)), "low": low, "high": high}
    return {"count": int(values.size), **estimates, "percentile95": float(np.percentile(values, 95))}
