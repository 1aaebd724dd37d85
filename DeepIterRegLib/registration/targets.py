"""The targets of a registration: on the vessels of its CTA, and on the detectors of its angiograms."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.guidance.targets import Mark, Placed, Target, mark_of, placed_on
from DeepIterRegLib.registration.result import Registration


def targets_of(registration: Registration, placed: Sequence[Placed]) -> tuple[Target, ...]:
    """What was placed, put onto the vessels of the CTA."""
    if not placed:
        return ()
    from DeepIterRegLib.guidance.trace import traced

    return placed_on(traced(registration.volume.cloud), placed)


def known_covariance(registration: Registration) -> FloatArray | None:
    """(6, 6) of the pose; None where it is not known, and where the pose is most probably wrong: then it says nothing
    about where the head is."""
    confidence = registration.confidence
    return None if confidence is None or confidence.verdict == "wrong" else confidence.covariance


def marks_of(registration: Registration, targets: Sequence[Target]) -> tuple[tuple[Mark, ...], ...]:
    """For each angiogram the targets that can be drawn on it."""
    covariance, pivot_mm = known_covariance(registration), registration.volume.frame.centre_mm
    return tuple(
        tuple(
            mark
            for target in targets
            if (mark := mark_of(target, registration.pose, view.angiogram.carm, covariance, pivot_mm)) is not None
        )
        for view in registration.angiograms
    )
