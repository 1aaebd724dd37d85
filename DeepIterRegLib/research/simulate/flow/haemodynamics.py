"""How blood and contrast go through the arteries: pressures, flows, fraction of contrast, time of arrival."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import spsolve

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.arteries.collaterals import COLLATERAL_MM_PER_S, behind, collaterals, root_of
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.flow.arterial_passage import ArterialPassage
from DeepIterRegLib.research.simulate.flow.contrast_transport import carry, fill_piece, reflux, transit_steps
from DeepIterRegLib.research.simulate.flow.flow_network import FlowNetwork, clot_points, flow_network
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

MEAN_ARTERIAL_MMHG, VENOUS_MMHG = 90.0, 8.0
CAROTID_LOSS_MMHG = 1.5
"""On the way from the aorta to where the internal and external carotids begin; 7 ml/s through 20 cm of 6 mm."""
CEREBRAL_MM_PER_S, EXTERNAL_MM_PER_S = 250.0, 130.0
"""Mean velocity at which the carotids and vertebrals, and the external carotids, are fed: with a carotid of 4.8 mm
about 4.5 ml/s, so about 750 ml/min for the brain (general physiology texts)."""
LEAST_FRACTION = 0.02
"""Below it no one sees the contrast."""
LEAST_FLOW_MM3_S = 1e-3


@dataclass(frozen=True)
class Injection:
    """Contrast given through a catheter."""

    artery: str
    """Name of the injected artery: "ICA right", "VA left", ..."""
    tip_mm: float = 0.0
    """Arc length along it at which the catheter ends."""
    push_mmhg: float = 0.5
    """What the injection adds to the pressure at the artery's origin."""
    reflux_mm: float = 15.0
    """How far contrast is pushed back below the tip."""
    external_fraction: float = 0.0
    """Concentration in the external carotid of the side: 1 for an injection into the common carotid."""
    external_name: str | None = None


def inject(
    vessels: Sequence[Vessel], injection: Injection, stroke: Stroke | None = None, patency: float = 0.0,
    slow_flow: float = 1.0, rng: np.random.Generator | None = None,
) -> ArterialPassage:  # fmt: skip
    """Steady flow through the arteries and the contrast that it carries.

    Pieces of artery resist as Hagen and Poiseuille say; tissue resists so that each terminal artery would get blood in
    proportion to the cube of its radius (Murray 1926), in all what `CEREBRAL_MM_PER_S` gives. Contrast mixes wholly
    where streams meet. patency: conductance of the clot relative to the open artery, 0 before treatment. slow_flow:
    velocity of contrast in the treated territory relative to the usual. rng: draws which collaterals there are.
    Raises InputError for an artery that the anatomy does not have.
    """
    injected = next((i for i, v in enumerate(vessels) if v.name == injection.artery and not v.is_vein), None)
    if injected is None:
        raise InputError(f"The arteries have no {injection.artery!r} to inject; name one that they have.")
    along = vessels[injected].arc_mm
    tip = int(np.clip(np.searchsorted(along, injection.tip_mm), 0, len(along) - 2))
    clot = clot_points(vessels, stroke) if stroke else {}
    network = flow_network(vessels, clot, patency, [(injected, tip)])
    outflow = _terminal_conductances(network, vessels)
    pressure_at = {
        node: MEAN_ARTERIAL_MMHG
        - (0.0 if vessels[index].name.startswith("VA") else CAROTID_LOSS_MMHG)
        + (injection.push_mmhg if index == injected else 0.0)
        for index, node in network.roots.items()
    }
    links, link_conductance, link_mm = collaterals(network, vessels, outflow, stroke if patency < 0.5 else None, rng)
    start = np.concatenate([network.start, links[:, 0]])
    end = np.concatenate([network.end, links[:, 1]])
    conductance = np.concatenate([network.conductance, link_conductance])
    pressure = _pressures(network.nodes, start, end, conductance, outflow, pressure_at)
    flow = conductance * (pressure[start] - pressure[end])
    # What seeps through a closed clot only keeps the equations solvable.
    flow[np.abs(flow) < LEAST_FLOW_MM3_S] = 0.0
    count = len(network.vessel)

    speed = np.ones(len(vessels))
    if stroke and patency > 0:
        for index in behind(network, vessels, stroke):
            speed[index] = slow_flow
    steps = [
        transit_steps(network, vessels, flow, piece, float(speed[network.vessel[piece]])) for piece in range(count)
    ]
    transit = np.concatenate([[step.sum() for step in steps], link_mm / COLLATERAL_MM_PER_S])
    sources = {network.node_at(injected, tip): 1.0}
    if injection.external_fraction > 0:
        sources |= {
            node: injection.external_fraction
            for index, node in network.roots.items()
            if vessels[index].name == injection.external_name
        }
    fraction, arrival = carry(network.nodes, start, end, flow, transit, pressure, sources)

    empty = [np.zeros(len(vessel.points_mm)) for vessel in vessels]
    result = ArterialPassage(
        network=network, pressure_mmhg=pressure, piece_flow_mm3_s=flow[:count],
        terminal_flow_mm3_s={
            index: float(outflow[node] * (pressure[node] - VENOUS_MMHG)) for index, node in network.terminals.items()
        },
        flow_mm3_s=[each.copy() for each in empty], fraction=[each.copy() for each in empty],
        arrival_s=[each + np.inf for each in empty],
    )  # fmt: skip
    for piece in range(count):
        fill_piece(result, piece, steps[piece], fraction, arrival, vessels)
    reflux(result, injected, tip, along, injection.reflux_mm)
    for number, each in enumerate(result.fraction):
        unseen = each < LEAST_FRACTION
        each[unseen] = 0.0
        result.arrival_s[number][unseen] = np.inf
    return result


def _terminal_conductances(network: FlowNetwork, vessels: Sequence[Vessel]) -> FloatArray:
    """(nodes,) conductance from each node into tissue, mm3/s per mmHg; 0 but at the terminals."""
    external = {index: root_of(index, vessels).startswith("ECA") for index in network.terminals}
    total = {False: 0.0, True: 0.0}
    for index in network.roots:
        outside = vessels[index].name.startswith("ECA")
        area = np.pi * float(np.median(vessels[index].radii_mm[: max(2, len(vessels[index].radii_mm) // 2)])) ** 2
        total[outside] += area * (EXTERNAL_MM_PER_S if outside else CEREBRAL_MM_PER_S)
    cubes = {index: float(vessels[index].radii_mm[-3:].mean()) ** 3 for index in network.terminals}
    conductance = np.zeros(network.nodes)
    for outside, demand in total.items():
        mine = [index for index in network.terminals if external[index] == outside]
        cube_sum = sum(cubes[index] for index in mine)
        for index in mine:
            share = cubes[index] / cube_sum * (demand if demand > 0 else 1000.0)
            conductance[network.terminals[index]] += share / (MEAN_ARTERIAL_MMHG - VENOUS_MMHG - 4.0)
    return conductance


def _pressures(
    nodes: int, start: npt.NDArray[np.intp], end: npt.NDArray[np.intp], conductance: FloatArray, outflow: FloatArray,
    fixed: dict[int, float],
) -> FloatArray:  # fmt: skip
    """(nodes,) pressures, mmHg, at which what flows into each node flows out of it (Kirchhoff)."""
    # A trace of leakage keeps a node that everything is cut off from at the veins' pressure.
    leak = outflow + 1e-9
    rows = np.concatenate([start, end, start, end, np.arange(nodes)])
    columns = np.concatenate([end, start, start, end, np.arange(nodes)])
    values = np.concatenate([-conductance, -conductance, conductance, conductance, leak])
    matrix = sparse.csr_matrix((values, (rows, columns)), (nodes, nodes))
    pressure = np.zeros(nodes)
    known = np.zeros(nodes, dtype=bool)
    for node, value in fixed.items():
        pressure[node], known[node] = value, True
    free = ~known
    right = leak[free] * VENOUS_MMHG - matrix[free][:, known] @ pressure[known]
    pressure[free] = spsolve(matrix[free][:, free].tocsc(), right)
    return pressure
