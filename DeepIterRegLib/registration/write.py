"""The files of a registration that need no scene: transform, overlay and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.transform_file import write_transform
from DeepIterRegLib.guidance.targets import Target
from DeepIterRegLib.registration.comparison import ViewComparison, compare_views
from DeepIterRegLib.registration.overlay_image import write_overlay
from DeepIterRegLib.registration.report import build_report, to_json
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.registration.targets import marks_of

FILE_NAMES = ("cta_to_carm.tfm", "overlay.png", "report.json")


def write_registration(
    folder: Path,
    registration: Registration,
    *,
    reading_seconds: float | None = None,
    truth_pose: FloatArray | None = None,
    targets: Sequence[Target] = (),
) -> tuple[dict[str, Any], tuple[ViewComparison, ...]]:
    """Write FILE_NAMES into `folder`; returns the report, built once, and what the overlay was drawn of.

    The arguments are those of `build_report`; targets: on the vessels (`put_on_vessels`). Raises OSError.
    """
    views = compare_views(registration)
    write_transform(folder / "cta_to_carm.tfm", registration.pose, registration.volume.volume.centre_mm)
    write_overlay(folder / "overlay.png", views, marks_of(registration, targets), registration.method == "carried")
    report = build_report(registration, views, reading_seconds=reading_seconds, truth_pose=truth_pose, targets=targets)
    (folder / "report.json").write_text(to_json(report), encoding="utf-8")
    return report, views
