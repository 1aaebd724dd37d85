"""What a ray passes through, from points that stand for volumes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.splat_numpy import SplatNumpy


def line_integrals(
    points_mm: FloatArray, volumes_mm3: FloatArray, pose: FloatArray, carm: CArm
) -> npt.NDArray[np.float32]:
    """(rows, columns) path in mm through what the points (N, 3), patient frame, and their volumes (N,) stand for."""
    cloud = VesselCloud(
        points_mm.astype(np.float32), volumes_mm3.astype(np.float32), np.zeros(len(points_mm), dtype=bool),
        cell_mm=float(np.cbrt(np.max(volumes_mm3))), centre_mm=points_mm.mean(axis=0),
    )  # fmt: skip
    return SplatNumpy(cloud, carm).render(pose[None])[0]
