"""The network's six outputs and how they correct a pose: a rigid correction as the window shows it.

Rotation vector (rad) about the head's centre in the detector's axes (column, row, normal); shift (a, b) in mm of the
centre's projection onto the window's plane; logarithm of the ratio of the centre's depths. A window of the same field
shows the same correction alike whatever the C-arm, because all of its geometry is in `corrected_pose`.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply, rigid


def corrected_pose(pose: FloatArray, centre_mm: FloatArray, carm: CArm, correction: FloatArray) -> FloatArray:
    """(4, 4) `pose` after a correction (6,). centre_mm: (3,) the head's centre, patient frame."""
    axes = _axes(carm)
    middle = apply(pose, centre_mm)
    rotation = axes.T @ Rotation.from_rotvec(correction[:3]).as_matrix() @ axes
    in_plane = middle - carm.source_mm + correction[3] * axes[0] + correction[4] * axes[1]
    moved = carm.source_mm + np.exp(correction[5]) * in_plane
    return rigid(rotation, moved - rotation @ middle) @ pose


def correction_between(pose: FloatArray, target_pose: FloatArray, centre_mm: FloatArray, carm: CArm) -> FloatArray:
    """(6,) the correction that takes `pose` to `target_pose`; inverse of `corrected_pose`.

    Both poses must put the centre in front of the source.
    """
    axes = _axes(carm)
    before, after = (axes @ (apply(matrix, centre_mm) - carm.source_mm) for matrix in (pose, target_pose))
    ratio = after[2] / before[2]
    rotation = Rotation.from_matrix(axes @ target_pose[:3, :3] @ pose[:3, :3].T @ axes.T).as_rotvec()
    return np.concatenate([rotation, after[:2] / ratio - before[:2], [np.log(ratio)]])


def _axes(carm: CArm) -> FloatArray:
    """(3, 3) rows: the detector's column direction, row direction, normal."""
    return np.stack([carm.column_direction, carm.row_direction, carm.normal])
