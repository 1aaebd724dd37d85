"""Values of options: finite numbers, and one for each --dsa."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import TypeVar

from DeepIterRegLib.common.errors import InputError

T = TypeVar("T")


def finite_number(text: str) -> float:
    """A number as an option's value; argparse turns the error into a sentence that names the option."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return number


def per_angiogram(
    option: str, values: Sequence[T] | None, count: int, one_for_all: bool = False
) -> tuple[T | None, ...]:
    """The values of an option that is given once per --dsa, one for each of `count` angiograms; None where left out.

    one_for_all: one value may serve every angiogram (a distance may, an angle or a mask cannot). Raises InputError
    when the numbers do not agree.
    """
    if not values:
        return (None,) * count
    if len(values) == count:
        return tuple(values)
    if one_for_all and len(values) == 1:
        return tuple(values) * count
    raise InputError(
        "{option} is given {times} times for {count} --dsa; give it once for each --dsa, in the same order.",
        option=option,
        times=len(values),
        count=count,
    )
