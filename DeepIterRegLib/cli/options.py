"""The options that several commands share, and what they mean: seeds, counts, existing files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from DeepIterRegLib.cli.geometry_options import geometries_of
from DeepIterRegLib.cli.numbers import per_angiogram
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.registration.images import ImageFiles, Masks
from DeepIterRegLib.registration.options import Initializer, Options
from DeepIterRegLib.similarity.names import NCC, SIMILARITY_NAMES

MAX_ANGIOGRAMS = 2


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
    group.add_argument(
        "--similarity",
        choices=SIMILARITY_NAMES,
        default=NCC,
        metavar="NAME",
        help=f"of the published method's vessel masks: {', '.join(SIMILARITY_NAMES)} (default: %(default)s)",
    )
    group.add_argument(
        "--terms",
        choices=("vessels,skull", "vessels", "skull"),
        default="vessels,skull",
        help="what the default method compares, as far as the images show it (default: %(default)s)",
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


def options_of(args: argparse.Namespace, initial_transform: Path | None = None) -> Options:
    """How to register, of the options of `add_method_options`. Raises InputError."""
    if initial_transform is not None:
        require_files((initial_transform, "--initial-transform"))
    initializer: Initializer = False if args.no_initializer else args.checkpoint
    if args.checkpoint is not None:
        require_files((args.checkpoint, "--checkpoint"))
    return Options(
        method=args.method,
        similarity=args.similarity,
        terms=tuple(args.terms.split(",")),
        initial_pose=initial_transform,
        initializer=initializer,
        device=args.device,
        seed=args.seed,
    )


def files_of(args: argparse.Namespace) -> ImageFiles:
    """The images that `deepiterreg register` is told of.

    Raises InputError when an option's number does not fit that of --dsa, or a file is not there: before the minutes,
    not after.
    """
    geometries, count = geometries_of_runs(args), len(args.dsa)
    masks: Masks[Path] = Masks(
        cta_vessels=args.cta_vessels,
        cta_veins=args.cta_veins,
        dsa_vessels=per_angiogram("--dsa-vessels", args.dsa_vessels, count),
        dsa_veins=per_angiogram("--dsa-veins", args.dsa_veins, count),
    )
    require_files(
        (args.cta, "--cta"),
        (masks.cta_vessels, "--cta-vessels"),
        (masks.cta_veins, "--cta-veins"),
        *((path, "--dsa-vessels") for path in masks.dsa_vessels),
        *((path, "--dsa-veins") for path in masks.dsa_veins),
    )
    return ImageFiles(args.cta, tuple(args.dsa), args.volume_kind, geometries, masks)


def geometries_of_runs(args: argparse.Namespace) -> tuple[GeometryOptions, ...]:
    """What is said of the C-arm of each --dsa. Raises InputError as `files_of`."""
    count = len(args.dsa)
    if not 1 <= count <= MAX_ANGIOGRAMS:
        raise InputError(
            "--dsa is given {times} times; give it once or twice (frontal and lateral run).",
            field=Field.DSA,
            times=count,
        )
    require_files(*((path, "--dsa") for path in args.dsa), *((path, "--carm") for path in args.carm or ()))
    return geometries_of(args, count)


def require_files(*paths: tuple[Path | None, str]) -> None:
    """Raise InputError for the first path that is not there."""
    for path, option in paths:
        if path is not None and not path.exists():
            raise InputError("{file} does not exist; give an existing file with {option}.", file=path, option=option)
