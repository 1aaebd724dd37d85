"""A volume file whose axes are not at right angles: told from one that is, and straightened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.images.ct.stack import MOST_TILT_DEG, SliceStack, orthogonal
from DeepIterRegLib.images.itk_files import affine_lps
from DeepIterRegLib.images.nifti_place import SQUARE, axis_cosines

if TYPE_CHECKING:
    import SimpleITK as sitk


def is_sheared(image: sitk.Image) -> bool:
    """Whether a 3D image's axes are not at right angles."""
    return bool(np.abs(axis_cosines(affine_lps(image)[:3, :3]) - np.eye(3)).max() > SQUARE)


def straightened(image: sitk.Image) -> tuple[sitk.Image, list[str]] | None:
    """A sheared 3D image on a grid with straight edges, and a warning; None where no two axes are at right angles, or
    the third is further from it than any gantry tilts.

    What a tilted gantry leaves: slices of about square pixels, each shifted against the one before. Linear
    interpolation.
    """
    import SimpleITK as sitk

    affine = affine_lps(image)
    orders = [[axis for axis in range(3) if axis != along] + [along] for along in (2, 1, 0)]
    possible = [order for order in orders if abs(axis_cosines(affine[:3, order])[0, 1]) <= SQUARE]
    if not possible:
        return None
    spacing_mm = np.array(image.GetSpacing())
    # Two pairs of axes may be at right angles; slices are the one with the squarer pixels.
    order = min(possible, key=lambda axes: abs(np.log(spacing_mm[axes[0]] / spacing_mm[axes[1]])))
    stack = _stack(affine[:3, order], np.array(image.GetOrigin()), image.GetSize()[order[2]])
    if not stack.tilt_deg <= MOST_TILT_DEG:
        return None
    stacked = sitk.PermuteAxes(image, order)
    stacked.SetOrigin([float(x) for x in stack.origin_mm])
    stacked.SetSpacing([float(x) for x in stack.spacing_mm])
    stacked.SetDirection([float(x) for x in stack.direction.ravel()])
    return orthogonal(stacked, stack)


def _stack(axes: np.ndarray, origin_mm: np.ndarray, count: int) -> SliceStack:
    """Of (3, 3) columns, LPS mm: two at right angles within a slice, and the step to the next slice."""
    lengths_mm = np.linalg.norm(axes, axis=0)
    along_row, down_column = axes[:, 0] / lengths_mm[0], axes[:, 1] / lengths_mm[1]
    normal = np.cross(along_row, down_column)
    normal = normal / np.linalg.norm(normal) * np.sign(normal @ axes[:, 2])
    # Exactly at right angles, of what was so to a thousandth.
    down_column = np.cross(normal, along_row) * np.sign(np.cross(normal, along_row) @ down_column)
    step_mm = float(axes[:, 2] @ normal)
    return SliceStack(
        origin_mm,
        np.column_stack([along_row, down_column, normal]),
        np.array([lengths_mm[0], lengths_mm[1], step_mm]),
        axes[:, 2] - step_mm * normal,
        count,
    )
