"""The report's `targets`: where each lies in the CTA, on every DSA, and behind the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.plane_motion import pose_in_frame
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.ellipse import Ellipse
from DeepIterRegLib.guidance.targets import Target, behind, mark_of
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.registration.targets import known_covariance

DIGITS = 3
"""Of mm, degrees and pixels: what is placed by hand is not more exact."""


def target_fields(targets: Sequence[Target], registration: Registration) -> list[dict[str, Any]]:
    """Plain JSON values, one object for each target (schemas/report.schema.json)."""
    return [
        {
            "name": target.name,
            "kind": "path" if target.is_path else "point",
            "placed_mm": _rows(target.placed_mm),
            "points_mm": _rows(target.points_mm),
            "snapped_mm": [_number(distance) for distance in target.snapped_mm],
            "vessel_radius_mm": _number(target.radius_mm),
            "length_mm": _number(target.length_mm),
            "gap_mm": _number(target.gap_mm),
            "angiograms": [
                _on(view.angiogram, target, targets, registration) for view in registration.angiograms
            ],
        }
        for target in targets
    ]  # fmt: skip


def _on(angiogram: Angiogram, target: Target, targets: Sequence[Target], registration: Registration) -> dict[str, Any]:
    carm, pose = angiogram.carm, registration.pose
    column, row = project(apply(pose, target.end_mm)[None], carm)[0]
    mark = mark_of(target, pose, carm, known_covariance(registration), registration.volume.frame.centre_mm)
    found = [behind(target, other, pose, carm) for other in targets if other is not target]
    return {
        "column_px": _number(column),
        "row_px": _number(row),
        "in_view": _in_view(angiogram, column, row),
        "ellipse": None if mark is None else _ellipse(mark.ellipses[-1]),
        "by_frame": _by_frame(angiogram, target.end_mm, registration, carm),
        "behind": [
            {"target": one.other, "behind_mm": _number(one.behind_mm), "beside_mm": _number(one.beside_mm)}
            for one in found
            if one is not None
        ],
    }


def _ellipse(ellipse: Ellipse) -> dict[str, Any]:
    return {"semi_axes_mm": [_number(axis) for axis in ellipse.semi_axes_mm], "angle_deg": _number(ellipse.angle_deg)}


def _in_view(angiogram: Angiogram, column: float, row: float) -> bool:
    """Whether the target falls on a pixel that no shutter covers."""
    rows, columns = angiogram.valid.shape
    if not (-0.5 <= column < columns - 0.5 and -0.5 <= row < rows - 0.5):
        return False
    return bool(angiogram.valid[round(float(row)), round(float(column))])


def _by_frame(
    angiogram: Angiogram, point_mm: FloatArray, registration: Registration, carm: CArm
) -> dict[str, list[float | None]] | None:
    """In each frame of the file, as the head lay in it."""
    motions = angiogram.head_motion
    if motions is None or len(motions) < 2:
        return None
    centre_mm = registration.volume.volume.centre_mm
    poses = [pose_in_frame(registration.pose, motion, centre_mm, carm) for motion in motions]
    pixels = np.concatenate([project(apply(pose, point_mm)[None], carm) for pose in poses])
    return {
        "column_px": [_number(value) for value in pixels[:, 0]],
        "row_px": [_number(value) for value in pixels[:, 1]],
    }


def _rows(points_mm: FloatArray) -> list[list[float | None]]:
    return [[_number(value) for value in point] for point in points_mm]


def _number(value: float | None) -> float | None:
    """Adding 0 turns a negative zero into a positive one."""
    return None if value is None or not math.isfinite(value) else round(float(value), DIGITS) + 0.0
