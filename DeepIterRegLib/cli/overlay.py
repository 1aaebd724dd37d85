"""`deepiterreg overlay`: a registered scene's pose on another run of the same, unmoved patient, without registering."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from DeepIterRegLib.cli.clock import StepClock
from DeepIterRegLib.cli.geometry_options import add_geometry_options
from DeepIterRegLib.cli.options import add_method_options, geometries_of_runs, options_of, output_folder, require_files
from DeepIterRegLib.cli.outcome import OUTPUT_NAMES, print_outcome
from DeepIterRegLib.cli.progress import progress_display
from DeepIterRegLib.cli.register import load_what_comes_later, message_console, write_result
from DeepIterRegLib.common.progress import Progress, part_of
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.registration.images import ImageFiles, read_images
from DeepIterRegLib.registration.options import Options


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "overlay",
        help="show a registered scene's pose on another run of the unmoved patient",
        description="Takes the CTA and its pose from a scene, and lays the CTA over another run of the same, unmoved "
        "patient by that run's tags, without registering; says how well the run agrees. Writes "
        f"{', '.join(OUTPUT_NAMES)}.",
    )
    images = parser.add_argument_group("images")
    images.add_argument(
        "--scene", type=Path, required=True, metavar="FILE", help="scene.mrb of `register`, or one saved by the panel"
    )
    images.add_argument(
        "--dsa",
        type=Path,
        required=True,
        action="append",
        metavar="PATH",
        help="the other run, as for `register`; twice for two of them",
    )
    images.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder that receives the results"
    )
    parser.add_argument(
        "--refine", action="store_true", help="register from the carried pose, as the options below say"
    )
    add_method_options(parser)
    add_geometry_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    geometries, options = geometries_of_runs(args), options_of(args)
    require_files((args.scene, "--scene"))
    clock = StepClock()
    with staged_output(args.output, OUTPUT_NAMES) as folder:
        report = overlay_into(folder, args.scene, tuple(args.dsa), geometries, options if args.refine else None, clock)
    print_outcome(Console(highlight=False, soft_wrap=True), args.output, report, clock.seconds)
    return 0


def overlay_into(
    folder: Path,
    scene: Path,
    dsas: tuple[Path, ...],
    geometries: tuple[Any, ...],
    refine: Options | None,
    clock: StepClock,
) -> dict[str, Any]:
    """Read the scene and the runs, carry the pose (refine: and register from there), and write the four files into
    `folder`; returns the report. Raises InputError."""
    with progress_display(message_console(), "cpu" if refine is None else refine.device) as progress:
        load_what_comes_later()
        from DeepIterRegLib.mrml.nodes.packed_voxels import Packing
        from DeepIterRegLib.mrml.saving.read_registered import read_registered
        from DeepIterRegLib.registration.carry import carry_images
        from DeepIterRegLib.registration.register import register_images

        registered = read_registered(scene)
        images = read_images(ImageFiles(registered.volume, dsas, geometries=geometries), progress)
        clock.step("read")
        packing = Packing.of_patient(images)
        rest = part_of(progress, 0.05, 0.9)
        if refine is None:
            found = carry_images(images, registered.pose, registered.origin, rest)
        else:
            found = register_images(images, replace(refine, initial_pose=registered.pose), rest)
        clock.step("prepare", {"register" if refine else "compare": found.seconds})
        report = write_result(folder, found, packing, progress, clock, targets=registered.targets)
        progress(Progress("Done", 1.0))
    return report
