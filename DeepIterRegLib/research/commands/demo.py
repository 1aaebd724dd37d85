"""`deepiterreg demo`: registers the built-in patient, whose true pose is known."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from DeepIterRegLib.cli.clock import StepClock
from DeepIterRegLib.cli.options import add_method_options, options_of, output_folder
from DeepIterRegLib.cli.outcome import OUTPUT_NAMES, print_outcome
from DeepIterRegLib.cli.register import message_console, register_into, require_slicer_core
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.registration.images import ImageFiles
from DeepIterRegLib.research.simulate.built_in import BUILT_IN_SEED

PATIENT_FOLDER = "patient"
PATIENT_NAMES = ("cta.nrrd", "dsa.dcm", "truth.json")


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "demo",
        help="register the built-in patient, whose true pose is known",
        description="Simulates a patient from a seed, coarser than `deepiterreg simulate` does, writes the CTA and the "
        f"DSA into DIR/{PATIENT_FOLDER}, registers them as `deepiterreg register` does, and tells how far the result "
        "is from the truth.",
    )
    parser.add_argument(
        "--output",
        type=output_folder,
        default=Path("output"),
        metavar="DIR",
        help="folder for the results (default: output)",
    )
    add_method_options(parser)
    parser.set_defaults(run=run, seed=BUILT_IN_SEED)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    from DeepIterRegLib.research.simulate.built_in import built_in_patient
    from DeepIterRegLib.research.simulate.files.patient_files import write_patient

    options = options_of(args)
    require_slicer_core()
    console = message_console()
    console.print(f"Making the built-in patient of seed {args.seed}")
    clock = StepClock()
    patient_names = tuple(f"{PATIENT_FOLDER}/{name}" for name in PATIENT_NAMES)
    with staged_output(args.output, (*OUTPUT_NAMES, *patient_names)) as folder:
        patient = built_in_patient(args.seed)
        paths = write_patient(patient, folder / PATIENT_FOLDER)
        clock.step("generate")
        files = ImageFiles(paths["cta"], (paths["dsa"],))
        report = register_into(folder, files, options, console, clock, patient.pose)
    print_outcome(Console(highlight=False, soft_wrap=True), args.output, report, clock.seconds)
    return 0
