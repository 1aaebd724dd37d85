"""The working angle in numbers and words: what working_angle.json holds, and what the panel shows."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from DeepIterRegLib import __version__
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.reach import Reach
from DeepIterRegLib.guidance.segment import Segment
from DeepIterRegLib.guidance.working_angle import Sight, WorkingAngles

FORMAT, VERSION = "deepiterreg working angle", 1
DIGITS = 4


def working_angle_report(
    angles: WorkingAngles, segment: Segment, reach: Reach, reach_from: str, carm: CArm
) -> dict[str, Any]:
    """Plain JSON values, valid against `working_angle_schema()`. reach_from: who says what the system reaches."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": {"deepiterreg": __version__},
        "vessel": {
            "kind": "fork" if segment.is_fork else "segment",
            "of_veins": segment.of_veins,
            "middle_mm": [round(float(value), DIGITS) for value in segment.middle_mm],
            "limbs": [
                {
                    "radius_mm": round(limb.radius_mm, DIGITS),
                    "points_mm": [[round(float(value), DIGITS) for value in point] for point in limb.points_mm],
                }
                for limb in segment.limbs
            ],
        },
        "patient_position": angles.readings.position,
        "reach": {
            "rao_deg": reach.rao_deg,
            "lao_deg": reach.lao_deg,
            "caudal_deg": reach.caudal_deg,
            "cranial_deg": reach.cranial_deg,
            "from": reach_from,
        },
        "sdd_mm": round(carm.sdd_mm, DIGITS),
        "sid_mm": round(carm.sid_mm, DIGITS),
        "today": sight_fields(angles.today, angles),
        "best": [sight_fields(sight, angles) for sight in angles.best],
        "map": {
            "primary_deg": angles.primary_deg.tolist(),
            "secondary_deg": angles.secondary_deg.tolist(),
            "foreshortening": [[round(float(value), DIGITS) for value in row] for row in angles.foreshortening],
            "overlap": [[round(float(value), DIGITS) for value in row] for row in angles.overlap],
        },
    }


def sight_fields(sight: Sight, angles: WorkingAngles) -> dict[str, Any]:
    """One position, in both readings."""
    table = sight.primary_deg, sight.secondary_deg
    patient = angles.readings.patient_angles(*table)
    return {
        "dial": angles.readings.words(*table),
        "table": {"primary_deg": round(table[0], DIGITS), "secondary_deg": round(table[1], DIGITS)},
        "patient": {"primary_deg": round(patient[0], DIGITS), "secondary_deg": round(patient[1], DIGITS)},
        "foreshortening": round(sight.foreshortening, DIGITS),
        "overlap": round(sight.overlap, DIGITS),
        "visible": round(sight.visible, DIGITS),
        "in_view": sight.in_view,
    }


def working_angle_schema() -> dict[str, Any]:
    """The JSON Schema of working_angle.json."""
    text = files("DeepIterRegLib").joinpath("schemas/working_angle.schema.json").read_text(encoding="utf-8")
    return json.loads(text)
