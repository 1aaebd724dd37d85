"""The result of one optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Optimum:
    """The most similar pose that an optimiser found."""

    parameters: FloatArray
    """(6,) of its `PoseParameters`."""
    pose: FloatArray
    similarity: float
    similarity_before: float
    """At the pose the optimiser started from."""
    evaluations: int
    found_after: int
    """Of the evaluations, those up to the one that measured `pose`."""
