"""`deepiterreg working-angle`: from where a registered vessel is seen best, of a scene that `register` wrote."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from DeepIterRegLib.cli.numbers import finite_number
from DeepIterRegLib.cli.options import output_folder, require_files
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.geometry.carm_presets import preset_named
from DeepIterRegLib.geometry.reach import ASSUMED_REACH, Reach

if TYPE_CHECKING:
    from DeepIterRegLib.guidance.segment import Segment
    from DeepIterRegLib.guidance.working_angle import Sight, WorkingAngles

OUTPUT_NAMES = ("working_angle.png", "expected.png", "working_angle.json")


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "working-angle",
        help="from which angle a registered vessel is seen best",
        description="Looks at a piece of vessel from all angles that a C-arm reaches, for the one with the least"
        f" foreshortening and the fewest vessels over it, and writes {', '.join(OUTPUT_NAMES)}.",
    )
    parser.add_argument(
        "--scene", type=Path, required=True, metavar="FILE", help="scene.mrb of a registration, or one saved by Slicer"
    )
    parser.add_argument(
        "--at",
        type=point,
        required=True,
        action="append",
        metavar="R,A,S",
        help="a point of the vessel, mm in the CTA's frame as Slicer shows it (write --at=-10,5,30 where the first is"
        " negative): the vessel about it, or the fork that it lies at; more than once: the vessel along the points",
    )
    parser.add_argument("--length", type=length, metavar="MM", help="of the vessel about one point (default: 20)")
    parser.add_argument(
        "--view", type=int, choices=(1, 2), default=1, help="which of two registered runs is today's (default: 1)"
    )
    reach = parser.add_mutually_exclusive_group()
    reach.add_argument("--preset", metavar="NAME", help="a system of `deepiterreg presets` that says what it reaches")
    reach.add_argument(
        "--reach",
        type=reach_of,
        metavar="RAO,LAO,CAU,CRA",
        help="what the C-arm reaches, degrees (default: 90,90,45,45, an assumption)",
    )
    parser.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder that receives the results"
    )
    parser.set_defaults(run=run)


def point(text: str) -> tuple[float, ...]:
    """R,A,S as an option's value."""
    numbers = tuple(finite_number(part) for part in text.split(","))
    if len(numbers) != 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers with commas between, as 10,-5,30")
    return numbers


def length(text: str) -> float:
    number = finite_number(text)
    if not 8 <= number <= 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 8 and 60 mm")
    return number


def reach_of(text: str) -> Reach:
    numbers = [finite_number(part) for part in text.split(",")]
    if len(numbers) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not four numbers with commas between, as 90,90,45,45")
    try:
        return Reach(*numbers)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    require_files((args.scene, "--scene"))
    reach, reach_from = _reach(args)
    from DeepIterRegLib.cli.register import require_slicer_core

    require_slicer_core()
    from DeepIterRegLib.cli.working_angle_figure import write_expected, write_map
    from DeepIterRegLib.guidance.readings import readings_of
    from DeepIterRegLib.guidance.segment import LENGTH_MM, segment_of
    from DeepIterRegLib.guidance.working_angle import working_angles
    from DeepIterRegLib.mrml.saving.read_registered import read_case
    from DeepIterRegLib.registration.working_angle_report import working_angle_report

    case = read_case(args.scene)
    if args.view > len(case.views):
        raise InputError("The scene holds one registered run; leave out --view 2.")
    view = case.views[args.view - 1]
    position = str(case.report["angiograms"][view.number].get("patient_position", "HFS"))
    segment = segment_of(case.vessels, np.array(args.at), args.length or LENGTH_MM)
    readings = readings_of(case.pose, position)
    angles = working_angles(segment, case.vessels, case.pose, view.carm, reach=reach, readings=readings)
    report = working_angle_report(angles, segment, reach, reach_from, view.carm)
    with staged_output(args.output, OUTPUT_NAMES) as folder:
        write_map(folder / OUTPUT_NAMES[0], angles)
        write_expected(folder / OUTPUT_NAMES[1], angles, segment, case.vessels, case.pose, view.carm)
        (folder / OUTPUT_NAMES[2]).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console = Console(highlight=False, soft_wrap=True)
    for line in _lines(angles, segment, reach_from, args.output):
        console.print(line, markup=False)
    return 0


def _reach(args: argparse.Namespace) -> tuple[Reach, str]:
    """What the C-arm reaches, and who says so."""
    if args.reach is not None:
        return args.reach, "given"
    if args.preset is None:
        return ASSUMED_REACH, "assumed"
    preset = preset_named(args.preset)
    if preset.reach is None:
        raise InputError(
            "The source of the preset {name} does not say which angles the system reaches; give them with --reach.",
            name=preset.name,
        )
    return preset.reach, preset.name


def _lines(angles: WorkingAngles, segment: Segment, reach_from: str, folder: Path) -> list[str]:
    words = angles.readings.words
    what = "Fork" if segment.is_fork else "Vessel"
    radius_mm = max(limb.radius_mm for limb in segment.limbs)
    middle = " ".join(f"{value:.1f}" for value in segment.middle_mm)
    lines = [f"{what} about {middle}, radius {radius_mm:.1f} mm."]
    lines += [
        f"  {number}. {words(sight.primary_deg, sight.secondary_deg)}: {_told(sight)}"
        for number, sight in enumerate(angles.best, start=1)
    ]
    today = angles.today
    lines.append(f"  today {words(today.primary_deg, today.secondary_deg)}: {_told(today)}")
    if reach_from == "assumed":
        lines.append("  What the C-arm reaches was assumed (90, 90, 45, 45); say it with --reach or --preset.")
    return lines + [f"  {folder / name}" for name in OUTPUT_NAMES]


def _told(sight: Sight) -> str:
    beside = "" if sight.in_view else "; not all of it on the detector, move the table"
    return f"foreshortened {sight.foreshortening:.0%}, covered {sight.overlap:.0%}{beside}"
