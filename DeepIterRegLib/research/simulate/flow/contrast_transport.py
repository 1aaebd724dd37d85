"""How blood carries contrast through a network whose flows are known: mixing, times of arrival, stumps, reflux."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.flow.flow_network import FlowNetwork
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

SLOWEST_MM_PER_S, FASTEST_MM_PER_S, FASTEST_PER_MM = 25.0, 30.0, 120.0
"""Limits on the velocity that contrast is carried with (the upper one grows with the radius: 300 mm/s in a carotid,
90 in a cortical artery of 1 mm), where a vessel's radius and its flow do not fit."""
STUMP_MM = 5.0
"""How far contrast reaches into a branch that has no outflow."""
STUMP_MM_PER_S, REFLUX_MM_PER_S = 12.0, 120.0


def transit_steps(
    network: FlowNetwork, vessels: Sequence[Vessel], flow: FloatArray, piece: int, speed: float
) -> FloatArray:
    """(last - first,) seconds from point to point of a piece."""
    vessel = vessels[network.vessel[piece]]
    part = slice(network.first[piece], network.last[piece] + 1)
    points, radii = vessel.points_mm[part], vessel.radii_mm[part]
    area = np.pi * ((radii[1:] + radii[:-1]) / 2) ** 2
    most = FASTEST_MM_PER_S + FASTEST_PER_MM * radii[1:]
    velocity = speed * np.clip(abs(float(flow[piece])) / area, SLOWEST_MM_PER_S, most)
    return np.linalg.norm(np.diff(points, axis=0), axis=1) / velocity


def carry(
    nodes: int, start: npt.NDArray[np.intp], end: npt.NDArray[np.intp], flow: FloatArray, transit_s: FloatArray,
    pressure: FloatArray, sources: dict[int, float],
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Fraction of contrast at each node and its mean time of arrival, (nodes,) each.

    Blood flows towards lower pressure, so in the order of pressure each node is complete before it gives to the next.
    """
    from_node, to_node = np.where(flow >= 0, start, end), np.where(flow >= 0, end, start)
    order = np.argsort(-pressure[from_node], kind="stable")
    total, contrast, moment = (np.zeros(nodes) for _ in range(3))
    for piece in order:
        a, b, q = int(from_node[piece]), int(to_node[piece]), abs(float(flow[piece]))
        if q <= 0:
            continue
        total[b] += q
        if a in sources:
            share, time = sources[a], 0.0
        elif contrast[a] > 0:
            share, time = contrast[a] / total[a], moment[a] / contrast[a]
        else:
            continue
        contrast[b] += q * share
        moment[b] += q * share * (time + float(transit_s[piece]))
    fraction = np.divide(contrast, total, out=np.zeros(nodes), where=total > 0)
    arrival = np.divide(moment, contrast, out=np.full(nodes, np.inf), where=contrast > 0)
    for node, value in sources.items():
        fraction[node], arrival[node] = value, 0.0
    return fraction, arrival


def fill_piece(
    result: ArterialPassage, piece: int, steps: FloatArray, fraction: FloatArray, arrival: FloatArray,
    vessels: Sequence[Vessel],
) -> None:  # fmt: skip
    """Write one piece's points into `result`: the state of the node upstream, later by the way from it."""
    network = result.network
    index, first, last = (int(column[piece]) for column in (network.vessel, network.first, network.last))
    part, flow = slice(first, last + 1), float(result.piece_flow_mm3_s[piece])
    radius = float(vessels[index].radii_mm[part].mean())
    result.flow_mm3_s[index][part] = flow
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if abs(flow) < 0.5 * np.pi * radius**2:
        # Slower than 0.5 mm/s: a stump. Contrast swirls into it from the end that has any.
        way = vessels[index].arc_mm[part]
        way = way - way[0]
        ends = ((int(network.start[piece]), way), (int(network.end[piece]), way[-1] - way))
        node, distance = max(ends, key=lambda each: float(fraction[each[0]]))
        values, times = (
            fraction[node] * np.exp(-((distance / STUMP_MM) ** 2)),
            arrival[node] + distance / STUMP_MM_PER_S,
        )
    elif flow > 0:
        node = int(network.start[piece])
        values, times = np.full(len(along), fraction[node]), arrival[node] + along
    else:
        node = int(network.end[piece])
        values, times = np.full(len(along), fraction[node]), arrival[node] + along[-1] - along
    # A point shared with the piece before keeps the stronger of the two.
    keep = values >= result.fraction[index][part]
    result.fraction[index][part] = np.where(keep, values, result.fraction[index][part])
    result.arrival_s[index][part] = np.where(keep, times, result.arrival_s[index][part])


def reflux(result: ArterialPassage, injected: int, tip: int, along: FloatArray, reflux_mm: float) -> None:
    """Contrast that the injection pushes back along the catheter."""
    back = along[tip] - along[: tip + 1]
    values = np.exp(-((back / max(reflux_mm, 1e-6)) ** 2))
    stronger = values > result.fraction[injected][: tip + 1]
    result.fraction[injected][: tip + 1][stronger] = values[stronger]
    result.arrival_s[injected][: tip + 1][stronger] = back[stronger] / REFLUX_MM_PER_S
