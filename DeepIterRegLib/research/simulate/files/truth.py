"""What only a simulation knows about a patient, as JSON. The fields are documented in schemas/truth.schema.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib import __version__
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, mean_projection_error_px
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient, View

SCHEMA_VERSION = 1
POINT_EVERY_MM = 2.4
"""Of a centreline: enough for a siphon."""
MOST_POINTS = 40_000
"""Of all centrelines, about 1.5 MB."""
LEAST_OBLIQUE_DEG = 45.0


def truth_of(patient: SimulatedPatient) -> dict[str, Any]:
    """The truth as plain JSON values, valid against `truth_schema()`."""
    vessels = patient.anatomy.vessels
    lengths_mm = [float(vessel.arc_mm[-1]) for vessel in vessels]
    every_mm = max(POINT_EVERY_MM, sum(lengths_mm) / MOST_POINTS)
    return {
        "schema_version": SCHEMA_VERSION,
        "generator": f"deepiterreg {__version__}",
        "seed": patient.seed,
        "pose": plain(patient.pose),
        "radiological_pose": plain(patient.radiological_pose),
        "head_to_patient": plain(patient.head_to_patient),
        "injected": patient.injected,
        "stroke": _stroke(patient),
        "treated": patient.treated,
        "runs": [_run(run, patient) for run in patient.runs],
        "variants": plain(patient.anatomy.variants),
        "defects": plain(patient.defects),
        "vessels": [
            _vessel(number, vessel, patient, lengths_mm[number], every_mm) for number, vessel in enumerate(vessels)
        ],
    }


def truth_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of truth.json."""
    return json.loads(files("DeepIterRegLib").joinpath("schemas/truth.schema.json").read_text(encoding="utf-8"))


def to_json(truth: Mapping[str, Any]) -> str:
    """Text of the truth, one vessel or run per line; raises ValueError if a number is not finite."""
    lines = []
    for name, value in truth.items():
        if name in ("vessels", "runs"):
            items = ",\n".join(f"  {_compact(item)}" for item in value)
            lines.append(f" {json.dumps(name)}: [\n{items}\n ]")
        else:
            lines.append(f" {json.dumps(name)}: {_compact(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def view_of(run: XRayRun) -> View:
    """From which side the C-arm looked."""
    angle = run.carm.primary_angle_deg
    if angle is None:
        raise ValueError("a run's view is told by its C-arm's angles")
    return "frontal" if abs(angle) < LEAST_OBLIQUE_DEG else "lateral"


def plain(value: Any) -> Any:
    """JSON's own types for NumPy's; None for what is not finite, which JSON does not have."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _stroke(patient: SimulatedPatient) -> dict[str, Any] | None:
    stroke = patient.stroke
    if stroke is None:
        return None
    return {
        "site": stroke.site,
        "side": stroke.side,
        "vessel": stroke.vessel,
        "from_mm": round(stroke.from_mm, 1),
        "length_mm": round(stroke.length_mm, 1),
        "collateral_score": stroke.collateral_score,
    }


def _run(run: XRayRun, patient: SimulatedPatient) -> dict[str, Any]:
    poses = patient.radiological_pose, patient.pose, patient.volume.centre_mm, run.carm
    return {
        "view": view_of(run),
        "primary_angle_deg": run.carm.primary_angle_deg,
        "secondary_angle_deg": run.carm.secondary_angle_deg,
        "sdd_mm": plain(run.carm.sdd_mm),
        "sid_mm": plain(run.carm.sid_mm),
        "pixel_spacing_mm": plain(run.carm.pixel_spacing_mm),
        "rows": run.carm.rows,
        "columns": run.carm.columns,
        "frames": len(run.frames),
        "frame_time_ms": plain(run.frame_time_ms),
        "mpe_radiological_px": plain(mean_projection_error_px(*poses)),
        "mpe_radiological_mm": plain(mean_projection_error_mm(*poses)),
    }


def _vessel(
    number: int, vessel: Vessel, patient: SimulatedPatient, length_mm: float, every_mm: float
) -> dict[str, Any]:
    count = len(vessel.points_mm)
    # The first and the last point are always among them.
    kept = np.unique(np.round(np.linspace(0, count - 1, max(2, round(length_mm / every_mm) + 1))).astype(int))
    to_patient = patient.head_to_patient
    points_mm = vessel.points_mm[kept] @ to_patient[:3, :3].T + to_patient[:3, 3]
    arrival_s = np.asarray(patient.arrival_s[number], dtype=float)
    return {
        "number": number,
        "name": vessel.name,
        "side": vessel.side,
        "is_vein": bool(vessel.is_vein),
        "follows_skull": bool(vessel.follows_skull),
        "upstream": plain(vessel.upstream),
        "downstream": plain(vessel.downstream),
        "length_mm": round(length_mm, 1),
        "mean_radius_mm": round(float(np.mean(vessel.radii_mm)), 3),
        "arrival_start_s": _seconds(arrival_s[0]),
        "arrival_end_s": _seconds(arrival_s[-1]),
        "greatest_fraction": _greatest_fraction(patient.runs[0], number),
        "points_mm": np.round(points_mm, 2).tolist(),
        "radii_mm": np.round(np.asarray(vessel.radii_mm, dtype=float)[kept], 3).tolist(),
        "arrival_s": [_seconds(value) for value in arrival_s[kept]],
    }


def _greatest_fraction(run: XRayRun, number: int) -> float | None:
    return round(min(float(np.max(run.fraction[number])), 1.0), 3) if run.fraction else None


def _seconds(value: float) -> float | None:
    return round(float(value), 3) if math.isfinite(value) else None
