"""How far, and in which way, the pose is wrong that a training sample starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.projection import cube_corners_mm
from DeepIterRegLib.research.simulate.x_ray.offset import (
    ROTATION_SD_DEG,
    TRANSLATION_SD_MM,
    WEIBULL_SCALE_MM,
    WEIBULL_SHAPE,
)

OffsetLaw = Literal["measured", "uniform"]

TAIL_MPE_MM = 131.0
"""150 px at the paper's 0.87 mm: three times the 95th percentile of radiological poses."""
NEAR_MPE_MM = 18.0
"""What is left after a first pass, and to be mended by those that follow."""
NEAR_SHARE, TAIL_SHARE = 0.3, 0.3
"""Of the samples; the others have the mean projection error of radiological poses."""
ISOTROPIC_SHARE = 0.4
"""Offsets with no direction preferred: what later passes and other starts meet, unlike radiological poses."""
ISOTROPIC_ROTATION_SD_DEG, ISOTROPIC_TRANSLATION_SD_MM = 5.0, 10.0
BALANCE_SD = 0.4
"""Of the logarithm by which an offset has more rotation, and less translation, than average: a pass takes away the
translation first."""
MOST_ROTATION_RAD, MOST_DEPTH_MM = np.radians(40.0), 120.0
UNIFORM_ROTATION_DEG, UNIFORM_TRANSLATION_MM = 12.0, 30.0
"""Bounds of each component where all are drawn uniformly, as the paper did; it does not give its own. These are the
95th percentile of the mean projection error of radiological poses."""


@dataclass(frozen=True, eq=False)
class View:
    """What an offset is seen by."""

    axes: FloatArray
    """(3, 3) rows: the detector's column direction, row direction, normal, in C-arm axes (R, A, S)."""
    source_mm: FloatArray
    """(3,) the source from the centre of the offset, along those axes."""
    sdd_mm: float


def draw_offset(law: OffsetLaw, view: View, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Rotation (3, 3) about the head's true centre, and its translation (3,) mm, along the axes of `view`."""
    while True:
        if law == "uniform":
            turn, shift = _uniform(rng)
        else:
            turn, shift = _measured(view, rng)
        shift = view.axes @ shift
        if np.linalg.norm(turn) <= MOST_ROTATION_RAD and abs(shift[2]) <= MOST_DEPTH_MM:
            return view.axes @ Rotation.from_rotvec(turn).as_matrix() @ view.axes.T, shift


def mean_projection_error_mm(rotation: FloatArray, shift_mm: FloatArray, view: View) -> float:
    """Of the offset, in mm on the detector (paper, eq. 2)."""
    corners = cube_corners_mm(np.zeros(3)) @ view.axes.T
    before, after = (
        (points - view.source_mm)[:, :2] * (view.sdd_mm / (points - view.source_mm)[:, 2:])
        for points in (corners, corners @ rotation.T + shift_mm)
    )
    return float(np.linalg.norm(after - before, axis=1).mean())


def _uniform(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Rotation vector and translation, C-arm axes."""
    turn: FloatArray = np.radians(rng.uniform(-UNIFORM_ROTATION_DEG, UNIFORM_ROTATION_DEG, 3))
    return turn, rng.uniform(-UNIFORM_TRANSLATION_MM, UNIFORM_TRANSLATION_MM, 3)


def _measured(view: View, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Rotation vector and translation, C-arm axes, scaled together to the drawn mean projection error."""
    share = rng.random()
    if share < NEAR_SHARE:
        target_mm = rng.uniform(0, NEAR_MPE_MM)
    elif share < NEAR_SHARE + TAIL_SHARE:
        target_mm = rng.uniform(0, TAIL_MPE_MM)
    else:
        target_mm = WEIBULL_SCALE_MM * rng.weibull(WEIBULL_SHAPE)
    isotropic = rng.random() < ISOTROPIC_SHARE
    balance = np.exp(rng.normal(0, BALANCE_SD))
    turn = balance * np.radians(rng.normal(0, ISOTROPIC_ROTATION_SD_DEG if isotropic else ROTATION_SD_DEG, 3))
    shift = rng.normal(0, ISOTROPIC_TRANSLATION_SD_MM if isotropic else TRANSLATION_SD_MM, 3) / balance
    for _ in range(2):
        # The error grows nearly in proportion, so two steps end within a percent or so: near enough for a draw.
        rotation = view.axes @ Rotation.from_rotvec(turn).as_matrix() @ view.axes.T
        factor = target_mm / max(mean_projection_error_mm(rotation, view.axes @ shift, view), 1e-6)
        turn, shift = factor * turn, factor * shift
        if np.linalg.norm(turn) > MOST_ROTATION_RAD or np.linalg.norm(shift) > 2 * MOST_DEPTH_MM:
            break
    return turn, shift
