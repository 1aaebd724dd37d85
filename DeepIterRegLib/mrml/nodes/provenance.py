"""How a pose came about, kept in the scene beside it. No patient data, no file names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from DeepIterRegLib import __version__
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX, REPORT_REFERENCE
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.registration.report import adjustment_fields, to_json


def store_provenance(pose_node: Any, report_node: Any, report: Mapping[str, Any]) -> None:
    """Put the report into a text node, and what one looks for first into attributes of the pose's transform node."""
    report_node.SetText(to_json(report))
    last = report["stages"][-1] if report["stages"] else {}
    similarity = last.get("similarity")
    for name, value in {
        "version": __version__,
        "method": report["method"],
        "device": report["device"],
        "similarity-name": last.get("similarity_name"),
        "similarity": None if similarity is None else f"{similarity:.6g}",
        "warnings": json.dumps(report["warnings"], ensure_ascii=False),
    }.items():
        pose_node.SetAttribute(PREFIX + name, value)


def note_adjustment(case: RegisteredCase, application: str = "") -> bool:
    """Let the report in the scene say what was adjusted by hand, and in which application; False if it said so before.

    Raises InputError where the pose in use is not a rigid motion, or the report is not one.
    """
    node = case.pose_node.GetNodeReference(REPORT_REFERENCE)
    try:
        report = json.loads(node.GetText() or "")
        carms = [view.carm for view in case.views]
        report["adjustment"] = adjustment_fields(case.pose, case.automatic_pose, case.centre_mm, carms)
        if application:
            report["software"]["application"] = application
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError("The registration's report cannot be read from the scene; register again.") from error
    text = to_json(report)
    if text == node.GetText():
        return False
    node.SetText(text)
    return True
