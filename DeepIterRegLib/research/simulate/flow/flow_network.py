"""The arteries as a network of resistors: nodes where vessels meet, pieces of vessel between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke, in_clot
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

VISCOSITY_MMHG_S = 3.5e-3 / 133.322
"""Of blood, about 3.5 mPa s."""
CLOSED = 1e-9
"""Conductance of a clot, relative to the open vessel: not zero, so that the equations keep one solution."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowNetwork:
    """Nodes 0 to `nodes` - 1 and E pieces between them. A piece runs along a vessel's points from `first` to `last`."""

    nodes: int
    vessel: npt.NDArray[np.intp]
    """(E,) index of the vessel."""
    first: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]
    """(E,) indices of its points, both included; pieces of one vessel share their end points."""
    start: npt.NDArray[np.intp]
    end: npt.NDArray[np.intp]
    """(E,) nodes at `first` and `last`."""
    conductance: FloatArray
    """(E,) mm3/s per mmHg, after Hagen and Poiseuille."""
    roots: dict[int, int]
    """Node of the first point of each artery that blood enters from outside."""
    terminals: dict[int, int]
    """Node of the last point of each artery whose blood goes into tissue."""
    last_node: dict[int, int]
    """Node of every artery's last point."""

    def node_at(self, vessel: int, point: int) -> int:
        """The node nearest to a point of a vessel, along it."""
        pieces = np.flatnonzero(self.vessel == vessel)
        at = np.concatenate([self.first[pieces], self.last[pieces]])
        nodes = np.concatenate([self.start[pieces], self.end[pieces]])
        return int(nodes[np.abs(at - point).argmin()])


def clot_points(vessels: Sequence[Vessel], stroke: Stroke) -> dict[int, tuple[int, int]]:
    """For each vessel that the clot lies in, the indices of the first and last point in it (see `stroke.in_clot`)."""
    found = {}
    for index, inside in enumerate(in_clot(stroke, vessels)):
        at, last = np.flatnonzero(inside), len(inside) - 1
        if len(at) and last > 0:
            begin = min(int(at[0]), last - 1)
            found[index] = begin, min(int(at[-1]) + 1, last)
    return found


def attachment(point_mm: FloatArray, vessel: Vessel) -> int:
    """Index of the vessel's point nearest to a point (3,)."""
    return int(((vessel.points_mm - point_mm) ** 2).sum(axis=1).argmin())


def flow_network(
    vessels: Sequence[Vessel], clot: dict[int, tuple[int, int]], patency: float = 0.0,
    extra_nodes: Sequence[tuple[int, int]] = (),
) -> FlowNetwork:  # fmt: skip
    """The network of the arteries among `vessels`, whose indices it keeps.

    clot: see `clot_points`; patency: conductance of its pieces relative to the open vessel (0: closed). extra_nodes:
    (vessel, point) where a node is wanted, as at the catheter's tip.
    """
    arteries = [index for index, vessel in enumerate(vessels) if not vessel.is_vein]
    splits: dict[int, set[int]] = {index: {0, len(vessels[index].points_mm) - 1} for index in arteries}
    joins: dict[tuple[int, int], tuple[int, int]] = {}
    for index in arteries:
        vessel = vessels[index]
        for other, point in ((vessel.upstream, 0), (vessel.downstream, len(vessel.points_mm) - 1)):
            if other is not None:
                at = attachment(vessel.points_mm[point], vessels[other])
                splits[other].add(at)
                joins[index, point] = other, at
    for index, (begin, end) in clot.items():
        splits[index] |= {begin, end}
    for index, point in extra_nodes:
        splits[index].add(point)

    same = _merged(joins)
    number: dict[tuple[int, int], int] = {}

    def node(key: tuple[int, int]) -> int:
        return number.setdefault(same.get(key, key), len(number))

    columns: list[tuple[int, int, int, int, int]] = []
    conductances: list[float] = []
    for index in arteries:
        along, radii = vessels[index].arc_mm, vessels[index].radii_mm
        points = sorted(splits[index])
        begin, end = clot.get(index, (0, 0))
        per_step = 8 * VISCOSITY_MMHG_S / np.pi * np.diff(along) / ((radii[1:] + radii[:-1]) / 2) ** 4
        for a, b in pairwise(points):
            columns.append((index, a, b, node((index, a)), node((index, b))))
            blocked = begin <= a and b <= end and end > begin
            conductances.append((max(patency, CLOSED) if blocked else 1.0) / max(float(per_step[a:b].sum()), 1e-12))
    last_node = {index: node((index, len(vessels[index].points_mm) - 1)) for index in arteries}
    of, first_point, last_point, start, end_node = np.array(columns, dtype=np.intp).reshape(-1, 5).T
    roots = {index: node((index, 0)) for index in arteries if vessels[index].upstream is None}
    branched = _end_in_branches(joins, vessels)
    terminals = {
        index: last_node[index] for index in arteries if vessels[index].downstream is None and index not in branched
    }
    return FlowNetwork(
        nodes=len(number),
        vessel=of,
        first=first_point,
        last=last_point,
        start=start,
        end=end_node,
        conductance=np.array(conductances),
        roots=roots,
        terminals=terminals,
        last_node=last_node,
    )


def _merged(joins: dict[tuple[int, int], tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """For every point that takes part in a join one of the points at the same place, the same for all of them."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}

    def find(key: tuple[int, int]) -> tuple[int, int]:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for one, other in joins.items():
        parent[find(one)] = find(other)
    return {key: find(key) for key in parent}


def _end_in_branches(joins: dict[tuple[int, int], tuple[int, int]], vessels: Sequence[Vessel]) -> set[int]:
    """The vessels that others begin at, or open into, at their end."""
    return {index for index, at in joins.values() if at >= len(vessels[index].points_mm) - 2}
