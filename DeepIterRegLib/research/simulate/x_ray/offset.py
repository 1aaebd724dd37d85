"""How far a patient's head is from where the C-arm's tags put it: the paper's distribution, drawn for one patient."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import PivotedCorrection

WEIBULL_SHAPE, WEIBULL_SCALE_MM = 1.73, 25.4
"""Of the mean projection error of radiological poses. Its mean is 22.6 mm and its 95th percentile 47.9 mm: the paper's
26 px and 55 px at 0.87 mm ("Analysis of the distances from the initial pose to the registered pose", Discussion)."""
TRANSLATION_SD_MM = (7.0, 14.0, 7.0)
"""Along R, A, S, before scaling. The paper: anterior-posterior offsets are "typically larger" than superior-inferior
ones (a "slouching" head); it gives no numbers, these are ours."""
ROTATION_SD_DEG = (5.0, 3.0, 3.0)
"""About R (nodding), A, S, before scaling; ours, like the above."""
GOLDEN_RATIO = (np.sqrt(5) - 1) / 2


def target_mpe_mm(seed: int) -> float:
    """Mean projection error (mm on the detector) of a patient's radiological pose.

    The quantile is seed x golden ratio modulo 1, which spreads *consecutive* seeds evenly over the distribution
    (a Kronecker sequence): a cohort of 94 has the paper's mean and 95th percentile whichever seed it starts from,
    instead of the ten percent by which 94 independent draws of a 95th percentile scatter.
    """
    quantile = (0.5 + seed * GOLDEN_RATIO) % 1.0
    quantile = min(max(quantile, 0.005), 0.995)
    return float(WEIBULL_SCALE_MM * (-np.log1p(-quantile)) ** (1 / WEIBULL_SHAPE))


def draw_offset(
    radiological_pose: FloatArray, centre_mm: FloatArray, carm: CArm, mpe_mm: float, rng: np.random.Generator
) -> FloatArray:
    """(4, 4) a true pose whose radiological pose is wrong by `mpe_mm` on the detector of `carm`.

    Direction of the offset and its mixture of rotation and translation are random, its size is scaled to fit.
    centre_mm: (3,) the CTA's centre in the patient frame, the pivot.
    """
    correction = PivotedCorrection.about_patient_point(radiological_pose, centre_mm)
    while True:
        rotation = Rotation.from_euler("xyz", np.radians(rng.normal(0, ROTATION_SD_DEG))).as_rotvec()
        parameters = np.concatenate([rotation, rng.normal(0, TRANSLATION_SD_MM)])

        def excess_mm(scale: float, parameters: FloatArray = parameters) -> float:
            pose = correction.pose(scale * parameters)
            return mean_projection_error_mm(radiological_pose, pose, centre_mm, carm) - mpe_mm

        # A draw that is nearly all depth needs an absurd offset to move the image: draw again.
        if excess_mm(3.0) > 0:
            scale = float(brentq(excess_mm, 0.0, 3.0, xtol=1e-6))
            return correction.pose(scale * parameters)
