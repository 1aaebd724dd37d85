"""How often each registration was preferred, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.review.answers import Answer
from DeepIterRegLib.review.scale import SAME, score_to_the_right


@dataclass(frozen=True, kw_only=True)
class PairCount:
    """The answers to the comparisons of two registrations, over all patients."""

    first: str
    second: str
    comparisons: int
    first_definitely_better: int
    first_better: int
    same: int
    second_better: int
    second_definitely_better: int
    mean_score: float | None
    """-2 (the first definitely better) to 2; None without comparisons."""
    p: float | None
    """Of the Wilcoxon signed-rank test that the scores are symmetric about 0; None where all are "the same"."""

    @property
    def first_preferred(self) -> int:
        return self.first_better + self.first_definitely_better

    @property
    def second_preferred(self) -> int:
        return self.second_better + self.second_definitely_better

    def times_preferred(self, name: str) -> int:
        """How often one of the two was preferred to the other; 0 for any third."""
        return {self.first: self.first_preferred, self.second: self.second_preferred}.get(name, 0)


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The paper's Table 1."""

    comparisons: int
    same: int
    preferred: dict[str, int]
    """For each of the compared, how often it was preferred to another."""
    pairs: tuple[PairCount, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"pairs": [asdict(pair) for pair in self.pairs]}


def count_preferences(answers: Sequence[Answer], compared: Sequence[str] | None = None) -> Preferences:
    """Count unblinded answers. compared: the names, in the order of the tables; as they come unless given.

    A registration is preferred where the reader's choice is on its side of "the same". Raises ValueError for answers
    that are still blinded.
    """
    names = list(dict.fromkeys(compared or [name for one in answers for name in (one.left, one.right) if name]))
    scores: dict[tuple[str, str], list[int]] = {pair: [] for pair in combinations(names, 2)}
    for answer in answers:
        if answer.left is None or answer.right is None:
            raise ValueError("answers that are still blinded cannot be counted")
        towards_right = score_to_the_right(answer.choice)
        pair = answer.left, answer.right
        if pair in scores:
            scores[pair].append(towards_right)
        else:
            scores[pair[::-1]].append(-towards_right)
    pairs = tuple(_count(first, second, np.array(values, dtype=int)) for (first, second), values in scores.items())
    return Preferences(
        comparisons=len(answers),
        same=sum(answer.choice == SAME for answer in answers),
        preferred={name: sum(pair.times_preferred(name) for pair in pairs) for name in names},
        pairs=pairs,
    )


def _count(first: str, second: str, scores: Any) -> PairCount:
    return PairCount(
        first=first,
        second=second,
        comparisons=len(scores),
        first_definitely_better=int((scores == -2).sum()),
        first_better=int((scores == -1).sum()),
        same=int((scores == 0).sum()),
        second_better=int((scores == 1).sum()),
        second_definitely_better=int((scores == 2).sum()),
        mean_score=float(scores.mean()) if len(scores) else None,
        p=wilcoxon_p(scores),
    )


def wilcoxon_p(differences: FloatArray) -> float | None:
    """Two-sided p of the Wilcoxon signed-rank test that differences are symmetric about 0.

    Zeros are dropped, as Wilcoxon did; exact for few differences without ties, else the normal approximation (SciPy's
    choice). None where no difference is left.
    """
    from scipy.stats import wilcoxon

    differences = np.asarray(differences, dtype=np.float64)
    if not np.any(differences):
        return None
    return float(wilcoxon(differences, zero_method="wilcox", alternative="two-sided").pvalue)
