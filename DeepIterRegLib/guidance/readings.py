"""The two readings of a C-arm's angles: relative to the table, and relative to the patient who lies on it.

DICOM defines the positioner's angles relative to the patient, consoles show them after they were told how the patient
lies, and some leave them relative to the table (`registration/start.py`). For a patient who lies head first, supine,
both are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.angle_words import angle_words
from DeepIterRegLib.geometry.carm import angles_of_direction, direction_of_angles
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE, PATIENT_AXES
from DeepIterRegLib.geometry.rigid import rigid, rotation_angle_deg


@dataclass(frozen=True, eq=False)
class Readings:
    """How to go from one to the other, and to the frame in which a run's C-arm is given."""

    position: str
    """DICOM's Patient Position."""
    table_to_carm: FloatArray
    """(3, 3) takes directions in the table's axes to the C-arm frame: the identity where the run's tags are relative
    to the table."""

    @property
    def differ(self) -> bool:
        return self.position != HEAD_FIRST_SUPINE

    def carm_angles(self, primary_deg: float, secondary_deg: float) -> tuple[float, float]:
        """Of angles in the table's reading those in the C-arm frame."""
        return angles_of_direction(self.table_to_carm @ direction_of_angles(primary_deg, secondary_deg))

    def table_angles(self, primary_deg: float, secondary_deg: float) -> tuple[float, float]:
        """The inverse."""
        return angles_of_direction(self.table_to_carm.T @ direction_of_angles(primary_deg, secondary_deg))

    def patient_angles(self, primary_deg: float, secondary_deg: float) -> tuple[float, float]:
        """Of angles in the table's reading those in the patient's."""
        return angles_of_direction(PATIENT_AXES[self.position].T @ direction_of_angles(primary_deg, secondary_deg))

    def words(self, primary_deg: float, secondary_deg: float) -> str:
        """Angles of the table's reading to be dialled: once where both readings are the same."""
        table = angle_words(primary_deg, secondary_deg)
        if not self.differ:
            return table
        return f"{angle_words(*self.patient_angles(primary_deg, secondary_deg))} (patient), {table} (table)"


def readings_of(pose: FloatArray, position: str = HEAD_FIRST_SUPINE, head_axes: FloatArray | None = None) -> Readings:
    """Which reading a registered run has: where the patient lies as its Patient Position says, the table's.

    pose: (4, 4) that was found. position: one that is not known counts as head first, supine. head_axes: (3, 3) columns
    are the head's right, front and top in the patient frame, where they are known.
    """
    if position not in PATIENT_AXES:
        position = HEAD_FIRST_SUPINE
    on_table = PATIENT_AXES[position]
    head = pose[:3, :3] @ (np.eye(3) if head_axes is None else head_axes)
    by_table, by_patient = (rotation_angle_deg(rigid(head @ axes.T)) for axes in (on_table, np.eye(3)))
    return Readings(position, np.eye(3) if by_table <= by_patient else on_table.T)
