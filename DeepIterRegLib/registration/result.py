"""What a registration is: the one record that a scene, a file, a report and a worker's message are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.confidence import Confidence, Verdict
from DeepIterRegLib.common.progress import Progress, ProgressCallback, Stage
from DeepIterRegLib.common.terms import TermAgreement
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.render.vessel_images import coarsened

if TYPE_CHECKING:  # It loads scipy, which the application does without.
    from DeepIterRegLib.refinement.angle_correction import AngleCorrection

__all__ = ["Outcome", "OutcomeView", "Progress", "ProgressCallback", "Registration", "Stage"]

MOST_BONE_POINTS = 150_000
"""Of a skull in a scene: cells of about 1.5 mm and 2 MB; a picture of it needs no finer."""


@dataclass(frozen=True)
class CarriedFrom:
    """The registration on another run that a pose comes from."""

    primary_angle_deg: float | None
    secondary_angle_deg: float | None
    """Of the C-arm of that run, the first of two."""
    verdict: Verdict | None
    """None where nobody registered."""
    moved_by_hand: bool = False


@dataclass(frozen=True, eq=False)
class Registration:
    """The result: the pose, how it came about, and the images it was found on."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm): the to-parent matrix of Slicer's transform node."""
    initial_pose: FloatArray
    """(4, 4) where the registration started: the radiological pose or the given one."""
    stages: tuple[Stage, ...]
    method: Literal["default", "published", "by hand", "carried"]
    """"by hand": nobody registered, the pose is the starting pose. "carried": it is that of another run."""
    device: str
    """"cpu" or "cuda", as used (after any fall-back)."""
    images: PreparedImages
    warnings: tuple[str, ...]
    """Of the images, then of the registration."""
    seed: int = 0
    terms: tuple[TermAgreement, ...] = ()
    """How well vessels and skull agree at the pose, in each angiogram that shows them."""
    angle_corrections: tuple[AngleCorrection, ...] = ()
    """What was added to the angles of each angiogram's C-arm, which `images` holds as corrected; empty: nothing."""
    preparation_seconds: float = 0.0
    """Of reading, as far as it was deferred, and segmenting the images."""
    seconds: float = 0.0
    """Of the registration proper, after the images were prepared."""
    confidence: Confidence | None = None
    """How sure the pose is; None where nobody registered."""
    initializer_sha256: str | None = None
    """Of the weights that found the starting hypotheses; None where the registration had no initializer."""
    carried_from: CarriedFrom | None = None
    """Where a carried pose comes from; None of a pose that was found on these images."""

    @property
    def volume(self) -> PreparedVolume:
        return self.images.volume

    @property
    def angiograms(self) -> tuple[PreparedAngiogram, ...]:
        return self.images.angiograms


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
    """A registration without what it was computed from: small enough to travel between processes, and all that a scene
    keeps."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""
    initial_pose: FloatArray
    """(4, 4) where the registration started."""
    cloud: VesselCloud
    """The CTA's vessels, from which the overlay is drawn; empty of a CT without contrast."""
    views: tuple[OutcomeView, ...]
    """One for each DSA, in their order."""
    report: Mapping[str, Any]
    """`report.build_report`: stages, similarities, warnings, versions, seconds."""
    bones: VesselCloud | None = None
    """The CTA's skull, about as finely as it is drawn; None where it has none."""


def outcome_of(registration: Registration, report: Mapping[str, Any]) -> Outcome:
    """The outcome of a registration. report: `build_report` of it."""
    return Outcome(
        registration.pose,
        registration.initial_pose,
        registration.volume.cloud_for_scene,
        views_of(registration.images),
        report,
        bones_for_scene(registration.volume),
    )


def bones_for_scene(volume: PreparedVolume) -> VesselCloud | None:
    """The skull as it is drawn: fewer points than it is registered by, for scenes and worker's messages hold them."""
    if volume.skull is None:
        return None
    return replace(coarsened(volume.skull, MOST_BONE_POINTS), centre_mm=volume.volume.centre_mm)


def views_of(images: PreparedImages) -> tuple[OutcomeView, ...]:
    """The DSAs as they are shown, in their order."""
    return tuple(
        OutcomeView(prepared.angiogram.carm, prepared.minip, prepared.angiogram.valid) for prepared in images.angiograms
    )
