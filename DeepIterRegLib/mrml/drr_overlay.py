"""The DRR over the DSA: a red image on the detector whose opacity grows with the length of vessel.

An RGBA vector volume, because a slice view blends a scalar volume with one opacity for all of it: whatever opacities
its colour table has are cut to 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.arrays import image_data, matrix_of_array, voxels_of
from DeepIterRegLib.mrml.plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.roles import FULL_RED_MM
from DeepIterRegLib.overlay import RED, full_red_length_mm

DRR_CLASS = "vtkMRMLVectorVolumeNode"

DrrImage = npt.NDArray[np.float32]


def place_drr(node: Any, drr: DrrImage, carm: CArm) -> None:
    """Put a DRR into a vtkMRMLVectorVolumeNode, on the detector, and choose its scale.

    drr: (rows, columns) of `carm`, mm of vessel along the ray; `carm` may have larger pixels than the DSA.
    """
    full_red = full_red_length_mm(drr)
    rgba = np.empty((1, *drr.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.round(255 * RED)
    rgba[0, ..., 3] = opacity(drr, full_red)
    node.SetIJKToRASMatrix(matrix_of_array(plane_ijk_to_ras(carm)))
    node.SetAndObserveImageData(image_data(rgba))
    node.SetAttribute(FULL_RED_MM, repr(full_red))


def redraw_drr(node: Any, drr: DrrImage) -> None:
    """Show another DRR of the same C-arm on the same scale, in place: fast enough to follow a slider."""
    voxels_of(node)[0, ..., 3] = opacity(drr, float(node.GetAttribute(FULL_RED_MM)))
    node.GetImageData().GetPointData().GetScalars().Modified()
    node.GetImageData().Modified()


def opacity(drr: DrrImage, full_red_mm: float) -> npt.NDArray[np.uint8]:
    """0 to 255, 255 where the length of vessel is `full_red_mm` or more.

    The square root lets thin vessels show beside a carotid ten times as thick, as in overlay.png.
    """
    return np.round(255 * np.sqrt(np.clip(drr / full_red_mm, 0, 1))).astype(np.uint8)
