"""The options that several commands share, and what they mean: one per --dsa, finite numbers, existing files."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.registration.register import Initializer
from DeepIterRegLib.registration.result import Method

MAX_ANGIOGRAMS = 2

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


def seed_number(text: str) -> int:
    """A seed: an integer that is not negative, as numpy's generators want it."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least 0")
    return int(text)


def count_of_at_least(least: int) -> Callable[[str], int]:
    """An integer as an option's value; argparse turns the error into a sentence that names the option."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer of at least {least}")
        return int(text)

    return parse


def output_folder(text: str) -> Path:
    """A folder as an option's value; an empty name, as an unset shell variable gives it, would mean the current one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of the output folder is empty")
    return Path(text)


def add_method_options(parser: argparse.ArgumentParser) -> None:
    """How to register, for every command that does."""
    group = parser.add_argument_group("method")
    group.add_argument(
        "--method",
        choices=("default", "published"),
        default="default",
        help="default: several starts, coarse to fine; published: the two stages of the paper, a fixed number of "
        "iterations (default: %(default)s)",
    )
    initializer = group.add_mutually_exclusive_group()
    initializer.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="of the initializer, the network that looks for the head first (default: the one we ship)",
    )
    initializer.add_argument(
        "--no-initializer", action="store_true", help="start from the radiological pose or the given one itself"
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to compute; auto takes a GPU where the method gains by one (default: %(default)s)",
    )
    group.add_argument(
        "--seed",
        type=seed_number,
        default=0,
        metavar="N",
        help="of every random draw; the same seed gives the same result (default: %(default)s)",
    )


def initializer_of(args: argparse.Namespace) -> Initializer:
    """What `register` is to be told of the initializer."""
    checkpoint: Path | None = args.checkpoint
    return False if args.no_initializer else checkpoint


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


@dataclass(frozen=True)
class RegisterRequest:
    """What `deepiterreg register` is asked to do; the values of the options, not yet looked into."""

    cta: Path
    dsa: tuple[Path, ...]
    output: Path
    initial_transform: Path | None = None
    method: Method = "default"
    device: str = "auto"
    seed: int = 0
    initializer: Initializer = None
    volume_kind: Literal["auto", "cta", "3dra"] = "auto"
    cta_vessels: Path | None = None
    cta_veins: Path | None = None
    dsa_vessels: tuple[Path | None, ...] = (None,)
    dsa_veins: tuple[Path | None, ...] = (None,)
    carm: tuple[Path | None, ...] = (None,)
    primary_angle_deg: tuple[float | None, ...] = (None,)
    secondary_angle_deg: tuple[float | None, ...] = (None,)
    sdd_mm: tuple[float | None, ...] = (None,)
    sid_mm: tuple[float | None, ...] = (None,)
    pixel_spacing_mm: tuple[float | None, ...] = (None,)

    def __post_init__(self) -> None:
        if not 1 <= len(self.dsa) <= MAX_ANGIOGRAMS:
            raise InputError(
                "--dsa is given {times} times; give it once or twice (frontal and lateral run).",
                field=Field.DSA,
                times=len(self.dsa),
            )

    @classmethod
    def from_arguments(cls, args: argparse.Namespace) -> RegisterRequest:
        """Raises InputError when an option's number does not fit that of --dsa, or a file is not there."""
        count = len(args.dsa)
        request = cls(
            args.cta, tuple(args.dsa), args.output, args.initial_transform, args.method, args.device, args.seed,
            initializer_of(args), args.volume_kind, args.cta_vessels, args.cta_veins,
            per_angiogram("--dsa-vessels", args.dsa_vessels, count),
            per_angiogram("--dsa-veins", args.dsa_veins, count),
            per_angiogram("--carm", args.carm, count),
            per_angiogram("--primary-angle", args.primary_angle, count),
            per_angiogram("--secondary-angle", args.secondary_angle, count),
            per_angiogram("--sdd", args.sdd, count, one_for_all=True),
            per_angiogram("--sid", args.sid, count, one_for_all=True),
            per_angiogram("--pixel-spacing", args.pixel_spacing, count, one_for_all=True),
        )  # fmt: skip
        request.require_files()
        return request

    def require_files(self) -> None:
        """Raise InputError for the first path that is not there: before the minutes, not after."""
        options = [("--cta", self.cta), ("--initial-transform", self.initial_transform)]
        options += [("--cta-vessels", self.cta_vessels), ("--cta-veins", self.cta_veins)]
        options += [("--checkpoint", self.initializer)] if isinstance(self.initializer, Path) else []
        options += [("--dsa", path) for path in self.dsa] + [("--carm", path) for path in self.carm]
        options += [("--dsa-vessels", path) for path in self.dsa_vessels]
        options += [("--dsa-veins", path) for path in self.dsa_veins]
        for option, path in options:
            if path is not None and not path.exists():
                raise InputError(
                    "{file} does not exist; give an existing file with {option}.", file=path, option=option
                )
