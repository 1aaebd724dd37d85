"""Similarity measures by name (`similarity.names`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity import names
from DeepIterRegLib.similarity.dice import SoftDice
from DeepIterRegLib.similarity.entropy_of_difference import EntropyOfDifference
from DeepIterRegLib.similarity.gradient_correlation import GradientCorrelation
from DeepIterRegLib.similarity.gradient_difference import GradientDifference
from DeepIterRegLib.similarity.mutual_information import MutualInformation
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation
from DeepIterRegLib.similarity.pattern_intensity import PatternIntensity
from DeepIterRegLib.similarity.protocol import Similarity

SIMILARITIES: dict[str, Callable[[FloatArray, FloatArray | BoolArray | None], Similarity]] = {
    names.NCC: NormalizedCrossCorrelation,
    names.MUTUAL_INFORMATION: MutualInformation,
    names.NORMALIZED_MUTUAL_INFORMATION: partial(MutualInformation, normalized=True),
    names.DICE: SoftDice,
    names.GRADIENT_CORRELATION: GradientCorrelation,
    names.GRADIENT_DIFFERENCE: GradientDifference,
    names.PATTERN_INTENSITY: PatternIntensity,
    names.ENTROPY_OF_DIFFERENCE: EntropyOfDifference,
}
"""Each takes the fixed image (rows, columns) and its weights (rows, columns) or None."""


def similarity(name: str, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> Similarity:
    """The measure `name` (a key of `SIMILARITIES`) for a fixed image. Raises InputError for a name there is not."""
    names.require_similarity(name)
    return SIMILARITIES[name](fixed, weights)
