"""Where a 3D angiogram comes from, before its values are checked: cheap to make in the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.images.hounsfield import check_values
from DeepIterRegLib.images.volume import VOLUME_NAMES, Volume, VolumeKind

NAME = "The CTA"


@dataclass(frozen=True, eq=False)
class VolumeSource:
    """Voxels and where they lie."""

    voxels: npt.NDArray[Any]
    """(K, J, I), not copied."""
    ijk_to_ras: FloatArray
    """(4, 4) index to the patient frame, mm."""
    kind: VolumeKind | None = None
    """None: to be judged by the values."""
    warnings: tuple[str, ...] = ()


def read_volume_source(source: VolumeSource, vessels_given: bool = False) -> Volume:
    """The volume of a source; voxels are copied only where their type has to change.

    vessels_given: masks say what vessels and veins are, so that any unit will do.
    Raises InputError for values that are neither Hounsfield units nor those of a 3DRA.
    """
    voxels, kind, warnings = source.voxels, source.kind, list(source.warnings)
    if kind is None:
        voxels, kind, warnings = check_values(voxels, "auto", NAME, vessels_given)
    return Volume(voxels, source.ijk_to_ras, kind, VOLUME_NAMES[kind], tuple(warnings))
