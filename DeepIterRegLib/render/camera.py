"""What all splat renderers share: points in camera coordinates, and the pose gradient that follows from them.

Camera coordinates (x, y, z) of a point p are (u, v, n) . (p - source): x along the detector's columns, y along its
rows, z the depth. A pixel is column = fx x/z + column0, row = fy y/z + row0, and a point of volume V adds

    w = V M^2 / (pixel area cos(theta)) = V fx fy sqrt(1 + (x/z)^2 + (y/z)^2) / z^2,        M = SDD / z,

to the image, where theta is the angle between its ray and the central one. Source: DESIGN.md, "Two renderers".

It is shared out bilinearly between the four pixels around it. That footprint preserves the point's place exactly, so
the gradient of a smooth function of the image is smooth too; a footprint as narrow as the point's cell would blur less
(a cell of one pixel's width makes up for it, see docs/rendering.md), but its gradient is noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud

PAD_PX = 2
"""Margin around the image that catches what falls off the detector: two pixels, so that a point clamped to the
margin touches no pixel of the image with either end of its footprint."""
NEAR_MM = 1.0
"""Points less deep than this, or behind the source, are not drawn."""
FAR_MM = 1e6
"""A pose that moves the patient further than this is a mistake, and would overflow single precision."""


@dataclass(frozen=True, eq=False)
class SplatCamera:
    """A cloud's points about their own centre and a detector, ready for the kernels.

    The points are stored relative to the middle of the cloud, so that single precision is enough however far from the
    scanner's origin the patient lies.
    """

    points: npt.NDArray[np.float32]
    """(3, N) relative to `middle_mm`, patient axes, contiguous along N."""
    weights: npt.NDArray[np.float32]
    """(N,) mm3."""
    middle_mm: FloatArray
    """(3,) patient frame."""
    basis: FloatArray
    """(3, 3) rows u, v, n in the C-arm frame."""
    source_mm: FloatArray
    focal_px: tuple[float, float]
    """(fx, fy): SDD in pixels along columns and along rows."""
    principal_px: tuple[float, float]
    """(column, row), in the padded image."""
    rows: int
    columns: int

    @classmethod
    def of(cls, cloud: VesselCloud, carm: CArm) -> SplatCamera:
        """Prepare `cloud` for `carm`."""
        positions = np.asarray(cloud.positions_mm, dtype=np.float64)
        middle = (positions.min(axis=0) + positions.max(axis=0)) / 2 if len(positions) else np.zeros(3)
        row_mm, column_mm = carm.pixel_spacing_mm
        column0, row0 = carm.principal_point_px
        if not np.isfinite(positions).all():
            raise ValueError("the cloud's positions must be finite")
        return cls(
            points=np.ascontiguousarray((positions - middle).T, dtype=np.float32),
            weights=np.ascontiguousarray(cloud.weights_mm3, dtype=np.float32),
            middle_mm=middle,
            basis=np.stack([carm.column_direction, carm.row_direction, carm.normal]),
            source_mm=carm.source_mm,
            focal_px=(carm.sdd_mm / column_mm, carm.sdd_mm / row_mm),
            principal_px=(column0 + PAD_PX, row0 + PAD_PX),
            rows=carm.rows,
            columns=carm.columns,
        )

    @property
    def padded_shape(self) -> tuple[int, int]:
        return self.rows + 2 * PAD_PX, self.columns + 2 * PAD_PX

    def matrices(self, poses: FloatArray) -> FloatArray:
        """(B, 3, 4) matrices that take `points` to camera coordinates, for (B, 4, 4) poses."""
        poses = np.asarray(poses, dtype=np.float64)
        if poses.ndim != 3 or poses.shape[1:] != (4, 4) or not np.isfinite(poses).all():
            raise ValueError(f"poses must be finite and (B, 4, 4), not {poses.shape}")
        rotations = poses[:, :3, :3]
        shift = rotations @ self.middle_mm + poses[:, :3, 3] - self.source_mm
        if np.abs(shift).max(initial=0) > FAR_MM:
            raise ValueError(f"a pose moves the patient more than {FAR_MM:.0f} mm away")
        return np.concatenate([self.basis @ rotations, (shift @ self.basis.T)[:, :, None]], axis=2)

    def twist_gradients(self, poses: FloatArray, matrix_gradients: FloatArray) -> FloatArray:
        """(B, 6) gradient by a left twist about the isocentre from the (B, 3, 4) gradient by `matrices(poses)`.

        With F the force on a point at p (C-arm frame), the translation's gradient is the sum of F and the rotation's
        the sum of p x F; both are linear in the sums of F p^T that `matrix_gradients` holds.
        """
        poses = np.asarray(poses, dtype=np.float64)
        rotations, shift = poses[:, :3, :3], poses[:, :3, :3] @ self.middle_mm + poses[:, :3, 3]
        forces = matrix_gradients[:, :, 3] @ self.basis
        outer = self.basis.T @ matrix_gradients[:, :, :3] @ rotations.transpose(0, 2, 1)
        outer = outer + forces[:, :, None] * shift[:, None, :]
        torques = np.stack(
            [outer[:, 2, 1] - outer[:, 1, 2], outer[:, 0, 2] - outer[:, 2, 0], outer[:, 1, 0] - outer[:, 0, 1]], axis=1
        )
        return np.concatenate([torques, forces], axis=1)

    def require_images(self, poses: FloatArray, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """`images` as float32 if there is one of the detector's size per pose; ValueError otherwise."""
        images = np.ascontiguousarray(images, dtype=np.float32)
        if images.shape != (len(poses), self.rows, self.columns):
            raise ValueError(f"images must be {(len(poses), self.rows, self.columns)}, not {images.shape}")
        return images
