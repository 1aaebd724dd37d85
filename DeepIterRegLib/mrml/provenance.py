"""How a pose came about, kept in the scene beside it. No patient data, no file names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from DeepIterRegLib import __version__
from DeepIterRegLib.comparison import ViewComparison
from DeepIterRegLib.mrml.roles import PREFIX
from DeepIterRegLib.registration import Registration
from DeepIterRegLib.report import build_report, to_json


def scene_report(registration: Registration, views: Sequence[ViewComparison], seed: int) -> str:
    """The registration's report as JSON: the fields of report.json, with the seconds of the registration itself."""
    seconds = {"prepare": registration.preparation_seconds, "register": registration.seconds}
    return to_json(build_report(registration, views, seconds, seed))


def store_provenance(pose_node: Any, report_node: Any, registration: Registration, report: str) -> None:
    """Put the report into a text node, and what one looks for first into attributes of the pose's transform node."""
    report_node.SetText(report)
    last = registration.stages[-1] if registration.stages else None
    for name, value in {
        "version": __version__,
        "method": registration.method,
        "device": registration.device,
        "similarity-name": None if last is None else last.similarity_name,
        "similarity": None if last is None or last.similarity is None else f"{last.similarity:.6g}",
        "warnings": json.dumps(registration.warnings, ensure_ascii=False),
    }.items():
        pose_node.SetAttribute(PREFIX + name, value)
