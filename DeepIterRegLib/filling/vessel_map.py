"""The vessel map: which branches of the CTA's vessels the runs show at a pose, how surely; when contrast arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.filling.arrival import Arrival, arrival
from DeepIterRegLib.filling.filled import SURE, FilledBranches, Filling, State
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram

FORMAT, VERSION = "DeepIterReg vessel map", 1
STATES: tuple[State, ...] = ("filled", "cannot tell", "not filled")
"""In the order of legends."""
DIGITS = 6


@dataclass(frozen=True, eq=False)
class VesselMap:
    """Of B branches of a cloud's vessels."""

    filling: Filling
    arrivals: tuple[Arrival | None, ...]
    """One for each angiogram, None of one that shows no vessels, or has too few frames."""

    @property
    def states(self) -> list[State]:
        """(B)"""
        return [self.filling.state(number) for number in range(len(self.filling.branches))]

    @property
    def stops(self) -> BoolArray:
        """(B,) branches that are not filled, though the one that the blood comes through is: where filling stops."""
        states, parent = np.array(self.states), self.filling.branches.parent
        above = np.where(parent >= 0, states[np.maximum(parent, 0)] if len(states) else "", "")
        return np.asarray((states == "not filled") & (above == "filled") & ~self.filling.branches.is_vein)

    def points_in(self, state: State) -> BoolArray:
        """(N,) the cloud's points whose branch is in that state."""
        return np.array([one == state for one in self.states], dtype=bool)[self.filling.branches.of_point]


def vessel_map(cloud: VesselCloud, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> VesselMap:
    """Of the CTA's vessels at a pose (4, 4); without branches for a cloud without points."""
    branches = FilledBranches(cloud, angiograms)
    filling = branches.at(pose)
    filled = filling.probability >= SURE
    arrivals = tuple(
        None if view is None else arrival(view, run, pose, filled)
        for view, run in zip(branches.views, angiograms, strict=True)
    )
    return VesselMap(filling, arrivals)


def map_fields(found: VesselMap, cloud: VesselCloud) -> dict[str, Any]:
    """The map as plain JSON values (schemas/vessel_map.schema.json). cloud: that it was made of."""
    branches = found.filling.branches
    return {
        "format": FORMAT,
        "version": VERSION,
        "sure": SURE,
        "angiograms": [
            {"arrival_unit": None if one is None else ("s" if one.in_seconds else "frame")} for one in found.arrivals
        ],
        "branches": [
            {
                "branch": number + 1,
                "parent": int(branches.parent[number]) + 1 or None,
                "vessel": "vein" if branches.is_vein[number] else "artery",
                "state": state,
                "probability": round(float(found.filling.probability[number]), DIGITS),
                "stops_here": bool(stops),
                **_place(cloud, branches.of_point, number),
                "arrivals": [_arrival(one, number) for one in found.arrivals],
            }
            for number, (state, stops) in enumerate(zip(found.states, found.stops, strict=True))
        ],
    }


def _place(cloud: VesselCloud, of_point: IntArray, number: int) -> dict[str, Any]:
    inside = of_point == number
    weights = cloud.weights_mm3[inside].astype(np.float64)
    centre = weights @ cloud.positions_mm[inside] / max(float(weights.sum()), 1e-12)
    return {
        "volume_mm3": round(float(weights.sum()), 3),
        "centre_mm": [round(float(value), 3) for value in centre],
    }


def _arrival(one: Arrival | None, number: int) -> dict[str, float] | None:
    if one is None or not np.isfinite(one.half[number]):
        return None
    return {
        name: round(float(values[number]), 4)
        for name, values in (("half", one.half), ("half_sd", one.half_sd), ("peak", one.peak))
    }
