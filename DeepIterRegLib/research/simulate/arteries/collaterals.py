"""What keeps the territory behind a clot alive: leptomeningeal connections across the watershed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.flow.flow_network import FlowNetwork, clot_points, flow_network
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

COLLATERAL_MM_PER_S = 25.0
COLLATERAL_REACH_MM = 32.0
COLLATERAL_SHARES = (0.0, 0.3, 0.6, 0.95)
COLLATERAL_CONDUCTANCES = (0.0, 0.25, 0.8, 3.0)
"""By collateral score: share of the starved terminals with a leptomeningeal connection, and its conductance relative to
the terminal's own. Chosen so that scores 1, 2 and 3 show under half, over half and all of the territory (Tan 2007)."""


def collaterals(
    network: FlowNetwork, vessels: Sequence[Vessel], outflow: FloatArray, stroke: Stroke | None,
    rng: np.random.Generator | None,
) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:  # fmt: skip
    """Connections (L, 2) of starved terminals to fed ones across the watershed, their conductance and length in mm."""
    none = np.zeros((0, 2), dtype=np.intp), np.zeros(0), np.zeros(0)
    if stroke is None:
        return none
    starved_vessels = set(behind(network, vessels, stroke))
    starved = [index for index in network.terminals if index in starved_vessels]
    fed = [
        index
        for index in network.terminals
        if index not in starved_vessels and not root_of(index, vessels).startswith("ECA")
    ]
    share = COLLATERAL_SHARES[stroke.collateral_score]
    if not starved or not fed or share == 0:
        return none
    tips = np.array([vessels[index].points_mm[-1] for index in starved])
    tree = cKDTree(np.array([vessels[index].points_mm[-1] for index in fed]))
    distance, nearest = tree.query(tips)
    draws = (rng or np.random.default_rng(0)).random(len(starved))
    chosen = np.flatnonzero((distance < COLLATERAL_REACH_MM) & (draws < share))
    nodes = np.array(
        [(network.terminals[fed[nearest[i]]], network.terminals[starved[i]]) for i in chosen], dtype=np.intp
    ).reshape(-1, 2)
    factor = COLLATERAL_CONDUCTANCES[stroke.collateral_score]
    # What the far ones lack in calibre they lack in number too.
    conductance = factor * outflow[nodes[:, 1]] * np.exp(-distance[chosen] / 15.0)
    return nodes, conductance, 1.5 * distance[chosen] + 4.0


def behind(network: FlowNetwork, vessels: Sequence[Vessel], stroke: Stroke) -> list[int]:
    """Indices of the arteries that no blood would reach from outside if the clot were closed and had no collaterals."""
    clot = clot_points(vessels, stroke)
    closed = flow_network(vessels, clot, 0.0)
    open_pieces = np.array([
        not (vessel in clot and clot[vessel][0] <= first and last <= clot[vessel][1])
        for vessel, first, last in zip(closed.vessel, closed.first, closed.last, strict=True)
    ])  # fmt: skip
    graph = sparse.coo_matrix(
        (np.ones(open_pieces.sum()), (closed.start[open_pieces], closed.end[open_pieces])), (closed.nodes, closed.nodes)
    )
    _, group = csgraph.connected_components(graph, directed=False)
    fed = {int(group[node]) for node in closed.roots.values()}
    return [index for index, node in closed.last_node.items() if int(group[node]) not in fed]


def root_of(index: int, vessels: Sequence[Vessel]) -> str:
    """Name of the artery, one that blood enters from outside, that an artery belongs to."""
    for _ in range(len(vessels)):
        upstream = vessels[index].upstream
        if upstream is None:
            break
        index = upstream
    return vessels[index].name
