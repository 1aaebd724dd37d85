"""The targets of a registration: on the vessels of its CTA, and on the detectors of its angiograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.targets import Mark, Placed, Target, mark_of, placed_on
from DeepIterRegLib.registration.result import Registration


@dataclass(frozen=True, eq=False)
class OnVessels:
    """Targets, and the centrelines that they were put onto."""

    targets: tuple[Target, ...]
    centreline: Centreline


def put_on_vessels(registration: Registration, placed: Sequence[Placed]) -> OnVessels | None:
    """What was placed, on the vessels of the CTA; None where nothing was."""
    if not placed:
        return None
    from DeepIterRegLib.guidance.trace import traced

    centreline = traced(registration.volume.cloud)
    return OnVessels(placed_on(centreline, placed), centreline)


def known_covariance(registration: Registration) -> FloatArray | None:
    """(6, 6) of the pose; None where it is not known, and where the pose is most probably wrong: then it says nothing
    about where the head is."""
    confidence = registration.confidence
    if confidence is None or confidence.verdict == "wrong":
        return None
    return confidence.covariance


def reported_covariance(report: Mapping[str, Any]) -> FloatArray | None:
    """`known_covariance`, as far as a report tells."""
    confidence = report.get("confidence")
    if confidence is None or confidence["verdict"] == "wrong":
        return None
    return np.array(confidence["covariance"], dtype=np.float64)


def reported_pivot_mm(report: Mapping[str, Any]) -> FloatArray:
    """(3,) the point, patient frame, that the covariance's rotations turn about."""
    volume = report["volume"]
    return np.array((volume.get("head") or volume)["centre_mm"], dtype=np.float64)


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
