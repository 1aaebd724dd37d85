"""How far on the detector a point of the head may lie from where it is drawn: an ellipse that holds it in 95 %."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, skew

SHARE = 0.95
QUANTILE = -2 * log(1 - SHARE)
"""Of chi-squared with two degrees of freedom, 5.99: its distribution function is 1 - exp(-x / 2)."""

OWN_MM = 0.3
"""Standard deviation of a centreline's point along each axis, in the CTA (docs/measurements/targets.md)."""


@dataclass(frozen=True, eq=False)
class Ellipse:
    """Of the detector's plane."""

    centre_px: FloatArray
    """(2,) column, row."""
    covariance_mm2: FloatArray
    """(2, 2) on the detector, along columns and rows."""
    spacing_mm: FloatArray
    """(2,) of a pixel: from column to column, from row to row."""

    @property
    def semi_axes_mm(self) -> FloatArray:
        """(2,) on the detector, the longer one first."""
        return np.sqrt(QUANTILE * np.maximum(np.linalg.eigvalsh(self.covariance_mm2)[::-1], 0.0))

    @property
    def angle_deg(self) -> float:
        """Of the longer axis, from the direction of increasing column towards that of increasing row; -90 to 90."""
        along = np.linalg.eigh(self.covariance_mm2)[1][:, 1]
        along = along if along[0] > 0 or (along[0] == 0 and along[1] > 0) else -along
        return float(np.degrees(np.arctan2(along[1], along[0])))

    def outline_px(self, points: int = 48) -> FloatArray:
        """(points, 2) columns and rows around it, the first one not repeated."""
        values, vectors = np.linalg.eigh(self.covariance_mm2)
        turns = np.linspace(0, 2 * np.pi, points, endpoint=False)
        round_mm = np.stack([np.cos(turns), np.sin(turns)], axis=1) * np.sqrt(QUANTILE * np.maximum(values, 0.0))
        return self.centre_px + round_mm @ vectors.T / self.spacing_mm

    def contains(self, pixels: FloatArray) -> BoolArray:
        """(N,) whether (N, 2) columns and rows lie in it."""
        off_mm = (np.asarray(pixels) - self.centre_px) * self.spacing_mm
        return np.einsum("ij,ij->i", off_mm, np.linalg.solve(self.covariance_mm2, off_mm.T).T) <= QUANTILE


def ellipse_of(
    point_mm: FloatArray,
    pose: FloatArray,
    carm: CArm,
    covariance: FloatArray,
    pivot_mm: FloatArray,
    own_mm: float = OWN_MM,
) -> Ellipse | None:
    """Of a point of the head at a pose; None where it does not lie in front of the source.

    point_mm: (3,) patient frame. pose: (4, 4). covariance: (6, 6) of `Confidence`: rotation (rad) and translation (mm)
    in C-arm axes about pivot_mm, (3,) patient frame, the head's centre. own_mm: standard deviation of the
    point in the CTA, along each axis. To first order (Hartley & Zisserman 2004, "Multiple View Geometry", result 5.6).
    """
    jacobian = detector_jacobian(point_mm, pose, carm, pivot_mm)
    if jacobian is None:
        return None
    row_mm, column_mm = carm.pixel_spacing_mm
    return Ellipse(
        project(apply(pose, point_mm)[None], carm)[0],
        jacobian @ covariance @ jacobian.T + own_mm**2 * jacobian[:, 3:] @ jacobian[:, 3:].T,
        np.array([column_mm, row_mm]),
    )


def detector_jacobian(point_mm: FloatArray, pose: FloatArray, carm: CArm, pivot_mm: FloatArray) -> FloatArray | None:
    """(2, 6) mm on the detector, along columns and rows, by the parameters of `PivotedCorrection`.

    None where the point (3,), patient frame, does not lie in front of the source.
    """
    in_carm = apply(pose, np.asarray(point_mm, dtype=np.float64))
    depth_mm = float(carm.normal @ (in_carm - carm.source_mm))
    if not depth_mm > 0:
        return None
    axes = np.stack([carm.column_direction, carm.row_direction])
    on_axes = axes @ (in_carm - carm.source_mm)
    by_place = carm.sdd_mm / depth_mm * (axes - np.outer(on_axes / depth_mm, carm.normal))
    # A small turn w about the pivot moves the point by w x (p - c).
    by_pose = np.concatenate([-skew(in_carm - apply(pose, pivot_mm)), np.eye(3)], axis=1)
    return by_place @ by_pose
