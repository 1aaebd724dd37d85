"""The rows of an experiment in numbers: success rates, errors, capture ranges, comparisons between methods."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.evaluate.capture_range import BINS, THRESHOLD, CaptureRange, capture_range
from DeepIterRegLib.research.evaluate.confidence_intervals import (
    LEVEL,
    Interval,
    bootstrap_interval,
    cluster_bootstrap,
    percentile_interval,
    wilson_interval,
)
from DeepIterRegLib.research.evaluate.initialization import initialization
from DeepIterRegLib.research.evaluate.paired import mcnemar_p
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, NO_INITIALIZER, SUCCESS_MM, Row
from DeepIterRegLib.review.counting import wilcoxon_p

SCHEMA_VERSION = 1
QUANTITIES = (
    "mpe_radiological_px", "mpe_start_px", "mpe_start_mm", "mpe_initialized_px", "mpe_final_px", "mpe_final_mm",
    "tre_mm", "error_along_beam_mm", "error_across_beam_mm", "seconds",
)  # fmt: skip
MIN_STARTS_FOR_RANGE = 5 * BINS
"""Registrations below which the medians of ten bins are noise."""


@dataclass(frozen=True, eq=False)
class Group:
    """The registrations of one experiment by one method, in the order of the rows."""

    experiment: str
    method: str
    initializer: str
    rows: tuple[Row, ...]

    @property
    def label(self) -> str:
        """The method's name in tables and plots."""
        return self.method if self.initializer == NO_INITIALIZER else f"{self.method} + {self.initializer}"

    @property
    def patients(self) -> list[str]:
        return [row.patient for row in self.rows]

    @property
    def success(self) -> BoolArray:
        return np.array([row.success for row in self.rows], dtype=bool)

    @property
    def one_row_per_patient(self) -> bool:
        return len(set(self.patients)) == len(self.rows)

    def values(self, quantity: str) -> FloatArray:
        """(N,) a column of the rows, or "mpe_start_mm"; NaN where unknown."""
        if quantity == "mpe_start_mm":
            return self.values("mpe_start_px") * MM_PER_PX
        return np.array([getattr(row, quantity) for row in self.rows], dtype=np.float64)


def groups_of(rows: Sequence[Row]) -> list[Group]:
    """One group for each experiment, method and initializer, in the order of their first rows."""
    members: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        members.setdefault((row.experiment, row.method, row.initializer), []).append(row)
    return [Group(*key, tuple(of_key)) for key, of_key in members.items()]


def summarise(rows: Sequence[Row], seed: int = 0) -> dict[str, Any]:
    """Everything that the tables show, as plain JSON (schemas/evaluate_summary.schema.json).

    A registration without a result counts as failed in rates and capture ranges; the statistics of errors are over the
    registrations that have one, and say how many (`count`). seed: of the bootstrap. Infinite or unknown becomes None.
    """
    groups = groups_of(rows)
    experiments = []
    for name in dict.fromkeys(group.experiment for group in groups):
        members = [group for group in groups if group.experiment == name]
        experiments.append({
            "experiment": name,
            "methods": [_summary(group, seed) for group in members],
            "comparisons": [_comparison(first, second) for first, second in combinations(members, 2)],
        })  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION,
        "success_mm": SUCCESS_MM,
        "mm_per_px": MM_PER_PX,
        "confidence_level": LEVEL,
        "bootstrap_seed": seed,
        "experiments": experiments,
    }


def capture_range_of(group: Group, unit: str, seed: int = 0) -> CaptureRange | None:
    """In "px" or "mm" of both the initial and the final error; None for a group too small for bins."""
    initial, final = group.values(f"mpe_start_{unit}"), group.values(f"mpe_final_{unit}")
    known = ~np.isnan(initial)
    if known.sum() < MIN_STARTS_FOR_RANGE:
        return None
    patients = [patient for patient, is_known in zip(group.patients, known, strict=True) if is_known]
    return capture_range(patients, initial[known], final[known], seed)


def _summary(group: Group, seed: int) -> dict[str, Any]:
    return {
        "method": group.method,
        "initializer": group.initializer,
        "label": group.label,
        "patients": len(set(group.patients)),
        "registrations": len(group.rows),
        "successes": int(group.success.sum()),
        "success_rate": _success_rate(group, seed),
        "errors": {
            quantity: {
                "all": _statistics(group, quantity, np.ones(len(group.rows), dtype=bool), seed),
                "successes": _statistics(group, quantity, group.success, seed),
            }
            for quantity in QUANTITIES
        },
        "capture_range": {unit: _capture_range(capture_range_of(group, unit, seed)) for unit in ("px", "mm")},
        "initialized": None
        if group.initializer == NO_INITIALIZER
        else initialization(group.patients, group.values("mpe_start_px"), group.values("mpe_initialized_px"), seed),
        "failures": {
            "no_result": sum(bool(row.error) for row in group.rows),
            "inaccurate": sum(not row.success and not row.error for row in group.rows),
            "by_error": dict(Counter(row.error for row in group.rows if row.error).most_common()),
        },
    }


def _success_rate(group: Group, seed: int) -> dict[str, Any]:
    success = group.success.astype(float)
    if group.one_row_per_patient:
        interval, kind = wilson_interval(int(success.sum()), len(success)), "Wilson"
    elif len(set(group.patients)) > 1:
        samples = cluster_bootstrap(group.patients, lambda indices: float(success[indices].mean()), seed)
        interval, kind = percentile_interval(samples), "bootstrap over patients"
    else:
        interval, kind = None, "none: one patient"
    return {**_estimate(float(success.mean()), interval), "interval": kind}


def _statistics(group: Group, quantity: str, chosen: BoolArray, seed: int) -> dict[str, Any]:
    """Mean and median with intervals, and the 95th percentile, of the known values of the chosen registrations."""
    values = group.values(quantity)
    chosen = chosen & ~np.isnan(values)
    values = values[chosen]
    if not values.size:
        nothing = _estimate(None, None)
        return {"count": 0, "mean": nothing, "median": nothing, "percentile95": None}
    patients = [patient for patient, is_chosen in zip(group.patients, chosen, strict=True) if is_chosen]
    estimates = {
        name: _estimate(float(statistic(values)), _interval(values, patients, statistic, seed))
        for name, statistic in (("mean", np.mean), ("median", np.median))
    }
    # Nothing lies between a number and infinity.
    percentile = float(np.percentile(values, 95, method="linear" if np.isfinite(values).all() else "higher"))
    return {"count": int(values.size), **estimates, "percentile95": _finite(percentile)}


def _interval(values: FloatArray, patients: Sequence[str], statistic: Any, seed: int) -> Interval | None:
    if not np.isfinite(values).all() or len(set(patients)) < 2:
        return None
    if len(set(patients)) == len(values):
        return bootstrap_interval(values, statistic, seed)
    return percentile_interval(cluster_bootstrap(patients, lambda indices: float(statistic(values[indices])), seed))


def _capture_range(found: CaptureRange | None) -> dict[str, Any] | None:
    if found is None:
        return None
    curve = found.curve
    return {
        "threshold": THRESHOLD,
        **_estimate(found.value, found.interval),
        "tried_up_to": _finite(curve.initial[-1]),
        "bins": [
            {"count": count, "initial": _finite(initial), **_estimate(float(final), Interval(low, high), "final")}
            for count, initial, final, low, high in zip(
                curve.count, curve.initial, curve.final, found.final_low, found.final_high, strict=True
            )
        ],
    }


def _comparison(first: Group, second: Group) -> dict[str, Any]:
    """Of two methods on what both did. Of several starts of a patient, which are not independent, the median counts."""
    of_first = {(row.patient, row.start): row for row in first.rows}
    common = [(of_first[row.patient, row.start], row) for row in second.rows if (row.patient, row.start) in of_first]
    differences: dict[str, list[float]] = {}
    for one, other in common:
        # Infinite minus infinite is nothing to compare either.
        difference = other.mpe_final_mm - one.mpe_final_mm if math.isfinite(one.mpe_final_mm) else math.nan
        if math.isfinite(difference):
            differences.setdefault(one.patient, []).append(difference)
    per_patient = np.array([np.median(of_patient) for of_patient in differences.values()])
    success = np.array([[one.success, other.success] for one, other in common], dtype=bool).reshape(-1, 2)
    single = first.one_row_per_patient and second.one_row_per_patient
    return {
        "first": first.label,
        "second": second.label,
        "registrations": len(common),
        "patients": len({one.patient for one, _ in common}),
        "wilcoxon": {
            "patients": len(per_patient),
            "median_difference_mm": _finite(np.median(per_patient)) if per_patient.size else None,
            "p": wilcoxon_p(per_patient),
        },
        "success": {
            "both": int(success.all(axis=1).sum()),
            "only_first": int((success[:, 0] & ~success[:, 1]).sum()),
            "only_second": int((success[:, 1] & ~success[:, 0]).sum()),
            "neither": int((~success).all(axis=1).sum()),
            "mcnemar_p": mcnemar_p(success[:, 0], success[:, 1]) if single and len(common) else None,
        },
    }


def _estimate(value: float | None, interval: Interval | None, name: str = "value") -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {name: _finite(value), "low": _finite(low), "high": _finite(high)}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
