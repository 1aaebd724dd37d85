"""The 3D angiogram as an array with its place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError

VolumeKind = Literal["cta", "vessels", "3dra"]
"""cta: Hounsfield units, with bone. vessels: without bone, soft tissue or none. 3dra: vessels alone,
arbitrary units."""
VOLUME_NAMES: dict[VolumeKind, str] = {"cta": "CTA", "vessels": "CTA", "3dra": "3DRA"}
SMALLEST_VOXEL_MM3 = 1e-9
Voxels = npt.NDArray[np.float32] | npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3D angiogram: a CTA in Hounsfield units, with its bones or without, or a 3DRA (arbitrary units).

    Whatever numpy makes of the voxels and the matrix is taken: lists, other integers and floats, the other byte order,
    memory maps, reversed and permuted axes. Voxels are copied where they are neither int16 nor float32. Raises
    InputError for voxels that are not real numbers in three dimensions, and for a matrix that places no volume.
    """

    voxels: Voxels
    """(K, J, I): the slowest index first, as SimpleITK and `slicer.util.arrayFromVolume` give it."""
    ijk_to_ras: FloatArray
    """(4, 4): index (i, j, k, 1) to the patient frame, RAS, mm."""
    kind: VolumeKind
    name: str = "CTA"
    """For messages and node names: never the patient's."""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(VolumeKind):
            raise InputError(
                "There is no kind of volume {kind!r}; it is cta, vessels or 3dra.",
                field=Field.VOLUME_KIND,
                kind=str(self.kind),
            )
        object.__setattr__(self, "voxels", _voxels(self.voxels))
        object.__setattr__(self, "ijk_to_ras", _matrix(self.ijk_to_ras))

    @property
    def spacing_mm(self) -> FloatArray:
        """(3,) voxel size along i, j, k."""
        return np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)

    @property
    def centre_mm(self) -> FloatArray:
        """(3,) centre of the grid, patient frame: the pivot of corrections and the centre of the MPE's cube."""
        last_kji = np.array(self.voxels.shape) - 1
        return self.ijk_to_ras[:3, :3] @ (last_kji[::-1] / 2) + self.ijk_to_ras[:3, 3]

    def within(self, box: tuple[slice, slice, slice]) -> Volume:
        """The part of it in slices (K, J, I), where it was in the patient frame; the voxels are not copied."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, :3] @ [span.start or 0 for span in box[::-1]]
        return replace(self, voxels=self.voxels[box], ijk_to_ras=matrix)


def _voxels(given: Any) -> Voxels:
    try:
        voxels = np.asarray(given)
    except ValueError:  # lists of different lengths
        voxels = np.empty(0, dtype=object)
    if voxels.ndim != 3 or voxels.dtype.kind not in "iuf" or voxels.size == 0:
        raise InputError(
            "The voxels of the CTA must be real numbers in three dimensions, not {shape} of the type {type}; "
            "give another array for {cta}.",
            field=Field.CTA,
            shape=voxels.shape[::-1] or "one",
            type=str(voxels.dtype),
        )
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise InputError(
            "The CTA holds values that are not numbers (NaN or infinite); export it again, or replace them by air.",
            field=Field.CTA,
        )
    return voxels if voxels.dtype == np.float32 and voxels.dtype.isnative else compact(voxels)


def compact(voxels: npt.NDArray[Any]) -> Voxels:
    """int16 where that loses nothing, else float32: a volume of 512 x 512 x 400 is 0.2 GB instead of 0.4."""
    if voxels.dtype == np.int16:
        return voxels
    fits = voxels.min() >= np.iinfo(np.int16).min and voxels.max() <= np.iinfo(np.int16).max
    if fits and (np.issubdtype(voxels.dtype, np.integer) or bool((voxels == np.rint(voxels)).all())):
        return voxels.astype(np.int16)
    return voxels.astype(np.float32, copy=False)


def _matrix(given: Any) -> FloatArray:
    try:
        matrix = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if (
        matrix.shape != (4, 4)
        or not np.isfinite(matrix).all()
        or not np.array_equal(matrix[3], [0, 0, 0, 1])
        or abs(np.linalg.det(matrix[:3, :3])) < SMALLEST_VOXEL_MM3
    ):
        raise InputError(
            "The place of the CTA in the patient must be a 4 x 4 matrix of numbers that takes voxel indices to mm "
            "(RAS), with 0 0 0 1 in its last row; give another matrix for {cta}.",
            field=Field.CTA,
        )
    return matrix
