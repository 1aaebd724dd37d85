"""The files of a registration that need no scene: transform, overlay and report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.transform_file import write_transform
from DeepIterRegLib.registration.comparison import ViewComparison, compare_views
from DeepIterRegLib.registration.overlay_image import write_overlay
from DeepIterRegLib.registration.report import build_report, to_json
from DeepIterRegLib.registration.result import Registration

FILE_NAMES = ("cta_to_carm.tfm", "overlay.png", "report.json")


def write_registration(
    folder: Path,
    registration: Registration,
    *,
    reading_seconds: float | None = None,
    truth_pose: FloatArray | None = None,
) -> tuple[dict[str, Any], tuple[ViewComparison, ...]]:
    """Write FILE_NAMES into `folder`; returns the report, built once, and what the overlay was drawn of.

    The arguments are those of `build_report`. Raises OSError.
    """
    views = compare_views(registration)
    write_transform(folder / "cta_to_carm.tfm", registration.pose, registration.volume.volume.centre_mm)
    write_overlay(folder / "overlay.png", views)
    report = build_report(registration, views, reading_seconds=reading_seconds, truth_pose=truth_pose)
    (folder / "report.json").write_text(to_json(report), encoding="utf-8")
    return report, views
