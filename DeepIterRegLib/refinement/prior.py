"""The prior: how likely a pose is before the images are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply, so3_left_jacobian

UNKNOWNS = 6


@dataclass(frozen=True)
class PriorWidths:
    """How far from the starting pose a head lies, one standard deviation and generously, and how heavy the tails are.

    The paper's radiological poses are off by 26 px (22.7 mm on the detector, 14 mm at the head) on average.
    """

    across_mm: float = 15.0
    """Along each of the detector's axes, at the head's centre."""
    along_mm: float = 25.0
    """Along the beam."""
    rotation_deg: float = 8.0
    """About each axis."""
    freedom: float = 4.0
    """Of Student's t: a pose far off is unlikely, not impossible, and the pull towards the start fades there."""


WIDTHS = PriorWidths()
INITIALIZER_WIDTHS = PriorWidths(across_mm=12.0, along_mm=30.0, rotation_deg=10.0, freedom=3.0)
"""How far the truth may lie from what the initializer found: generous, because where the network is wrong it is wrong
from all starts. Half as wide cost registrations that the vessels alone got right
(docs/measurements/default_method.md)."""


class PosePrior:
    """Logarithm of Student's t about the nearest of several poses, less its value there: 0 at one of them.

    poses: (4, 4) each. centre_mm: (3,) the head's centre, patient frame, whose translation counts.
    carm: its detector's axes and beam are the axes of the translation.
    """

    def __init__(
        self, poses: Sequence[FloatArray], centre_mm: FloatArray, carm: CArm, widths: PriorWidths = WIDTHS
    ) -> None:
        self._starts, self._centre_mm, self._freedom = tuple(poses), centre_mm, widths.freedom
        self.carm = carm
        axes = np.stack([carm.row_direction, carm.column_direction, carm.normal])
        scale_mm = np.array([widths.across_mm, widths.across_mm, widths.along_mm])
        self._precision = axes.T @ np.diag(scale_mm**-2.0) @ axes
        self._rotation_precision = np.radians(widths.rotation_deg) ** -2.0

    def of_offset(self, rotation_rad: FloatArray, shift_mm: FloatArray) -> FloatArray:
        """(...) log priors of (..., 3) rotation vectors and translations of the centre from a start, C-arm frame."""
        return self._log_density(self._squared(np.asarray(rotation_rad), np.asarray(shift_mm)))

    def value(self, poses: FloatArray) -> FloatArray:
        """(B,) log priors of (B, 4, 4) poses."""
        return self.value_and_gradient(poses)[0]

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) log priors of (B, 4, 4) poses, and their (B, 6) gradients by a left twist (`Renderer.backward`)."""
        pairs = [max((self._at(start, pose) for start in self._starts), key=lambda pair: pair[0]) for pose in poses]
        return np.array([value for value, _ in pairs]), np.array([twist for _, twist in pairs])

    def _at(self, start: FloatArray, pose: FloatArray) -> tuple[float, FloatArray]:
        place = apply(pose, self._centre_mm)
        shift = place - apply(start, self._centre_mm)
        rotation = Rotation.from_matrix(pose[:3, :3] @ start[:3, :3].T).as_rotvec()
        squared = self._squared(rotation, shift)
        slope = -(self._freedom + UNKNOWNS) / (self._freedom + float(squared))
        force = self._precision @ shift
        turn = self._rotation_precision * np.linalg.solve(so3_left_jacobian(rotation).T, rotation)
        # A left twist turns about the isocentre and takes the centre along.
        return float(self._log_density(squared)), slope * np.concatenate([turn + np.cross(place, force), force])

    def _squared(self, rotation_rad: FloatArray, shift_mm: FloatArray) -> FloatArray:
        turned = self._rotation_precision * (rotation_rad**2).sum(axis=-1)
        return turned + ((shift_mm @ self._precision) * shift_mm).sum(axis=-1)

    def _log_density(self, squared: FloatArray) -> FloatArray:
        return -(self._freedom + UNKNOWNS) / 2 * np.log1p(squared / self._freedom)
