"""This cohort's numbers, each beside the one that the paper published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from DeepIterRegLib.research.evaluate.experiments import BLIND_METHODS
from DeepIterRegLib.research.evaluate.paper.findings import (
    BLIND_TEST,
    CAPTURE_RANGE,
    OPTIMIZER_ONLY,
    TESTSET,
    Findings,
)
from DeepIterRegLib.research.evaluate.paper.published import PUBLISHED, Place, Published
from DeepIterRegLib.research.evaluate.statistics import Group, capture_range_of, summarise
from DeepIterRegLib.review.counting import Preferences

EXPERIMENT_OF: Mapping[Place, str] = {
    "Figure 6": OPTIMIZER_ONLY, "Figure 7": OPTIMIZER_ONLY, "Figure 8": CAPTURE_RANGE, "Figure 9": TESTSET,
    "MinIP-based refinement": BLIND_TEST,
}  # fmt: skip
STAGES = {"two-stage": BLIND_METHODS[0], "three-stage": BLIND_METHODS[1]}
"""The methods of the blind test, which are those of the refinement by the MinIP as well."""
READER = "reader"
"""In the place of a method: Table 1 is about registrations that all come from one."""


@dataclass(frozen=True)
class Number:
    """What this cohort gives, with its confidence interval."""

    value: float | None
    """None: unknown, or beyond what was tried (`text` says so)."""
    low: float | None = None
    high: float | None = None
    count: int | None = None
    """Registrations behind it, or comparisons."""
    text: str = ""
    """In the place of a value."""


@dataclass(frozen=True)
class Line:
    """A published number, and this cohort's by method; one that did not run is not there."""

    published: Published
    ours: Mapping[str, Number]


def lines_beside(findings: Findings) -> list[Line]:
    """All published numbers, in the paper's order."""
    summaries: dict[int, Mapping[str, Any]] = {}

    def number(one: Published, group: Group) -> Number:
        if one.quantity == "capture range":
            return _range(group)
        if id(group) not in summaries:
            summaries[id(group)] = summarise(group.rows)["experiments"][0]["methods"][0]
        return _number(one, summaries[id(group)])

    lines = []
    for one in PUBLISHED:
        if one.place == "Table 1":
            preferred = _preferred(one, findings.preferences)
            lines.append(Line(one, {} if preferred is None else {READER: preferred}))
            continue
        found = {method: _group(one, method, findings) for method in _methods(one, findings)}
        lines.append(Line(one, {method: number(one, group) for method, group in found.items() if group is not None}))
    return lines


def _methods(one: Published, findings: Findings) -> tuple[str, ...]:
    """Under whose names the numbers stand."""
    return (BLIND_METHODS[1],) if one.of in STAGES else findings.methods


def _group(one: Published, method: str, findings: Findings) -> Group | None:
    experiment = EXPERIMENT_OF[one.place]
    if one.of in STAGES:
        stages = STAGES[one.of]
        return findings.group(experiment, stages, True) or findings.group(experiment, stages, False)
    return findings.group(experiment, method, one.of == "with initializer")


def _number(one: Published, summary: Mapping[str, Any]) -> Number:
    if one.quantity == "successes":
        rate = summary["success_rate"]
        low, high = (None if end is None else 100 * end for end in (rate["low"], rate["high"]))
        return Number(100 * rate["value"], low, high, summary["registrations"])
    when = "start" if one.quantity.endswith("before") else "final"
    which = "successes" if one.quantity.endswith("successes") else "all"
    errors = summary["errors"][f"mpe_{when}_{one.unit}"][which]
    if one.quantity.startswith("95th"):
        return Number(errors["percentile95"], count=errors["count"])
    mean = errors["mean"]
    return Number(mean["value"], mean["low"], mean["high"], errors["count"])


def _range(group: Group) -> Number:
    found = capture_range_of(group, "px")
    if found is None:
        return Number(None, count=len(group.rows), text="too few starts")
    if found.value is None:
        return Number(None, count=len(group.rows), text=f"beyond {found.curve.initial[-1]:.0f}")
    low, high = found.interval or (None, None)
    return Number(found.value, low, high, len(group.rows))


def _preferred(one: Published, preferences: Preferences | None) -> Number | None:
    if preferences is None:
        return None
    if one.quantity == "times preferred":
        times = preferences.preferred.get(one.of)
        return None if times is None else Number(float(times), count=preferences.comparisons)
    pair = next((pair for pair in preferences.pairs if {pair.first, pair.second} == {"three-stage", "reference"}), None)
    return None if pair is None else Number(pair.p, count=pair.comparisons)
