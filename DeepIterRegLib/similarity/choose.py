"""Similarity measures by the names that reports and the command line use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.similarity.dice import SoftDice
from DeepIterRegLib.similarity.gradient_correlation import GradientCorrelation
from DeepIterRegLib.similarity.gradient_difference import GradientDifference
from DeepIterRegLib.similarity.mutual_information import MutualInformation
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation
from DeepIterRegLib.similarity.pattern_intensity import PatternIntensity
from DeepIterRegLib.similarity.protocol import Similarity

SIMILARITIES: dict[str, Callable[[FloatArray, FloatArray | BoolArray | None], Similarity]] = {
    "ncc": NormalizedCrossCorrelation,
    "mi": MutualInformation,
    "nmi": partial(MutualInformation, normalized=True),
    "dice": SoftDice,
    "gc": GradientCorrelation,
    "gd": GradientDifference,
    "pi": PatternIntensity,
}
"""Each takes the fixed image (rows, columns) and its weights (rows, columns) or None."""


def similarity(name: str, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> Similarity:
    """The measure `name` (a key of `SIMILARITIES`) for a fixed image. Raises InputError for a name there is not."""
    if name not in SIMILARITIES:
        raise InputError(
            "There is no similarity {name!r}; choose one of {known}.",
            field=Field.SIMILARITY,
            name=name,
            known=list(SIMILARITIES),
        )
    return SIMILARITIES[name](fixed, weights)
