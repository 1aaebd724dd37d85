"""Where a registration starts that is told nothing."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import invert, rotation_angle_deg
from DeepIterRegLib.preparation.prepared import PreparedImages


def start_poses(images: PreparedImages) -> list[FloatArray]:
    """(4, 4) each, the radiological pose first.

    For a patient who does not lie head first, supine, there are two: DICOM defines the positioner's angles relative to
    the patient, yet systems exist that leave them relative to the table. The second hypothesis is the pose if the
    angles are the patient's. Raises InputError where the angiograms disagree on how the patient lies.
    """
    frame = images.volume.frame
    positions = list(dict.fromkeys(prepared.angiogram.patient_position for prepared in images.angiograms))
    if len(positions) > 1:
        raise InputError(
            "The angiograms disagree about the Patient Position (0018,5100): {positions}; register runs of the unmoved"
            " patient together, others one by one.",
            field=Field.DSA,
            positions=" and ".join(positions),
        )
    position = positions[0]
    poses = [radiological_pose(frame.centre_mm, position, frame.axes)]
    if position != "HFS":
        poses.append(radiological_pose(frame.centre_mm, "HFS", frame.axes))
    return poses


def position_reading(images: PreparedImages, starts: Sequence[FloatArray], pose: FloatArray) -> tuple[str, ...]:
    """A sentence on which of several starting poses the result (4, 4) belongs to; none where there was one."""
    if len(starts) < 2:
        return ()
    turned_deg = [rotation_angle_deg(pose @ invert(start)) for start in starts]
    relative_to = "table" if turned_deg[0] <= min(turned_deg) else "patient"
    return (
        f"The patient lies {images.angiograms[0].angiogram.patient_position} (Patient Position, 0018,5100): the C-arm's"
        f" angles were taken as relative to the {relative_to}, which fits the images better. Check left and right.",
    )


def published_start(starts: Sequence[FloatArray], hypotheses: Sequence[FloatArray]) -> FloatArray:
    """(4, 4) the one pose that the published method climbs from."""
    return hypotheses[0] if hypotheses else starts[0]
