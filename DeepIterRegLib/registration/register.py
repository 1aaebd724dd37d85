"""CTA and angiograms in, pose out: the whole method, one readable function."""

from __future__ import annotations

import os
import pathlib
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import require_rigid
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.masks import read_detector_mask, read_volume_mask
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import RequestedKind, read_volume
from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT, CheckpointError
from DeepIterRegLib.initializer.in_view import in_view
from DeepIterRegLib.initializer.predictor import load_network
from DeepIterRegLib.initializer.search import SearchOptions
from DeepIterRegLib.initializer.stage import DEFAULT_SEARCH, INITIALIZER_NAME, Initialized, initializer_stage
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.agreement import (
    agreement_ncc,
    little_in_view_warning,
    poor_agreement_warning,
    share_in_view,
)
from DeepIterRegLib.refinement.default import refine_default
from DeepIterRegLib.refinement.published import refine_published
from DeepIterRegLib.registration.result import Method, Progress, ProgressCallback, Registration, Stage
from DeepIterRegLib.render.choose import choose_device, is_out_of_memory, warm_up

Path: TypeAlias = str | os.PathLike[str]
Device = Literal["auto", "cpu", "cuda"]
Initializer: TypeAlias = bool | Path | None
"""Whether the initializer's network looks for the head first: True with the checkpoint that we ship, a path with that
one, False not at all. None, the default: with ours from the radiological pose, not from a pose that was given, because
who gives one knows where the head is."""
T = TypeVar("T")

PREPARATION_SHARE = 0.6
"""Of the progress bar: reading and segmenting the images takes longer than registering them."""
INITIALIZER_SHARE = 0.3
"""Of the rest of it, where there is an initializer."""


def register(
    cta: Path | Volume,
    dsa: Path | Angiogram | Sequence[Path | Angiogram],
    *,
    method: Method = "default",
    initial_pose: FloatArray | Path | None = None,
    initializer: Initializer = None,
    device: Device = "auto",
    volume_kind: RequestedKind = "auto",
    geometry: GeometryOptions | Sequence[GeometryOptions | None] | None = None,
    cta_vessels: Path | BoolArray | None = None,
    cta_veins: Path | BoolArray | None = None,
    dsa_vessels: Path | BoolArray | Sequence[Path | BoolArray | None] | None = None,
    dsa_veins: Path | BoolArray | Sequence[Path | BoolArray | None] | None = None,
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Registration:
    """Find the rigid transform that takes the CTA from the patient frame (RAS, mm) to the C-arm frame (mm).

    cta: an NRRD or NIfTI file, a DICOM folder, or a Volume; a 3DRA will do (`volume_kind`). dsa: an XA DICOM file, an
    NRRD, NIfTI or PNG file, a folder of PNG frames, or an Angiogram; or two of those (the patient unmoved between
    them), which one pose then has to explain. geometry: over the files' tags, for all angiograms or one for each.
    initial_pose: (4, 4), or any ITK transform file, instead of the radiological pose. initializer: see `Initializer`; a
    checkpoint that cannot be used is a warning, and the registration goes on without. The masks, files or arrays,
    replace our own segmentations. progress: called as it goes on; what it raises ends the registration.
    The same input and seed give the same pose on a CPU.

    Raises InputError, with one sentence for the user, for anything that cannot be registered.

    >>> import tempfile
    >>> from DeepIterRegLib import register
    >>> from DeepIterRegLib.research.simulate.built_in import built_in_patient
    >>> from DeepIterRegLib.research.simulate.files.patient_files import write_patient
    >>> files = write_patient(built_in_patient(seed=1), tempfile.mkdtemp())  # or a patient's own files
    >>> result = register(files["cta"], files["dsa"])
    >>> result.pose.shape  # the to-parent matrix of Slicer's transform node
    (4, 4)
    >>> result.stages[-1].name, result.stages[-1].similarity_name
    ('Minimum projection', 'log posterior')
    """
    began = time.perf_counter()
    report = progress or (lambda step: None)
    report(Progress("Reading the images", 0.0))
    threading.Thread(target=warm_up, args=(device,), daemon=True).start()
    checkpoint = _checkpoint(initializer, initial_pose is not None)
    threading.Thread(target=_read_ahead, args=(checkpoint, device), daemon=True).start()
    volume = cta if isinstance(cta, Volume) else read_volume(cta, volume_kind)
    runs = [dsa] if isinstance(dsa, (str, os.PathLike, Angiogram)) else list(dsa)
    if not runs:
        raise InputError("There is no angiogram; give a DSA run with --dsa.")
    count = len(runs)
    angiograms = [
        run if isinstance(run, Angiogram) else read_angiogram(run, options)
        for run, options in zip(runs, _per_run(geometry, count, "geometry"), strict=True)
    ]

    volume_masks = [
        read_volume_mask(mask, volume, option) if isinstance(mask, (str, os.PathLike)) else mask
        for mask, option in ((cta_vessels, "--cta-vessels"), (cta_veins, "--cta-veins"))
    ]
    run_masks = [
        [
            read_detector_mask(mask, angiogram, option) if isinstance(mask, (str, os.PathLike)) else mask
            for mask, angiogram in zip(_per_run(masks, count, option), angiograms, strict=True)
        ]
        for masks, option in ((dsa_vessels, "--dsa-vessels"), (dsa_veins, "--dsa-veins"))
    ]
    # A pose that does not fit is found before minutes of work, not after.
    start = _initial_pose(initial_pose)

    # The angiogram is quick and the more likely to be refused: first.
    prepared_runs = []
    for index, (angiogram, vessels, veins) in enumerate(zip(angiograms, *run_masks, strict=True)):
        report(Progress("Segmenting the DSA", PREPARATION_SHARE * (0.05 + 0.25 * index / count)))
        prepared_runs.append(prepare_angiogram(angiogram, vessels, veins))
    prepared_volume = prepare_volume(
        volume,
        vessels=volume_masks[0],
        veins=volume_masks[1],
        progress=lambda stage, fraction: report(Progress(stage, PREPARATION_SHARE * (0.3 + 0.7 * fraction))),
    )
    preparation_seconds = time.perf_counter() - began
    registration = register_prepared(
        prepared_volume,
        prepared_runs,
        method=method,
        initial_pose=start,
        initializer=initializer,
        device=device,
        seed=seed,
        progress=lambda step: report(
            replace(step, fraction=PREPARATION_SHARE + (1 - PREPARATION_SHARE) * step.fraction)
        ),
    )
    return replace(registration, preparation_seconds=preparation_seconds)


def register_prepared(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    *,
    method: Method = "default",
    initial_pose: FloatArray | None = None,
    initializer: Initializer = None,
    search: SearchOptions = DEFAULT_SEARCH,
    device: Device = "auto",
    seed: int = 0,
    progress: ProgressCallback | None = None,
) -> Registration:
    """As `register`, for images that are prepared already (cohorts, experiments, a second try on the same patient).

    search: how much the initializer tries.
    """
    if method not in ("default", "published"):
        raise InputError(f"There is no method {method!r}; choose default or published.")
    if not angiograms:
        raise InputError("There is no angiogram; give a DSA run with --dsa.")
    report = progress or (lambda step: None)
    began = time.perf_counter()
    warnings = list(dict.fromkeys([*volume.warnings, *(line for run in angiograms for line in run.warnings)]))
    used_device, device_warning = choose_device(device)
    warnings += [device_warning] if device_warning else []

    starts = [initial_pose] if initial_pose is not None else start_poses(volume, angiograms)
    if not in_view(starts[0], volume, angiograms):
        raise InputError(
            "At the starting pose no vessel of the CTA is projected onto the DSA; give one nearer to the truth with"
            " --initial-transform FILE, or correct the C-arm's geometry."
        )
    first = Stage("Starting pose", starts[0], None, None, None, time.perf_counter() - began)
    report(Progress(first.name, 0.0, pose=first.pose))

    initialized = NOT_INITIALIZED
    checkpoint = _checkpoint(initializer, initial_pose is not None)
    if checkpoint is not None:
        report(Progress(INITIALIZER_NAME, 0.0, pose=first.pose))
        start_name = "radiological" if initial_pose is None else "given"

        def look(on_device: str) -> Initialized:
            options = replace(search, seed=seed)
            return _initialize(volume, angiograms, starts, checkpoint, options, on_device, start_name)

        initialized, used_device = _with_fallback(look, used_device, warnings)
        warnings += [line for line in initialized.warnings if line not in warnings]
    done = 0.0
    if initialized.stage is not None:
        done = INITIALIZER_SHARE
        report(Progress(INITIALIZER_NAME, done, initialized.stage.similarity, initialized.stage.pose))

    def refine(on_device: str) -> list[Stage]:
        def step(stage: str, fraction: float, value: float, pose: FloatArray) -> None:
            report(Progress(stage, done + (1 - done) * fraction, value, pose))

        if method == "published":
            pose = published_start(starts, initialized.hypotheses)
            return refine_published(volume, angiograms, pose, device=on_device, report=step)
        return refine_default(
            volume, angiograms, starts, initialized.hypotheses, device=on_device, seed=seed, report=step
        )

    stages, used_device = _with_fallback(refine, used_device, warnings)
    found = volume, angiograms, stages[-1].pose
    doubts = poor_agreement_warning(agreement_ncc(*found)), little_in_view_warning(share_in_view(*found))
    warnings += [doubt for doubt in doubts if doubt is not None]
    report(Progress("Registered", 1.0, stages[-1].similarity, stages[-1].pose))
    return Registration(
        pose=stages[-1].pose,
        initial_pose=first.pose,
        stages=tuple(stage for stage in (first, initialized.stage, *stages) if stage is not None),
        method=method,
        device=used_device,
        volume=volume,
        angiograms=tuple(angiograms),
        warnings=tuple(warnings),
        preparation_seconds=0.0,
        seconds=time.perf_counter() - began,
        initializer_sha256=initialized.sha256 if initialized.stage is not None else None,
    )


def published_start(starts: Sequence[FloatArray], hypotheses: Sequence[FloatArray]) -> FloatArray:
    """(4, 4) the one pose that the published method climbs from."""
    return hypotheses[0] if hypotheses else starts[0]


def start_poses(volume: PreparedVolume, angiograms: Sequence[PreparedAngiogram]) -> list[FloatArray]:
    """Where a registration starts that is told nothing, the radiological pose first.

    For a patient who does not lie head first, supine, there are two: DICOM defines the positioner's angles relative to
    the patient, yet systems exist that leave them relative to the table. The second hypothesis is the pose if the
    angles are the patient's. Raises InputError where the angiograms disagree on how the patient lies.
    """
    centre = volume.cloud.centre_mm
    positions = list(dict.fromkeys(prepared.angiogram.patient_position for prepared in angiograms))
    if len(positions) > 1:
        raise InputError(
            f"The angiograms disagree about the Patient Position (0018,5100): {' and '.join(positions)}; register runs"
            " of the unmoved patient together, others one by one."
        )
    position = positions[0]
    poses = [radiological_pose(centre, position)]
    if position != "HFS":
        poses.append(radiological_pose(centre, "HFS"))
    return poses


OUT_OF_GPU_MEMORY = "The GPU has not enough free memory; the registration ran on the CPU."


def _with_fallback(task: Callable[[str], T], device: str, warnings: list[str]) -> tuple[T, str]:
    """Run on `device`, and once more on the CPU, with a warning, where the GPU has no memory left; says on which."""
    try:
        return task(device), device
    except RuntimeError as error:
        if device == "cpu" or not is_out_of_memory(error):
            raise
        warnings.append(OUT_OF_GPU_MEMORY)
        return task("cpu"), "cpu"


NOT_INITIALIZED = Initialized(None, (), ())


def _checkpoint(initializer: Initializer, pose_is_given: bool) -> pathlib.Path | None:
    """The checkpoint's file, None where no initializer is wanted."""
    if isinstance(initializer, (str, os.PathLike)):
        return pathlib.Path(initializer)
    wanted = not pose_is_given if initializer is None else initializer
    return DEFAULT_CHECKPOINT if wanted else None


def _initialize(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    starts: Sequence[FloatArray],
    checkpoint: pathlib.Path,
    search: SearchOptions,
    device: str,
    start_name: str,
) -> Initialized:
    """Let the network look for the head. A checkpoint that cannot be used is a warning, for there is another way."""
    try:
        network = load_network(checkpoint, device)
    except CheckpointError as error:
        return Initialized(None, (), (f"{error} The registration went on from the {start_name} pose.",))
    return replace(initializer_stage(volume, angiograms, starts, network.predict, search), sha256=network.sha256)


def _read_ahead(checkpoint: pathlib.Path | None, device: Device) -> None:
    """Read the checkpoint while the images are read; what is wrong with it, the registration will meet again."""
    with suppress(Exception):
        if checkpoint is not None:
            load_network(checkpoint, choose_device(device)[0])


def _initial_pose(given: FloatArray | Path | None) -> FloatArray | None:
    if given is None:
        return None
    if isinstance(given, (str, os.PathLike)):
        return read_transform(os.fspath(given))
    return require_rigid(given, "The initial pose")


def _per_run(given: Any, count: int, what: str) -> list[Any]:
    """One entry for each run: a list is taken as it is, a single value serves all (a mask only a single run)."""
    if given is None:
        return [None] * count
    if isinstance(given, (list, tuple)):
        if len(given) != count:
            raise InputError(f"{count} angiograms need {count} values of {what}, one for each, not {len(given)}.")
        return list(given)
    if count > 1 and not isinstance(given, GeometryOptions):
        raise InputError(f"{count} angiograms need {count} values of {what}, one for each.")
    return [given] * count
