"""The paper's blind comparison of registrations: its five points, and the order in which pairs are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

SCALE = (
    "left definitely better than right",
    "left is better than right",
    "left is the same as right",
    "right is better than left",
    "right definitely better than left",
)
"""The paper's five points, 1 to 5 ("Manual assessment")."""
SAME = 3

Shown = TypeVar("Shown")


def blinded(pairs: Sequence[tuple[Shown, Shown]], random: np.random.Generator) -> list[tuple[Shown, Shown]]:
    """All pairs in random order, each (left, right) in random order."""
    order = random.permutation(len(pairs))
    return [pairs[place] if random.random() < 0.5 else pairs[place][::-1] for place in order]
