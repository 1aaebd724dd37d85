"""The detector as a plane in the scene: the world is the C-arm frame, so a DSA lies where its detector was."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm


def plane_ijk_to_ras(carm: CArm) -> FloatArray:
    """(4, 4) index (column, row, 0, 1) of an image to where the detector has that pixel, C-arm frame, mm.

    The third axis is a right-handed 1 mm towards the source: a slice has no thickness, but Slicer wants one.
    """
    row_mm, column_mm = carm.pixel_spacing_mm
    towards_source = np.cross(carm.column_direction, carm.row_direction)
    matrix = np.eye(4)
    matrix[:3, 0] = column_mm * carm.column_direction
    matrix[:3, 1] = row_mm * carm.row_direction
    matrix[:3, 2] = towards_source / np.linalg.norm(towards_source)
    matrix[:3, 3] = carm.detector_origin_mm
    return matrix


def plane_slice_to_ras(carm: CArm) -> FloatArray:
    """(4, 4) for a slice view: image columns to the right, image rows downwards, centred on the detector.

    A slice view's second axis points up, so it is minus the row direction; what is seen is what a radiologist sees.
    """
    matrix = np.eye(4)
    matrix[:3, 0] = carm.column_direction
    matrix[:3, 1] = -carm.row_direction
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    matrix[:3, 2] = normal / np.linalg.norm(normal)
    matrix[:3, 3] = plane_centre_mm(carm)
    return matrix


def plane_centre_mm(carm: CArm) -> FloatArray:
    """(3,) centre of the detector, C-arm frame."""
    last = np.array([carm.columns - 1, carm.rows - 1, 0, 2]) / 2
    return (plane_ijk_to_ras(carm) @ last)[:3]


def plane_size_mm(carm: CArm) -> tuple[float, float]:
    """Width and height of the detector's area."""
    row_mm, column_mm = carm.pixel_spacing_mm
    return carm.columns * column_mm, carm.rows * row_mm
