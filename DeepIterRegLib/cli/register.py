"""`deepiterreg register`: CTA and DSA in; pose, scene, overlay and report out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from rich.console import Console

from DeepIterRegLib.cli.clock import StepClock
from DeepIterRegLib.cli.geometry_options import add_geometry_options
from DeepIterRegLib.cli.options import add_method_options, files_of, options_of, output_folder
from DeepIterRegLib.cli.outcome import FILLED_NAMES, OUTPUT_NAMES, print_outcome
from DeepIterRegLib.cli.progress import progress_display
from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.aside import aside
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.interrupts import noted
from DeepIterRegLib.common.progress import Progress, ProgressCallback, part_of
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.guidance.targets import Placed, require_inside
from DeepIterRegLib.guidance.targets_file import read_targets
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import RequestedKind
from DeepIterRegLib.registration.images import ImageFiles, read_images
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.warm_up import begin_to_warm_up
from DeepIterRegLib.render.choose import choose_device

if TYPE_CHECKING:
    from DeepIterRegLib.filling.branch_map import BranchMap
    from DeepIterRegLib.mrml.nodes.packed_voxels import Packing
    from DeepIterRegLib.registration.result import Registration


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "register",
        help="register a CTA to one or two DSA runs",
        description="Registers a CTA (or 3D rotational angiogram) to one DSA run, or to two of the unmoved patient, "
        f"and writes {', '.join(OUTPUT_NAMES)}.",
    )
    images = parser.add_argument_group("images")
    images.add_argument(
        "--cta", type=Path, required=True, metavar="PATH", help="the 3D angiogram: NRRD, NIfTI or a DICOM folder"
    )
    images.add_argument(
        "--dsa",
        "--xray",
        type=Path,
        required=True,
        action="append",
        metavar="PATH",
        help="the DSA run, or an X-ray of the head without contrast (XA, RF, DX, CR), registered by the skull: "
        "DICOM, NRRD, NIfTI, PNG or a folder of PNG frames; twice for a frontal and a lateral run "
        "(the options below that concern a DSA are then given twice as well, in the same order)",
    )
    images.add_argument(
        "--volume-kind",
        choices=get_args(RequestedKind),
        default="auto",
        help="cta: Hounsfield units; vessels: CTA without its bones, with soft tissue or without; 3dra: rotational 3D "
        "angiogram, vessels only, any unit (default: %(default)s)",
    )
    images.add_argument(
        "--targets",
        type=Path,
        metavar="FILE",
        help="points and paths of the CTA to be shown on every DSA: Slicer's Markups (.mrk.json) or a table (.csv) "
        "with name,R,A,S or name,L,P,S in mm",
    )
    images.add_argument(
        "--output", type=output_folder, required=True, metavar="DIR", help="folder that receives the results"
    )
    add_method_options(parser)
    start = parser.add_argument_group("start")
    start.add_argument(
        "--initial-transform",
        type=Path,
        metavar="FILE",
        help="where to start: any rigid ITK transform file, for example one saved by Slicer (default: the head's "
        "centre on the isocentre, turned as the DSA's Patient Position says); leaves the initializer out unless "
        "--checkpoint names one",
    )
    masks = parser.add_argument_group("masks", "any file that ITK reads; replaces the automatic segmentation")
    for option, what in (("--cta-vessels", "all vessels of the CTA"), ("--cta-veins", "the large veins of the CTA")):
        masks.add_argument(option, type=Path, metavar="FILE", help=f"{what}, on its grid")
    for option, what in (("--dsa-vessels", "all vessels of the DSA"), ("--dsa-veins", "the veins of the DSA")):
        masks.add_argument(option, type=Path, action="append", metavar="FILE", help=f"{what}, of its size")
    add_geometry_options(parser)
    parser.add_argument(
        "--filled",
        action="store_true",
        help="also say which of the CTA's vessels the run shows, and when contrast arrives: filled.png, filled.json "
        "and the colours of the vessels in the scene (docs/filling.md)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    files, options = files_of(args), options_of(args, args.initial_transform)
    targets = () if args.targets is None else read_targets(args.targets)
    clock = StepClock()
    names = OUTPUT_NAMES + (FILLED_NAMES if args.filled else ())
    with staged_output(args.output, names) as folder:
        report = register_into(folder, files, options, message_console(), clock, targets=targets, filled=args.filled)
    print_outcome(Console(highlight=False, soft_wrap=True), args.output, report, clock.seconds, names)
    return 0


def message_console() -> Console:
    """Where progress goes: standard error, so that standard output holds the outcome alone."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def register_into(
    folder: Path,
    files: ImageFiles,
    options: Options,
    console: Console,
    clock: StepClock,
    truth_pose: FloatArray | None = None,
    targets: Sequence[Placed] = (),
    filled: bool = False,
) -> dict[str, Any]:
    """Get images, prepare, register, and write the four files into `folder`; returns the report.

    console: shows the progress. clock: holds the steps that came before. truth_pose: (4, 4), for the report, where it
    is known. targets: in the CTA; refused before anything is registered where they are not. filled: say what the run
    fills. Raises InputError, RegistrationCancelled, or what a library raises.
    """
    # Asked here for the display alone: the registration chooses again, and falls back while it runs.
    device, _ = choose_device(options.device)
    begin_to_warm_up(options)
    with progress_display(console, device) as progress:
        reading = aside(read_images, files, progress)
        # Ctrl-C in the middle of an import, while other threads import too, can leave Python's import lock held.
        with noted() as asked_to_end:
            load_what_comes_later()
        if asked_to_end():
            raise KeyboardInterrupt
        images = reading.result()
        clock.step("read")
        from DeepIterRegLib.mrml.nodes.packed_voxels import Packing
        from DeepIterRegLib.registration.register import register_images
        from DeepIterRegLib.registration.what_is_shown import require_all_vessels

        if isinstance(images.volume, Volume):
            if filled:
                require_all_vessels(images.volume)
            require_inside(targets, images.volume.ijk_to_ras, images.volume.voxels.shape)
        packing = Packing.of_patient(images)
        registration = register_images(images, options, part_of(progress, 0.05, 0.9))
        clock.step("prepare", {"register": registration.seconds})
        report = write_result(folder, registration, packing, progress, clock, truth_pose, targets, filled)
        progress(Progress("Done", 1.0))
    return report


def write_result(
    folder: Path,
    registration: Registration,
    packing: Packing,
    progress: ProgressCallback,
    clock: StepClock,
    truth_pose: FloatArray | None = None,
    targets: Sequence[Placed] = (),
    filled: bool = False,
) -> dict[str, Any]:
    """Write transform, overlay, report and scene of a registration into `folder`; returns the report, built once.

    packing: of its images, for the scene. targets: put onto the vessels here. filled: the vessel map as well, two files
    and the scene's colours.
    """
    from DeepIterRegLib.mrml.saving.registration_scene import write_registration_scene
    from DeepIterRegLib.registration.targets import put_on_vessels
    from DeepIterRegLib.registration.write import write_registration

    progress(Progress("Drawing the overlay", 0.9))
    on_vessels = put_on_vessels(registration, targets)
    report, _ = write_registration(
        folder,
        registration,
        reading_seconds=clock.seconds.get("read"),
        truth_pose=truth_pose,
        targets=() if on_vessels is None else on_vessels.targets,
    )
    clock.step("overlay")
    shown = None
    if filled:
        progress(Progress(stage_names.WHAT_FILLED, 0.93))
        shown = write_filled(folder, registration)
        clock.step("what filled")
    progress(Progress("Writing the scene", 0.95))
    write_registration_scene(folder / "scene.mrb", registration, report, packing, on_vessels, shown)
    clock.step("scene")
    return report


def write_filled(folder: Path, registration: Registration) -> BranchMap:
    """Write filled.png and filled.json; returns the map for the scene. Raises InputError where CTA and DSA do not both
    show vessels."""
    from DeepIterRegLib.filling.branch_map import branch_map
    from DeepIterRegLib.filling.vessel_map import map_fields, vessel_map
    from DeepIterRegLib.registration.filled_image import write_filled_image
    from DeepIterRegLib.registration.report import to_json
    from DeepIterRegLib.registration.what_is_shown import require_vessels

    require_vessels(registration.images)
    cloud = registration.volume.cloud
    found = vessel_map(cloud, registration.angiograms, registration.pose)
    write_filled_image(folder / "filled.png", registration, found)
    (folder / "filled.json").write_text(to_json(map_fields(found, cloud)), encoding="utf-8")
    return branch_map(found, cloud)


def load_what_comes_later() -> None:
    """Import what a registration needs once its images are read, a second or two, while they are read."""
    require_slicer_core()
    import DeepIterRegLib.mrml.saving.registration_scene
    import DeepIterRegLib.registration.register
    import DeepIterRegLib.registration.report  # noqa: F401
    from DeepIterRegLib.registration.overlay_image import load_matplotlib

    load_matplotlib()


def require_slicer_core() -> None:
    """Raise InputError before anything is registered when the scene could not be written in the end.

    It is tried, not only looked for: on a bare system it may be there and lack a library of the system.
    """
    from DeepIterRegLib.mrml.nodes.scene import new_scene

    try:
        new_scene()
    except ImportError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise InputError(
            "slicer-core, which writes scene.mrb, cannot be imported ({reason}); pip install slicer-core.",
            reason=reason,
        ) from error
