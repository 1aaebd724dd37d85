"""The options that say what the C-arm of a run was, and what they mean: one per --dsa."""

from __future__ import annotations

import argparse
from pathlib import Path

from DeepIterRegLib.cli.numbers import finite_number, per_angiogram
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.geometry.carm_presets import preset_named
from DeepIterRegLib.geometry.image_turn import QUARTER_DEG, ImageTurn
from DeepIterRegLib.images.geometry_options import GeometryOptions

NUMBERS = (
    ("--primary-angle", "DEG", "primary angle, degrees, LAO positive", "primary_angle_deg"),
    ("--secondary-angle", "DEG", "secondary angle, degrees, cranial positive", "secondary_angle_deg"),
    ("--sdd", "MM", "source-to-detector distance, mm", "sdd_mm"),
    ("--sid", "MM", "source-to-isocentre distance, mm", "sid_mm"),
    ("--pixel-spacing", "MM", "pixel size at the detector, mm", "pixel_spacing_mm"),
)
ONE_FOR_ALL = ("--sdd", "--sid", "--pixel-spacing")
"""A distance serves both runs, an angle does not."""


def add_geometry_options(parser: argparse.ArgumentParser) -> None:
    """The C-arm as the user knows it."""
    group = parser.add_argument_group("C-arm geometry", "what is given here replaces the DSA's tags")
    for option, unit, what, _ in NUMBERS:
        group.add_argument(option, type=finite_number, action="append", metavar=unit, help=what)
    group.add_argument(
        "--carm",
        type=Path,
        action="append",
        metavar="FILE",
        help="the whole C-arm as JSON (docs/command_line.md), for calibrated systems; instead of the options above",
    )
    group.add_argument(
        "--preset",
        action="append",
        metavar="NAME",
        help="a system of `deepiterreg presets`, for what neither the tags nor the options above say",
    )
    group.add_argument(
        "--rotate",
        type=int,
        choices=(0, 90, 180, 270),
        action="append",
        help="by how many degrees the image is turned clockwise against an upright one (the patient's head up)",
    )
    group.add_argument(
        "--mirror",
        choices=("yes", "no"),
        nargs="?",
        const="yes",
        action="append",
        help="the image has left and right exchanged (after it was turned); with two --dsa say yes or no for each",
    )


def geometries_of(args: argparse.Namespace, count: int) -> tuple[GeometryOptions, ...]:
    """One for each of `count` runs. Raises InputError where the options' numbers do not agree with that of --dsa."""
    carms = per_angiogram("--carm", args.carm, count)
    presets = per_angiogram("--preset", args.preset, count, one_for_all=True)
    rotations = per_angiogram("--rotate", args.rotate, count)
    mirrors = per_angiogram("--mirror", args.mirror, count)
    numbers = {
        name: per_angiogram(option, getattr(args, option[2:].replace("-", "_")), count, option in ONE_FOR_ALL)
        for option, _, _, name in NUMBERS
    }
    return tuple(
        GeometryOptions(
            **{name: values[index] for name, values in numbers.items()},
            carm=None if carm is None else read_carm(carm),
            image_turn=_turn(rotations[index], mirrors[index]),
            preset=None if (preset := presets[index]) is None else preset_named(preset),
        )
        for index, carm in enumerate(carms)
    )


def _turn(rotate_deg: int | None, mirror: str | None) -> ImageTurn | None:
    """None where nothing is said: then the tags count."""
    if rotate_deg is None and mirror is None:
        return None
    return ImageTurn((rotate_deg or 0) // QUARTER_DEG, mirror == "yes")
