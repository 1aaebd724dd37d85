"""How blood and contrast go through the arteries after an injection: what `haemodynamics` finds."""

from __future__ import annotations

from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.flow.flow_network import FlowNetwork


@dataclass(frozen=True, eq=False, kw_only=True)
class ArterialPassage:
    """The arteries after an injection. Lists go by the index in the anatomy's vessels; veins have inf and 0."""

    network: FlowNetwork
    pressure_mmhg: FloatArray
    """(nodes,)."""
    piece_flow_mm3_s: FloatArray
    """(E,) positive from the piece's `start` to its `end`."""
    terminal_flow_mm3_s: dict[int, float]
    """Into tissue, for each terminal artery."""
    flow_mm3_s: list[FloatArray]
    """(N,) at each centreline point, positive in the direction of the points."""
    fraction: list[FloatArray]
    """(N,) of blood that came from the catheter."""
    arrival_s: list[FloatArray]
    """(N,) after the start of the injection; inf where no contrast comes."""
