"""The radiological pose: the starting pose that follows from the tags of the DSA."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.rigid import rigid

HEAD_FIRST_SUPINE = "HFS"
"""DICOM's Patient Position (0018,5100) of nearly every DSA, and where none is given."""

# Columns: where the patient's R, A and S point in the C-arm frame, whose axes are R, A, S of a patient who lies head
# first, supine. Decubitus right: the right side is down, towards the table (-A).
PATIENT_AXES = {
    HEAD_FIRST_SUPINE: np.eye(3),
    "HFP": np.diag([-1.0, -1.0, 1.0]),
    "FFS": np.diag([-1.0, 1.0, -1.0]),
    "FFP": np.diag([1.0, -1.0, -1.0]),
    "HFDR": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "HFDL": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
# Feet first turns the patient about the vertical: the side that is down stays down (DICOM PS3.17, FFF.1.2.2.2).
PATIENT_AXES["FFDR"] = PATIENT_AXES["FFS"] @ PATIENT_AXES["HFDR"]
PATIENT_AXES["FFDL"] = PATIENT_AXES["FFS"] @ PATIENT_AXES["HFDL"]


def radiological_pose(
    centre_mm: FloatArray, patient_position: str = HEAD_FIRST_SUPINE, head_axes: FloatArray | None = None
) -> FloatArray:
    """The pose (4, 4) that puts the head's centre on the isocentre and its axes on the C-arm's.

    centre_mm: (3,), patient frame. head_axes: (3, 3) columns: the head's right, front and top in the patient frame,
    that frame's own where left out. patient_position: DICOM's Patient Position (0018,5100); the angles of the C-arm are
    in the CArm and need no part here. Raises InputError for a position this project does not know.
    Source: DESIGN.md, "Words".
    """
    if patient_position not in PATIENT_AXES:
        raise InputError(
            "The Patient Position (0018,5100) {position} is not one of {known}; say how the patient lies "
            "with {initial_pose}.",
            field=Field.INITIAL_POSE,
            position=repr(patient_position),
            known=list(PATIENT_AXES),
        )
    rotation = PATIENT_AXES[patient_position] if head_axes is None else PATIENT_AXES[patient_position] @ head_axes.T
    return rigid(rotation, -rotation @ np.asarray(centre_mm, dtype=np.float64))
