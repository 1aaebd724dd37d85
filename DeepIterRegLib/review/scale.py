"""The five points on which a reader says which of two images shows the better registration."""

from __future__ import annotations

from typing import Literal

SCALE = (
    "left definitely better than right",
    "left is better than right",
    "left is the same as right",
    "right is better than left",
    "right definitely better than left",
)
"""The paper's five points, 1 to 5 ("Manual assessment")."""
SAME = 3

Side = Literal["left", "right"]


def is_choice(choice: int) -> bool:
    """Whether this is a point of the scale."""
    return 1 <= choice <= len(SCALE)


def is_definite(choice: int) -> bool:
    """Whether the reader was sure: the first or the last point."""
    return choice in (1, len(SCALE))


def preferred_side(choice: int) -> Side | None:
    """The better side; None where both are the same to the reader."""
    if choice == SAME:
        return None
    return "left" if choice < SAME else "right"


def score_to_the_right(choice: int) -> int:
    """-2 (left definitely better) to 2 (right definitely better); 0 for the same."""
    return choice - SAME
