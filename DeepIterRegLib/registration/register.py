"""Register: from prepared images to the pose, one readable function."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.progress import Progress, ProgressCallback, Stage, part_of
from DeepIterRegLib.common.terms import TERMS
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.confidence.assess import assess
from DeepIterRegLib.initializer.checkpoint import CheckpointError
from DeepIterRegLib.initializer.in_view import in_view
from DeepIterRegLib.initializer.predictor import load_network
from DeepIterRegLib.initializer.search import SearchOptions
from DeepIterRegLib.initializer.stage import DEFAULT_SEARCH, Initialized, initializer_stage
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages
from DeepIterRegLib.refinement.agreement import agreements, evidence_of_result
from DeepIterRegLib.refinement.angle_correction import AngleCorrection, refine_angles, with_corrected_angles
from DeepIterRegLib.refinement.default import SKULL_SEARCH, refine_default
from DeepIterRegLib.refinement.published import refine_published
from DeepIterRegLib.refinement.readings import Reading, read_by_the_skull
from DeepIterRegLib.refinement.side import with_side_checked
from DeepIterRegLib.registration.cache import PreparationCache
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.prepare import prepare
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.registration.start import position_reading, published_start, start_poses
from DeepIterRegLib.registration.warm_up import begin_to_warm_up
from DeepIterRegLib.registration.what_is_shown import (
    initializer_is_due,
    require_something_to_compare,
    vessels_decide,
    with_vessels,
)
from DeepIterRegLib.render.choose import choose_device, is_out_of_memory

PREPARATION_SHARE = 0.6
"""Of the progress bar, where the images are not prepared yet: segmenting them takes longer than registering them."""
INITIALIZER_SHARE = 0.3
"""Of the registration's part of it, where there is an initializer."""
FIRST_READING_SHARE = 0.8
"""Of the refinement's part: what is left is for an image that turns out to be mirrored and is registered again."""
NOT_REGISTERED = "The CTA was not registered: it is at the starting pose, to be moved by hand."
OUT_OF_GPU_MEMORY = "The GPU has not enough free memory; the registration ran on the CPU."
NOT_INITIALIZED = Initialized(None, (), ())

T = TypeVar("T")


@one_blas_thread
def register_images(
    images: PatientImages,
    options: Options | None = None,
    progress: ProgressCallback | None = None,
    cache: PreparationCache | None = None,
    on_prepared: Callable[[PreparedImages, FloatArray], None] | None = None,
    by_hand: bool = False,
) -> Registration:
    """Prepare and register: what every front end does between getting images and writing the result.

    cache: see `prepare`. on_prepared: called with the prepared images and the starting pose (4, 4), for a first
    overlay. by_hand: stop at the starting pose, for somebody who will move the CTA there. Raises InputError.
    """
    options = options or Options()
    begin_to_warm_up(options)
    began = time.perf_counter()
    share = 0.0 if cache is not None and cache.holds(images) else PREPARATION_SHARE
    prepared = prepare(images, part_of(progress, 0.0, share), cache)
    preparation_seconds = time.perf_counter() - began
    if on_prepared is not None or by_hand:
        start = start_poses(prepared)[0] if options.given_pose is None else options.given_pose
        if on_prepared is not None:
            on_prepared(prepared, start)
        if by_hand:
            return _at_the_start(prepared, start, options.seed, preparation_seconds)
    registration = register(prepared, options, part_of(progress, share, 1.0))
    return replace(registration, preparation_seconds=preparation_seconds)


@one_blas_thread
def register(
    prepared: PreparedImages, options: Options | None = None, progress: ProgressCallback | None = None
) -> Registration:
    """Find the rigid transform that takes the CTA from the patient frame (RAS, mm) to the C-arm frame (mm).

    progress: called as it goes on; what it raises ends the registration. The same images, options and seed give the
    same pose on a CPU. Raises InputError where the vessels are out of view or the angiograms do not belong together. A
    checkpoint that cannot be used is a warning, and the registration goes on without the initializer.
    """
    options = options or Options()
    report: ProgressCallback = progress or (lambda step: None)
    volume, given = prepared.volume, options.given_pose
    began = time.perf_counter()
    warnings = list(prepared.warnings)
    used_device, device_warning = choose_device(options.device)
    warnings += [device_warning] if device_warning else []

    require_something_to_compare(prepared, options)
    starts = [given] if given is not None else start_poses(prepared)
    if not in_view(starts[0], volume, prepared.angiograms):
        raise InputError(
            "At the starting pose nothing of the CTA is projected onto the DSA; give {initial_pose} nearer to the"
            " truth, or correct {carm}.",
            field=Field.INITIAL_POSE,
        )
    first = Stage(stage_names.STARTING_POSE, starts[0], None, None, None, time.perf_counter() - began)
    report(Progress(first.name, 0.0, pose=first.pose))

    initialized = NOT_INITIALIZED
    checkpoint = options.checkpoint
    if checkpoint is not None and initializer_is_due(prepared, options):
        report(Progress(stage_names.INITIALIZER, 0.0, pose=first.pose))
        search = replace(options.search or DEFAULT_SEARCH, seed=options.seed)
        start_name = "radiological" if given is None else "given"

        def initialize(on_device: str) -> Initialized:
            return _initialize(prepared, starts, checkpoint, search, on_device, start_name)

        initialized, used_device = _with_fallback(initialize, used_device, warnings)
        warnings += [line for line in initialized.warnings if line not in warnings]
    done = 0.0
    if initialized.stage is not None:
        done = INITIALIZER_SHARE
        report(Progress(stage_names.INITIALIZER, done, initialized.stage.similarity, initialized.stage.pose))

    def refine(on_device: str) -> _Refined:
        def step(stage: str, fraction: float, value: float, pose: FloatArray) -> None:
            report(Progress(stage, done + (1 - done) * fraction, value, pose))

        way = _as_published if options.method == "published" else _by_default
        return way(prepared, starts, initialized.hypotheses, options, on_device, step)

    refined, used_device = _with_fallback(refine, used_device, warnings)
    stages, angiograms = refined.stages, refined.angiograms
    warnings += refined.warnings
    warnings += position_reading(prepared, starts, stages[-1].pose)
    # The published method compares vessels; whether the skull agrees with what it found is evidence all the same.
    evidence = evidence_of_result(volume, angiograms, options.terms if options.method == "default" else TERMS)
    registration = Registration(
        pose=stages[-1].pose,
        initial_pose=first.pose,
        stages=tuple(stage for stage in (first, initialized.stage, *stages) if stage is not None),
        method=options.method,
        device=used_device,
        images=replace(prepared, angiograms=angiograms),
        warnings=tuple(warnings),
        seed=options.seed,
        terms=agreements(evidence, angiograms, stages[-1].pose, TERMS if options.method == "default" else ("vessels",)),
        angle_corrections=refined.corrections,
        initializer_sha256=initialized.sha256 if initialized.stage is not None else None,
    )
    confidence = assess(registration, starts, evidence, refined.warnings)
    report(Progress(stage_names.REGISTERED, 1.0, stages[-1].similarity, stages[-1].pose))
    return replace(registration, confidence=confidence, seconds=time.perf_counter() - began)


@dataclass(frozen=True, eq=False)
class _Refined:
    """What a method made of the images."""

    stages: tuple[Stage, ...]
    angiograms: tuple[PreparedAngiogram, ...]
    """As they were read: with the sign, the side and the angles that explain them."""
    warnings: tuple[str, ...] = ()
    corrections: tuple[AngleCorrection, ...] = ()


_StepReport = Callable[[str, float, float, FloatArray], None]


def _as_published(
    prepared: PreparedImages,
    starts: Sequence[FloatArray],
    hypotheses: Sequence[FloatArray],
    options: Options,
    device: str,
    step: _StepReport,
) -> _Refined:
    start = published_start(starts, hypotheses)
    showing = with_vessels(prepared.angiograms)
    stages = refine_published(
        prepared.volume, showing, start, similarity=options.similarity, device=device, report=step
    )
    return _Refined(tuple(stages), prepared.angiograms)


def _by_default(
    prepared: PreparedImages,
    starts: Sequence[FloatArray],
    hypotheses: Sequence[FloatArray],
    options: Options,
    device: str,
    step: _StepReport,
) -> _Refined:
    """How each image is to be read, then the pose, then the side it is seen from, or the angles of two views."""
    volume, reading = prepared.volume, Reading(prepared.angiograms, np.zeros((0, 4, 4)), ())
    if "skull" in options.terms:
        reading = read_by_the_skull(volume, prepared.angiograms, starts, SKULL_SEARCH, seed=options.seed, device=device)

    def refine(reading: Reading, begin: float, end: float) -> list[Stage]:
        def part(stage: str, fraction: float, value: float, pose: FloatArray) -> None:
            step(stage, begin + (end - begin) * fraction, value, pose)

        return refine_default(
            volume, reading.angiograms, starts, hypotheses, terms=options.terms, proposals=reading.proposals,
            device=device, seed=options.seed, vessels_decide=vessels_decide(prepared, options), report=part,
        )  # fmt: skip

    stages = refine(reading, 0.0, FIRST_READING_SHARE)
    checked = with_side_checked(volume, reading, stages[-1].pose, options.terms, seed=options.seed, device=device)
    if checked.angiograms != reading.angiograms:
        stages = refine(checked, FIRST_READING_SHARE, 1.0)
    reading = checked
    corrected = refine_angles(volume, reading.angiograms, starts, stages[-1].pose, options.terms, device)
    if corrected is None:
        return _Refined(tuple(stages), reading.angiograms, reading.warnings)
    stage, corrections = corrected
    angiograms = with_corrected_angles(reading.angiograms, corrections)
    return _Refined((*stages, stage), angiograms, reading.warnings, corrections)


def _at_the_start(prepared: PreparedImages, start: FloatArray, seed: int, preparation_seconds: float) -> Registration:
    return Registration(
        pose=start,
        initial_pose=start,
        stages=(Stage(stage_names.STARTING_POSE, start, None, None, None, 0.0),),
        method="by hand",
        device="cpu",
        images=prepared,
        warnings=(*prepared.warnings, NOT_REGISTERED),
        seed=seed,
        preparation_seconds=preparation_seconds,
    )


def _with_fallback(task: Callable[[str], T], device: str, warnings: list[str]) -> tuple[T, str]:
    """Run on `device`, and once more on the CPU, with a warning, where the GPU has no memory left; says on which."""
    try:
        return task(device), device
    except RuntimeError as error:
        if device == "cpu" or not is_out_of_memory(error):
            raise
        warnings.append(OUT_OF_GPU_MEMORY)
        return task("cpu"), "cpu"


def _initialize(
    prepared: PreparedImages,
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
    found = initializer_stage(prepared.volume, with_vessels(prepared.angiograms), starts, network.predict, search)
    return replace(found, sha256=network.sha256)
