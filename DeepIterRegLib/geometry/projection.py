"""Where points fall on the detector, and how far two poses disagree there."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply

MPE_CUBE_MM = 100.0
"""Edge of the cube of the mean projection error: about the brain's size, so that its corners stay in the head."""


def project(points_mm: FloatArray, carm: CArm) -> FloatArray:
    """Project points onto the detector.

    points_mm: (N, 3), C-arm frame. Returns (N, 2) column and row, px, counted from the centre of the first pixel;
    points at or behind the source come back as NaN. Source: DESIGN.md, "Frames".
    """
    matrix = carm.projection_matrix
    homogeneous = np.asarray(points_mm, dtype=np.float64) @ matrix[:, :3].T + matrix[:, 3]
    depth_mm = homogeneous[:, 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(depth_mm > 0, homogeneous[:, :2] / depth_mm, np.nan)


def detector_points_mm(pixels: FloatArray, carm: CArm) -> FloatArray:
    """Positions (N, 3), C-arm frame, of (N, 2) pixels (column, row) on the detector."""
    row_mm, column_mm = carm.pixel_spacing_mm
    pixels = np.asarray(pixels, dtype=np.float64)
    return (
        carm.detector_origin_mm
        + pixels[:, :1] * column_mm * carm.column_direction
        + pixels[:, 1:] * row_mm * carm.row_direction
    )


def cube_corners_mm(centre_mm: FloatArray, edge_mm: float = MPE_CUBE_MM) -> FloatArray:
    """(8, 3) corners of the cube about `centre_mm` whose projections the mean projection error compares."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1], indexing="ij")).reshape(3, 8).T
    return np.asarray(centre_mm) + edge_mm / 2 * signs


def mean_projection_error_px(pose: FloatArray, reference_pose: FloatArray, centre_mm: FloatArray, carm: CArm) -> float:
    """Mean projection error in detector pixels (paper, eq. 2); infinite when a corner is not in front of the source.

    centre_mm: (3,), patient frame, centre of the CTA.
    """
    return _mean_corner_distance(pose, reference_pose, centre_mm, carm, (1.0, 1.0))


def mean_projection_error_mm(pose: FloatArray, reference_pose: FloatArray, centre_mm: FloatArray, carm: CArm) -> float:
    """Mean projection error in mm on the detector (paper, eq. 2), right for pixels that are not square too."""
    row_mm, column_mm = carm.pixel_spacing_mm
    return _mean_corner_distance(pose, reference_pose, centre_mm, carm, (column_mm, row_mm))


def _mean_corner_distance(
    pose: FloatArray, reference_pose: FloatArray, centre_mm: FloatArray, carm: CArm, unit: tuple[float, float]
) -> float:
    """Mean distance of the projected corners in units of `unit` per pixel (along columns, along rows)."""
    corners = cube_corners_mm(centre_mm)
    distance_px = project(apply(pose, corners), carm) - project(apply(reference_pose, corners), carm)
    error = float(np.linalg.norm(distance_px * unit, axis=1).mean())
    return error if np.isfinite(error) else float("inf")
