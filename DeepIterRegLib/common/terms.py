"""The terms of the posterior: what of the images is compared, and how well it agrees. Importing them loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Term: TypeAlias = Literal["vessels", "skull"]
TERMS: tuple[Term, ...] = get_args(Term)


@dataclass(frozen=True)
class TermAgreement:
    """One term of the posterior, in one angiogram, at a pose."""

    term: Term
    angiogram: int
    """Its number, from 0."""
    similarity_name: str
    similarity: float
    """-1 to 1, at 128 px along the detector's shorter side: the same measure for every method."""
    seen_in: str
    """What shows it: "contrast", "mask frame", "native image", "noise"."""
    trust: float
    """0 to 1: how much of a clear image's weight it has."""
