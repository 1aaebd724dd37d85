"""What can make a patient harder than the calibrated ones, by name; a hard patient has a random mix of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from DeepIterRegLib.research.simulate.streams import stream

Difficulty = Literal["calibrated", "hard"]
Disturbance = Literal[
    "jaw", "neck", "own_grid", "rough_skull", "metal", "headrest", "table", "leads", "pins", "tubes", "frontal",
    "zoomed", "collimated", "thick_slices", "noisy_ct", "no_vertex", "no_base", "glare",
    "craniotomy", "shunt", "electrodes",
]  # fmt: skip
SHARES: dict[Disturbance, float] = {
    "jaw": 0.8, "neck": 0.8, "own_grid": 1.0, "rough_skull": 1.0, "metal": 0.3, "headrest": 0.6, "table": 0.4,
    "leads": 0.4, "pins": 0.15, "tubes": 0.35, "frontal": 0.3, "zoomed": 0.1, "collimated": 0.2, "thick_slices": 0.2,
    "noisy_ct": 0.5, "no_vertex": 0.1, "no_base": 0.1, "glare": 1.0,
}  # fmt: skip
"""Of the hard patients. What is not named here comes on request only."""
ALTERNATIVES: tuple[tuple[Disturbance, ...], ...] = (("zoomed", "collimated"), ("no_vertex", "no_base"))
"""A patient has at most one of each."""


def draw_disturbances(
    seed: int, difficulty: Difficulty, requested: Iterable[Disturbance] = ()
) -> frozenset[Disturbance]:
    """Which disturbances patient `seed` has: the requested ones, and the mix of its difficulty."""
    found = set(requested)
    if difficulty == "hard":
        grouped = {name for group in ALTERNATIVES for name in group}
        for group in (*ALTERNATIVES, *((name,) for name in SHARES if name not in grouped)):
            drawn = stream(seed, f"hard {' or '.join(group)}").random()
            for name in group:
                if 0 <= drawn < SHARES[name]:
                    found.add(name)
                drawn -= SHARES[name]
    return frozenset(found)
