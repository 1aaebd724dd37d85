"""`deepiterreg simulate`: writes patients that never lived, with the truth about them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rich.console import Console

from DeepIterRegLib.cli.options import output_folder, seed_number
from DeepIterRegLib.cli.progress import progress_display
from DeepIterRegLib.cli.register import message_console
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.progress import Progress, ProgressCallback
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.research.simulate.disturbances import Difficulty, Disturbance
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredChoice

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.files.contact_sheet import Row
    from DeepIterRegLib.research.simulate.patient import PatientOptions

GENERATED = 0.85
"""Of a patient's time; the rest is writing and drawing."""


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "simulate",
        help="write simulated patients, whose true pose is known",
        description="Generates a patient from a seed and writes cta.nrrd, dsa.dcm and truth.json into DIR. Anatomy, "
        "CTA and run are others for every seed, and the same for the same one. With --patients, a folder for each: "
        "DIR/patient_0001 holds the patient of seed 1.",
    )
    parser.add_argument(
        "--seed", type=seed_number, default=0, metavar="N", help="of the (first) patient (default: %(default)s)"
    )
    parser.add_argument("--patients", type=_integer(1), metavar="N", help="how many, with seeds from --seed on")
    parser.add_argument("--output", type=output_folder, metavar="DIR", help="folder for the patient, or the patients")
    parser.add_argument(
        "--contact-sheet",
        type=Path,
        metavar="PNG",
        help="draw the images of all patients into one picture, with or without --output",
    )
    images = parser.add_argument_group("images")
    images.add_argument("--frontal", action="store_true", help="a second run, from the front: dsa_frontal.dcm")
    images.add_argument(
        "--stored",
        choices=get_args(StoredChoice),
        default="raw",
        help="how the runs are written. raw: with their mask frame; subtracted: differences without it; exported: "
        "differences after an archive's losses; native: the mask frame alone; mixed: raw for even seeds, subtracted "
        "for odd ones (default: %(default)s)",
    )
    add_difficulty(images)
    images.add_argument(
        "--segmentations",
        choices=("truth", "realistic", "poor"),
        help="write masks of vessels and veins as well, as good as this",
    )
    images.add_argument(
        "--detector-px",
        type=_integer(128, 2048),
        default=1024,
        metavar="PX",
        help="rows and columns of the detector; fewer for a quick look (default: %(default)s)",
    )
    images.add_argument(
        "--ct-columns",
        type=_integer(96, 1024),
        default=512,
        metavar="VOXELS",
        help="rows and columns of the CTA; fewer for a quick look (default: %(default)s)",
    )
    anatomy = parser.add_argument_group("real anatomy")
    anatomy.add_argument(
        "--arteries",
        type=Path,
        metavar="PATH",
        help="arteries of a real person instead of generated ones: a BraVa tree (.swc), an IXI or TopBrain label map "
        "(.nii.gz; the latter's veins too), a folder of such files, of which each patient gets one, or the folder of "
        "BodyParts3D",
    )
    anatomy.add_argument(
        "--skull", type=Path, metavar="PATH", help="head CT of a real person instead of a generated head"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    options = _options(args)
    seeds = range(args.seed, args.seed + (args.patients or 1))
    rows: list[Row] = []
    finished = 0
    try:
        with progress_display(message_console(), "cpu") as progress:
            for number, seed in enumerate(seeds):
                rows += _one_patient(args, options, seed, (number, len(seeds)), progress)
                finished += args.output is not None
            progress(Progress("Done", 1.0))
        if args.contact_sheet is not None:
            _write_sheet(args.contact_sheet, rows)
    except BaseException as error:
        if finished:
            error.add_note(f"{finished} of {len(seeds)} patients {'is' if finished == 1 else 'are'} written")
        raise
    _print_outcome(Console(highlight=False, soft_wrap=True), args, len(seeds))
    return 0


def patient_folder(output: Path, seed: int, one_of_many: bool) -> Path:
    """Where the patient of `seed` goes."""
    return output / f"patient_{seed:04d}" if one_of_many else output


def _options(args: argparse.Namespace) -> PatientOptions:
    """Raises InputError for options that make no sense, before any work."""
    from DeepIterRegLib.research.simulate.patient import PatientOptions

    if args.output is None and args.contact_sheet is None:
        raise InputError("There is nowhere to write the patient; give a folder with --output DIR.")
    for option, path in (("--arteries", args.arteries), ("--skull", args.skull)):
        if path is not None and not path.exists():
            raise InputError(f"{path.name or path} does not exist; give an existing file or folder with {option}.")
    if args.contact_sheet is not None and args.contact_sheet.suffix.lower() != ".png":
        raise InputError(
            f"{args.contact_sheet.name or args.contact_sheet} is no PNG; name a .png with --contact-sheet."
        )
    return PatientOptions(
        views=("lateral", "frontal") if args.frontal else ("lateral",),
        arteries=args.arteries,
        skull=args.skull,
        detector_px=args.detector_px,
        ct_columns=args.ct_columns,
        difficulty=args.difficulty,
        disturbances=tuple(args.disturb or ()),
    )


def add_difficulty(group: Any) -> None:
    """Options that make the patients harder, the same for all commands that generate some."""
    group.add_argument(
        "--difficulty",
        choices=get_args(Difficulty),
        default="calibrated",
        help="hard: with a random mix of disturbances, docs/simulator.md (default: %(default)s)",
    )
    group.add_argument(
        "--disturb",
        action="append",
        choices=get_args(Disturbance),
        metavar="NAME",
        help=f"a disturbance that every patient shall have; may be repeated: {', '.join(get_args(Disturbance))}",
    )


def _one_patient(
    args: argparse.Namespace, options: PatientOptions, seed: int, place: tuple[int, int], progress: ProgressCallback
) -> list[Row]:
    """Generate a patient, write it and return its row of the contact sheet, as far as either is asked for."""
    from DeepIterRegLib.research.simulate.patient import simulate_patient

    number, count = place
    title = f"Patient of seed {seed}" + (f" ({number + 1} of {count})" if count > 1 else "")

    def tell(what: str, share: float) -> None:
        progress(Progress(f"{title}: {what}", (number + share) / count))

    tell("generating", 0.0)
    if args.output is None:
        patient = simulate_patient(seed, options)
    else:
        from DeepIterRegLib.research.simulate.files.patient_files import write_patient

        folder = patient_folder(args.output, seed, args.patients is not None)
        # The folder first: that it cannot be written is told before the work.
        with full_disk_explained(args.output), _all_or_nothing(folder, seed, options, args.segmentations) as staging:
            patient = simulate_patient(seed, options)
            tell("writing", GENERATED)
            write_patient(patient, staging, args.segmentations, args.stored)
    if args.contact_sheet is None:
        return []
    from DeepIterRegLib.research.simulate.files.contact_sheet import patient_row

    tell("drawing", GENERATED)
    return [patient_row(patient)]


def _all_or_nothing(
    folder: Path, seed: int, options: PatientOptions, segmentations: str | None
) -> AbstractContextManager[Path]:
    from DeepIterRegLib.research.simulate.files.patient_files import file_names
    from DeepIterRegLib.research.simulate.patient import views_of

    return staged_output(folder, file_names(views_of(seed, options), segmentations is not None))


def _write_sheet(path: Path, rows: list[Row]) -> None:
    from DeepIterRegLib.research.simulate.files.contact_sheet import write_contact_sheet

    folder = path.absolute().parent
    with full_disk_explained(folder, None), staged_output(folder, (path.name,)) as staging:
        write_contact_sheet(staging / path.name, rows)


def _print_outcome(console: Console, args: argparse.Namespace, count: int) -> None:
    if args.output is not None:
        what = f"the patient of seed {args.seed}"
        if count > 1:
            what = f"{count} patients, of seeds {args.seed} to {args.seed + count - 1},"
        console.print(f"Wrote {what} to {args.output}", markup=False)
    if args.contact_sheet is not None:
        console.print(f"Wrote the contact sheet {args.contact_sheet}", markup=False)


def _integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """An option's integer within limits; argparse turns the error into a sentence that names the option."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= (most or int(text)):
            limits = f"from {least} to {most}" if most else f"of at least {least}"
            raise argparse.ArgumentTypeError(f"{text!r} is not an integer {limits}")
        return int(text)

    return parse
