"""Where the scanners have the patient: the head in the CT's field, the C-arm's positions, and the pose between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.x_ray.offset import draw_offset, target_mpe_mm

SIDE_ROOM_MM = 12.0
"""How far from the middle of the CT's field the head may lie to the side, where the field leaves room."""
HEAD_FROM_MIDDLE_MM = 118.0
"""From the middle of the brain to the tip of the nose or the back of the head, with some air."""
ISOCENTRE_Z_MM = -8.0
"""Where in the head the operator puts the isocentre of a run that has to show the intracranial circulation."""
OPERATOR_SD_MM = (6.0, 8.0, 7.0)


@dataclass(frozen=True, eq=False)
class Positioning:
    """The geometry of one patient's two examinations."""

    head_to_patient: FloatArray
    """(4, 4) the head's frame to the CTA's (RAS, mm)."""
    centre_of_field_mm: FloatArray
    """(3,) centre of the CTA, head's frame."""
    radiological_pose: FloatArray
    pose: FloatArray
    """(4, 4) the truth."""
    carms: dict[str, CArm]
    """"lateral" and "frontal"."""


def draw_carms(left: bool, detector_px: int, rng: np.random.Generator) -> dict[str, CArm]:
    """A lateral view from the side of interest and a frontal one; their angles are off by what operators correct.

    SDD 1000 to 1250 mm, pixels of 0.24 to 0.4 mm at 1024 px: the usual neuro-angiographic fields of 25 to 41 cm.
    """
    sdd_mm, sid_mm = float(rng.uniform(1000, 1250)), float(rng.uniform(720, 800))
    pixel_mm = float(rng.triangular(0.24, 0.32, 0.40)) * 1024 / detector_px
    sideways = (90.0 if left else -90.0) + float(rng.normal(0, 3))
    lateral = CArm.from_angles(
        sideways, float(rng.normal(0, 3)), sdd_mm, sid_mm, round(pixel_mm, 4), detector_px, detector_px
    )
    frontal = CArm.from_angles(
        float(rng.normal(0, 4)), float(rng.normal(12, 6)), sdd_mm, sid_mm, round(pixel_mm, 4), detector_px, detector_px
    )
    return {"lateral": lateral, "frontal": frontal}


def draw_positioning(seed: int, left: bool, detector_px: int, field_mm: float, centre_z_mm: float) -> Positioning:
    """Positions for patient `seed`. left: the lateral view is the left one. field_mm: width of the CTA's field.

    centre_z_mm: height of the CTA's centre in the head's frame, which follows from what the scan covers.

    The offset of the radiological pose is drawn first (`offset`). An operator centres the head, not the CTA: as far
    as the CT's field leaves room, the head therefore lies off the CTA's centre by the offset, and near the isocentre.
    """
    rng = stream(seed, "positioning")
    carms = draw_carms(left, detector_px, rng)
    # Where the scanner's table stood: patient coordinates never have their origin in the brain.
    centre_mm = np.round(rng.uniform([-12, -160, -700], [12, -120, -500]), 1)
    start = radiological_pose(centre_mm)
    pose = draw_offset(start, centre_mm, carms["lateral"], target_mpe_mm(seed), stream(seed, "offset"))

    turned = Rotation.from_euler("xyz", np.radians(rng.normal(0, [5.0, 3.0, 3.0]))).as_matrix()
    wanted_mm = np.array([0.0, 0.0, -ISOCENTRE_Z_MM]) + rng.normal(0, OPERATOR_SD_MM)
    centre_of_field = -turned.T @ pose[:3, :3].T @ (wanted_mm - (pose @ np.append(centre_mm, 1.0))[:3])
    room_mm = np.array([SIDE_ROOM_MM, max(field_mm / 2 - HEAD_FROM_MIDDLE_MM, 2.0)])
    centre_of_field[:2] = np.clip(centre_of_field[:2], -room_mm, room_mm)
    centre_of_field[2] = centre_z_mm
    head_to_patient = rigid(turned, centre_mm - turned @ centre_of_field)
    return Positioning(head_to_patient, centre_of_field, start, pose, carms)
