"""What a reader compares: every registration with every other one of the same patient, blinded by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

import numpy as np

Shown = TypeVar("Shown")
"""What stands for a registration: its name, or whatever it is drawn from."""


@dataclass(frozen=True, eq=False)
class BlindPair(Generic[Shown]):
    """Two registrations of one patient, side by side."""

    case: str
    """Name of the patient; empty where there is only one."""
    left: Shown
    right: Shown


def blind_pairs(cases: Sequence[str], shown: Sequence[Shown], random: np.random.Generator) -> list[BlindPair[Shown]]:
    """All pairs of `shown` for each of `cases`, in random order, with left and right drawn anew for each pair.

    The same state of `random` gives the same order and sides.
    """
    pairs = [(case, first, second) for case in cases for first, second in combinations(shown, 2)]
    order = random.permutation(len(pairs))
    blinded = []
    for place in order:
        case, first, second = pairs[place]
        left, right = (first, second) if random.random() < 0.5 else (second, first)
        blinded.append(BlindPair(case, left, right))
    return blinded
