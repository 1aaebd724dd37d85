"""Seeded starting poses around the truth, spread evenly over the error on the detector that they begin with."""

from __future__ import annotations

import zlib

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.research.evaluate.metrics import pose_error

MOST_PX = 80.0
"""Greatest initial error: twice the capture range of the paper's full pipeline (40 px)."""
ROTATION_SD_DEG, TRANSLATION_SD_MM = 5.0, 10.0
"""How rotation about each axis and translation along it share in an offset, before it is scaled."""
MOST_ROTATION_DEG, MOST_TRANSLATION_MM = 40.0, 120.0
"""Offsets beyond are drawn again: almost all of their motion is along the beam, where no start is that far off."""
TOLERANCE_PX = 0.01


def perturbed_poses(
    truth: FloatArray, centre_mm: FloatArray, carm: CArm, patient: str, count: int, most_px: float = MOST_PX
) -> list[FloatArray]:
    """`count` poses (4, 4), the k-th with an initial error in the k-th of `count` equal parts of 0 to `most_px`.

    px are the paper's (`results.MM_PER_PX`). The rotation vector and the translation have random directions, drawn
    from a stream of the patient's name and k, and are scaled together until the error is the drawn one. Equal
    arguments give equal poses.
    """
    return [
        perturbed_pose(
            truth, centre_mm, carm, np.random.default_rng([zlib.crc32(patient.encode()), count, number]),
            (number * most_px / count, (number + 1) * most_px / count),
        )
        for number in range(count)
    ]  # fmt: skip


def perturbed_pose(
    truth: FloatArray, centre_mm: FloatArray, carm: CArm, rng: np.random.Generator, range_px: tuple[float, float]
) -> FloatArray:
    """(4, 4) pose whose error is uniform in `range_px`, about the centre (3,) of the CTA, patient frame."""
    correction = PivotedCorrection.about_patient_point(truth, centre_mm)
    target_px = rng.uniform(*range_px)
    sd = np.r_[np.full(3, np.radians(ROTATION_SD_DEG)), np.full(3, TRANSLATION_SD_MM)]
    while True:
        direction = rng.standard_normal(6) * sd
        most = min(
            np.radians(MOST_ROTATION_DEG) / np.linalg.norm(direction[:3]),
            MOST_TRANSLATION_MM / np.linalg.norm(direction[3:]),
        )
        low, high = 0.0, float(most)
        if _error_px(correction.pose(high * direction), truth, centre_mm, carm) < target_px:
            continue
        while True:
            middle = (low + high) / 2
            pose = correction.pose(middle * direction)
            error_px = _error_px(pose, truth, centre_mm, carm)
            if abs(error_px - target_px) < TOLERANCE_PX:
                return pose
            low, high = (middle, high) if error_px < target_px else (low, middle)


def _error_px(pose: FloatArray, truth: FloatArray, centre_mm: FloatArray, carm: CArm) -> float:
    return pose_error(pose, truth, centre_mm, carm).mpe_px
