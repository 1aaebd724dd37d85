"""A registration small enough to be written out in a test: three thick bars in a box, seen by one C-arm or two."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.render.choose import splat_renderer

SHIFT_MM = np.array([6.0, -3.0, 2.0])
TURN_DEG = 4.0


def registered_bars(angles_deg: tuple[float, ...] = (0.0,)) -> Registration:
    """A result whose pose, the true one, is the radiological pose turned by TURN_DEG about S and moved by SHIFT_MM."""
    voxels = np.zeros((40, 50, 60), np.int16)
    voxels[5:35, 20:22, 30:32] = 300
    voxels[18:20, 5:45, 12:14] = 300
    voxels[10:12, 30:32, 10:50] = 300
    ijk_to_ras = np.diag([2.0, 2.0, 2.0, 1.0])
    ijk_to_ras[:3, 3] = [-70, -20, 400]
    volume = Volume(voxels, ijk_to_ras, "cta")
    positions = np.argwhere(voxels > 0)[:, ::-1] @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3]
    count = len(positions)
    cloud = VesselCloud(
        positions.astype(np.float32), np.full(count, 8.0, np.float32), np.zeros(count, bool), 2.0, volume.centre_mm
    )
    start = radiological_pose(volume.centre_mm)
    parameters = np.concatenate([[0, 0, np.radians(TURN_DEG)], SHIFT_MM])
    pose = PivotedCorrection.about_patient_point(start, volume.centre_mm).pose(parameters)
    prepared = []
    for angle_deg in angles_deg:
        carm = CArm.from_angles(angle_deg, 0.0, 1200.0, 800.0, 1.5, 160, 200)
        contrast = splat_renderer(cloud, carm).render(pose[None])[0]
        vessels, nothing = contrast > 0.2, np.zeros_like(contrast)
        angiogram = Angiogram(-contrast[None], carm, np.ones_like(vessels))
        prepared.append(
            PreparedAngiogram(angiogram, -contrast, contrast, vessels, nothing > 0, vessels, contrast, nothing)
        )
    stages = (
        Stage("Starting pose", start, None, None, None, 0.0),
        Stage("Fine alignment", pose, "NCC", 0.9, 0.2, 0.25, 812),
    )
    return Registration(
        pose,
        start,
        stages,
        "default",
        "cpu",
        PreparedImages(PreparedVolume(volume, voxels > 0, np.zeros(voxels.shape, bool), cloud), tuple(prepared)),
        ("One frame only, so arteries and veins cannot be told apart by time.",),
        seed=3,
        preparation_seconds=1.5,
        seconds=0.25,
    )
