"""Where a NIfTI volume lies in the patient: what its sform and its qform say, and which of them is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.nifti_header import NiftiHeader

SCANNER = 1
"""The code of the scanner's own frame; 2 is that of another scan, 3 and 4 are those of an atlas."""
ALIGNED = 2
SAME_PLACE_MM = 0.5
"""The corners of a grid by sform and qform: rounding of the quaternion leaves a few hundredths."""
SQUARE = 1e-3
"""Cosine between axes that are at right angles."""
SAME_SIZE = 0.01
"""Part of a voxel's size."""


def nifti_place(header: NiftiHeader, path: Path, field: Field = Field.CTA) -> tuple[FloatArray, list[str]]:
    """(4, 4) index to RAS mm, which may be sheared as a tilted gantry leaves it, and warnings.

    Where both are given and agree, or one alone is, that one. The shear of a tilted gantry has a place in the sform
    only. Else the scanner's own frame comes before another one. Raises InputError for a file without any, with one
    that stretches the head, or with two that mirror each other.
    """
    sform = header.sform if header.sform_code > 0 else None
    qform = header.qform if header.qform_code > 0 else None
    if sform is not None and not _is_usable(sform):
        sform = None
    if qform is not None and not _is_usable(qform):
        qform = None
    if sform is None and qform is None:
        raise InputError(
            "{file} does not say how it lies in the patient (neither sform nor qform), so left and right are unknown; "
            "convert it again from DICOM for {field}.",
            field=field,
            file=path,
        )
    if sform is None or qform is None:
        found = qform if sform is None else sform
        assert found is not None
        _require_size(found, header, path, field)
        return found, []
    if _apart_mm(sform, qform, header) <= SAME_PLACE_MM:
        return sform, []
    if header.sform_code <= ALIGNED and _is_tilted(sform, header):
        return sform, []
    if not _is_rigid(sform, header) or (header.sform_code != SCANNER and header.qform_code == SCANNER):
        _require_size(qform, header, path, field)
        return qform, [
            f"{path.name} has an sform (code {header.sform_code}) that puts it elsewhere than its qform (code"
            f" {header.qform_code}); the qform was taken."
        ]
    if np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0:
        raise InputError(
            "{file} has an sform and a qform that mirror each other, so left and right are unknown; convert it again "
            "from DICOM for {field}.",
            field=field,
            file=path,
        )
    return sform, [
        f"{path.name} has an sform (code {header.sform_code}) that puts it elsewhere than its qform (code"
        f" {header.qform_code}); the sform was taken."
    ]


def axis_cosines(axes: FloatArray) -> FloatArray:
    """(3, 3) cosines between the columns of (3, 3) `axes`."""
    unit = axes / np.linalg.norm(axes, axis=0)
    return unit.T @ unit


def _is_usable(affine: FloatArray) -> bool:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    return bool(
        np.isfinite(affine).all() and lengths.min() > 0 and abs(np.linalg.det(affine[:3, :3] / lengths)) > SQUARE
    )


def _is_square(axes: FloatArray) -> bool:
    return bool(np.abs(axis_cosines(axes) - np.eye(axes.shape[1])).max() < SQUARE)


def _has_size(lengths_mm: FloatArray, expected_mm: FloatArray) -> bool:
    return bool((np.abs(lengths_mm - expected_mm) <= SAME_SIZE * np.abs(expected_mm)).all())


def _is_rigid(affine: FloatArray, header: NiftiHeader) -> bool:
    """Whether it only turns, mirrors and moves voxels of the size that the header gives."""
    axes = affine[:3, :3]
    return _is_square(axes) and _has_size(np.linalg.norm(axes, axis=0), header.pixel_mm)


def _is_tilted(affine: FloatArray, header: NiftiHeader) -> bool:
    """Whether slices of square pixels are shifted against each other and nothing is stretched."""
    axes = affine[:3, :3]
    if _is_square(axes):
        return False
    for along in range(3):
        within = np.delete(axes, along, axis=1)
        if not _is_square(within):
            continue
        normal = np.cross(within[:, 0], within[:, 1])
        apart_mm = abs(axes[:, along] @ normal) / np.linalg.norm(normal)
        length_mm = np.linalg.norm(axes[:, along])
        in_plane = _has_size(np.linalg.norm(within, axis=0), np.delete(header.pixel_mm, along))
        pixel_mm = header.pixel_mm[[along]]
        if in_plane and (_has_size(np.array([apart_mm]), pixel_mm) or _has_size(np.array([length_mm]), pixel_mm)):
            return True
    return False


def _require_size(affine: FloatArray, header: NiftiHeader, path: Path, field: Field) -> None:
    if not (_is_rigid(affine, header) or _is_tilted(affine, header)):
        raise InputError(
            "{file} has an sform that stretches the head (as the registration to an atlas leaves it) or contradicts "
            "its voxel size (pixdim); convert it again from DICOM for {field}.",
            field=field,
            file=path,
        )


def _apart_mm(one: FloatArray, other: FloatArray, header: NiftiHeader) -> float:
    """The largest distance between the grid's corners."""
    last = [max(0, n - 1) for n in (*header.size[:3], 1, 1, 1)[:3]]
    corners = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, 8)
    apart = (one - other)[:3, :3] @ corners + (one - other)[:3, 3:]
    return float(np.linalg.norm(apart, axis=0).max())
