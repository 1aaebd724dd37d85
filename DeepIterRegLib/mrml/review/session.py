"""A blind comparison of poses as it goes on: what is shown on which side, and what the reader answered.

Knows neither nodes nor widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.review.answers import Answer
from DeepIterRegLib.review.pairs import blind_pairs
from DeepIterRegLib.review.scale import SCALE, is_choice

SAME_POSE = 1e-6
"""mm, or part of a rotation: poses nearer than this cannot be told apart."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One of the poses that are compared."""

    name: str
    pose: FloatArray
    """(4, 4) patient frame to C-arm frame."""


class ReviewSession:
    """All pairs of some poses, in an order and on sides that the seed decides."""

    def __init__(self, candidates: Sequence[Candidate], seed: int, clock: Callable[[], float]) -> None:
        """clock: seconds that never run backwards, as time.monotonic. Raises InputError for too few poses, or two that
        are the same."""
        if len(candidates) < 2:
            raise InputError("There is only one transform to look at; choose two that differ.")
        for first, second in combinations(candidates, 2):
            if np.abs(first.pose - second.pose).max() < SAME_POSE:
                raise InputError(
                    "“{first}” and “{second}” are the same transform; choose two that differ.",
                    first=first.name,
                    second=second.name,
                )
        self.seed = seed
        self._pairs = blind_pairs([""], candidates, np.random.default_rng(seed))
        self._answers: list[Answer] = []
        self._clock = clock
        self._since = clock()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """In the order in which they were given."""
        return tuple(self._answers)

    @property
    def count(self) -> int:
        """Of the pairs."""
        return len(self._pairs)

    @property
    def is_finished(self) -> bool:
        return len(self._answers) == len(self._pairs)

    @property
    def current(self) -> tuple[Candidate, Candidate]:
        """What is to be shown left and right; not to be asked for when finished."""
        pair = self._pairs[len(self._answers)]
        return pair.left, pair.right

    def answer(self, choice: int, comment: str = "") -> None:
        """Go on to the next pair. choice: 1 to 5, `SCALE`. Raises ValueError for any other."""
        if not is_choice(choice):
            raise ValueError(f"choice {choice} is not 1 to {len(SCALE)}")
        now = self._clock()
        left, right = self.current
        self._answers.append(
            Answer(
                comparison=len(self._answers) + 1, choice=choice, left=left.name, right=right.name,
                comment=" ".join(comment.split()), seconds=now - self._since,
            )
        )  # fmt: skip
        self._since = now
