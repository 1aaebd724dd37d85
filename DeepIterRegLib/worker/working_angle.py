"""The worker's `working_angle` command: the map over both angles, the best ones, and what to expect there."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.reach import Reach
from DeepIterRegLib.worker.payload import pose_of
from DeepIterRegLib.worker.reply import Reply
from DeepIterRegLib.worker.sent_cloud import received_cloud

PICTURE_PX = 340
"""Longer side of what is shown in the panel."""


def working_angle(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Look for the working angle of a vessel.

    payload: points_mm (N lists of R, A, S), `cloud_fields`, pose, carm (`carm_to_json`), position, reach (RAO, LAO,
    CAU, CRA) and reach_from. Returns the report (schemas/working_angle.schema.json), the map as a picture, and for
    today's angle and each of the best ones the C-arm and the picture to expect.
    Pictures: rows, columns and pixels (RGB, base64).
    """
    from DeepIterRegLib.guidance.readings import readings_of
    from DeepIterRegLib.guidance.segment import segment_of
    from DeepIterRegLib.guidance.working_angle import working_angles
    from DeepIterRegLib.registration.working_angle_picture import expected_picture, map_picture
    from DeepIterRegLib.registration.working_angle_report import working_angle_report

    cloud = received_cloud(payload, reply)
    pose, carm = pose_of(payload["pose"]), carm_from_json(payload["carm"], "The DSA")
    reach = Reach(*payload["reach"])
    segment = segment_of(cloud, np.array(payload["points_mm"], dtype=np.float64))
    readings = readings_of(pose, payload["position"])
    reply.progress(Progress("Looking from all angles", 0.1))
    angles = working_angles(segment, cloud, pose, carm, reach=reach, readings=readings)
    reply.progress(Progress("Drawing what to expect", 0.7))
    small = _small(carm)
    there = [
        carm.at_angles(*readings.carm_angles(sight.primary_deg, sight.secondary_deg))
        for sight in (angles.today, *angles.best)
    ]
    expected = [expected_picture(cloud, segment, pose, small.at_angles(*position.direction_deg)) for position in there]
    return {
        "report": working_angle_report(angles, segment, reach, payload["reach_from"], carm),
        "map": picture_to_json(map_picture(angles)),
        "carms": [carm_to_json(position) for position in there],
        "expected": [picture_to_json(picture) for picture in expected],
    }


def picture_to_json(picture: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """(rows, columns, 3) as plain JSON values."""
    pixels = base64.b64encode(np.ascontiguousarray(picture).tobytes()).decode("ascii")
    return {"rows": picture.shape[0], "columns": picture.shape[1], "pixels": pixels}


def picture_from_json(content: Mapping[str, Any]) -> npt.NDArray[np.uint8]:
    """The inverse. Raises InputError for something else."""
    try:
        pixels = np.frombuffer(base64.b64decode(content["pixels"]), dtype=np.uint8)
        return pixels.reshape(int(content["rows"]), int(content["columns"]), 3)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("A picture came damaged from the worker; try again.") from error


def _small(carm: CArm) -> CArm:
    factor = max(carm.rows, carm.columns) / PICTURE_PX
    return carm if factor <= 1 else carm.resized(round(carm.rows / factor), round(carm.columns / factor))
