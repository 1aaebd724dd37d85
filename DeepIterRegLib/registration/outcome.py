"""What a registration hands to a scene: pose, vessels, images and report, without what it was computed from.

Small enough to travel from the worker process to the application, and the same from a script or the command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.result import Registration


@dataclass(frozen=True, eq=False)
class OutcomeView:
    """One DSA as it is shown."""

    carm: CArm
    minip: npt.NDArray[np.float32]
    """(rows, columns) minimum over the frames, dark vessels on light."""
    valid: BoolArray
    """(rows, columns) what no shutter covers."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A registration as a scene keeps it."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""
    initial_pose: FloatArray
    """(4, 4) where the registration started."""
    cloud: VesselCloud
    """The CTA's vessels, from which the overlay is drawn."""
    views: tuple[OutcomeView, ...]
    """One for each DSA, in their order."""
    report: Mapping[str, Any]
    """`report.build_report`: stages, similarities, warnings, versions, seconds."""


def outcome_of(registration: Registration, report: Mapping[str, Any]) -> Outcome:
    """The outcome of a registration. report: `build_report` of it."""
    return Outcome(
        registration.pose,
        registration.initial_pose,
        registration.volume.cloud,
        tuple(
            OutcomeView(prepared.angiogram.carm, prepared.minip, prepared.angiogram.valid)
            for prepared in registration.angiograms
        ),
        report,
    )
