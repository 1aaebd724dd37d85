"""Carry: a pose that was found on one run, shown on another run of the unmoved patient, with a verdict of its own.

Nothing is registered: the new run's tags say where its C-arm stood, and the patient has not moved. Whether that is so,
the images tell, by the same measures as after a registration.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.progress import Progress, ProgressCallback, Stage, part_of
from DeepIterRegLib.common.terms import TERMS
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.confidence.assess import assess
from DeepIterRegLib.initializer.in_view import in_view
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.refinement.agreement import agreements, evidence_of_result
from DeepIterRegLib.registration.cache import PreparationCache
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.prepare import prepare
from DeepIterRegLib.registration.result import CarriedFrom, Registration
from DeepIterRegLib.registration.start import start_poses
from DeepIterRegLib.registration.what_is_shown import require_something_to_compare

PREPARATION_SHARE = 0.8
"""Of the progress bar."""
CARRIED = "The pose was carried over from another run: nothing was registered on this one."
DOUBTED_ORIGIN = "The registration that the pose was carried from is itself in doubt."
MOVED_ORIGIN = "The pose that was carried over was moved by hand."


@one_blas_thread
def carry_images(
    images: PatientImages,
    pose: FloatArray,
    origin: CarriedFrom,
    progress: ProgressCallback | None = None,
    cache: PreparationCache | None = None,
    on_prepared: Callable[[PreparedImages, FloatArray], None] | None = None,
) -> Registration:
    """Prepare and `carry`. pose: (4, 4). cache: see `prepare`. on_prepared: called with the prepared images and the
    pose. Raises InputError."""
    began = time.perf_counter()
    prepared = prepare(images, part_of(progress, 0.0, PREPARATION_SHARE), cache)
    seconds = time.perf_counter() - began
    if on_prepared is not None:
        on_prepared(prepared, pose)
    return carry(prepared, pose, origin, part_of(progress, PREPARATION_SHARE, 1.0), preparation_seconds=seconds)


@one_blas_thread
def carry(
    prepared: PreparedImages,
    pose: FloatArray,
    origin: CarriedFrom,
    progress: ProgressCallback | None = None,
    *,
    preparation_seconds: float = 0.0,
) -> Registration:
    """A pose (4, 4) as the result on other runs, as sure as these runs make it; method "carried".

    The verdict is "check" at best where the registration that the pose comes from is itself in doubt. Raises InputError
    where the head is not in view of these runs, or they show nothing that the CTA shows.
    """
    began = time.perf_counter()
    report: ProgressCallback = progress or (lambda step: None)
    require_something_to_compare(prepared, Options())
    if not in_view(pose, prepared.volume, prepared.angiograms):
        raise InputError(
            "At the carried pose nothing of the CTA is projected onto the DSA; give a run of the same patient, who has"
            " not moved, for {dsa}, or correct {carm}.",
            field=Field.DSA,
        )
    report(Progress(stage_names.CARRIED_POSE, 0.0, pose=pose))
    evidence = evidence_of_result(prepared.volume, prepared.angiograms)
    registration = Registration(
        pose=pose,
        initial_pose=pose,
        stages=(Stage(stage_names.CARRIED_POSE, pose, None, None, None, 0.0),),
        method="carried",
        device="cpu",
        images=prepared,
        warnings=(*prepared.warnings, CARRIED),
        terms=agreements(evidence, prepared.angiograms, pose, TERMS),
        carried_from=origin,
        preparation_seconds=preparation_seconds,
    )
    confidence = assess(registration, start_poses(prepared), evidence, doubts_of(origin))
    report(Progress(stage_names.REGISTERED, 1.0, pose=pose))
    return replace(registration, confidence=confidence, seconds=time.perf_counter() - began)


def doubts_of(origin: CarriedFrom) -> tuple[str, ...]:
    """Why a pose is in doubt before the new run is looked at."""
    doubts = [DOUBTED_ORIGIN] if origin.verdict in ("check", "wrong") else []
    return (*doubts, MOVED_ORIGIN) if origin.moved_by_hand else tuple(doubts)
