"""The terms of the posterior by name: what of the images is compared. Importing them loads nothing."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Term: TypeAlias = Literal["vessels", "skull"]
TERMS: tuple[Term, ...] = get_args(Term)
