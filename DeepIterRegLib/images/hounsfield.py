"""The unit of a volume's values: Hounsfield units, the arbitrary units of a 3DRA, or neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.volume import VolumeKind, Voxels, compact

SAMPLES = 2_000_000
"""Voxels looked at: percentiles of that many are exact enough, and a 512 x 512 x 400 volume is judged in 0.1 s."""
UNSIGNED_OFFSET_HU = 1024
SOFT_TISSUE_HU = (-100, 150)
MIN_SOFT_TISSUE = 0.25
"""Part of what is denser than fat that is soft tissue: 0.8 in a head."""
AIR_BELOW_HU, MIN_AIR = -200, 0.001
"""Around the head or in its sinuses there is some air."""
MAX_VESSELS_3DRA = 0.08
"""Vessels fill about 1 % of a head; more than this above the background is tissue."""
VESSEL_LEVEL_3DRA = 0.15
"""Of the way from the background to the brightest vessels."""
LOWEST_HU = -1024
"""Scanners mark what lies outside the reconstruction with -2000, -3024 or -32768."""


def _samples(voxels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    step = max(1, int(np.ceil((voxels.size / SAMPLES) ** (1 / 3))))
    return voxels[::step, ::step, ::step].astype(np.float32).ravel()


def is_vessels_only(samples: npt.NDArray[np.float32]) -> bool:
    """Whether all but a few percent of the values are one background: a 3DRA, or vessels that were cut out."""
    background, brightest = np.percentile(samples, [50, 99.95])
    if brightest <= background:
        return False
    level = background + VESSEL_LEVEL_3DRA * (brightest - background)
    return bool(0 < np.mean(samples > level) <= MAX_VESSELS_3DRA)


def is_hounsfield(samples: npt.NDArray[np.float32]) -> bool:
    """Whether the values have a head's soft tissue where water is 0, air below it and bone or contrast above.

    An MR has no values below its background, which is where water would be.
    """
    tissue = samples[samples > -500]
    soft = np.mean((tissue > SOFT_TISSUE_HU[0]) & (tissue < SOFT_TISSUE_HU[1])) if tissue.size else 0.0
    air = np.mean(samples < AIR_BELOW_HU)
    return bool(soft >= MIN_SOFT_TISSUE and air > MIN_AIR and np.percentile(samples, 99.9) > SOFT_TISSUE_HU[1])


def is_offset_hounsfield(samples: npt.NDArray[np.float32]) -> bool:
    """Whether the values are Hounsfield units plus 1024, as unsigned files hold them.

    What is denser than air is mostly within the narrow band of soft tissue; an MR with grey values that high spreads.
    """
    if samples.min() < 0 or not is_hounsfield(samples - UNSIGNED_OFFSET_HU):
        return False
    low, high = (UNSIGNED_OFFSET_HU + x for x in SOFT_TISSUE_HU)
    tissue = samples[samples > UNSIGNED_OFFSET_HU / 2]
    return bool(np.mean((tissue > low) & (tissue < high)) > 0.4)


def check_values(
    voxels: npt.NDArray[Any], kind: VolumeKind | str, file_name: str
) -> tuple[Voxels, VolumeKind, list[str]]:
    """Decide what the numbers are, and bring a CTA to Hounsfield units.

    voxels: (K, J, I), as stored. kind: "cta", "3dra", or "auto" to decide from the values. file_name: for the errors.
    Returns the voxels (int16 where they were whole numbers, else float32; values below -1024 HU raised to that), the
    kind, and warnings. Raises InputError for NaN, a constant volume, or values that are neither HU nor a 3DRA.
    """
    if np.issubdtype(voxels.dtype, np.floating) and not np.isfinite(voxels).all():
        raise InputError(
            "{file} holds values that are not numbers (NaN or infinite); export it again, or replace them by air.",
            field=Field.CTA,
            file=file_name,
        )
    samples = _samples(voxels)
    if voxels.min() == voxels.max():
        raise InputError(
            "{file} has the same value in every voxel ({value:g}); give another file for {cta}.",
            field=Field.CTA,
            file=file_name,
            value=voxels.flat[0],
        )
    vessels_only = is_vessels_only(samples) and not is_hounsfield(samples)
    eight_bit = bool(samples.min() >= 0 and samples.max() <= 255)
    if kind == "3dra" or (kind == "auto" and vessels_only):
        if is_hounsfield(samples):
            raise InputError(
                "{file} holds Hounsfield units with bone and soft tissue, not the vessels alone; set "
                "{volume_kind} to cta.",
                field=Field.VOLUME_KIND,
                file=file_name,
            )
        return compact(voxels), "3dra", []
    if vessels_only:
        raise InputError(
            "{file} holds vessels alone and no soft tissue, which a CTA in Hounsfield units has[; if it is a "
            "rotational 3D angiogram, set {volume_kind} to 3dra].",
            field=Field.CTA,
            file=file_name,
        )
    if is_hounsfield(samples):
        return _clipped(compact(voxels)), "cta", []
    if is_offset_hounsfield(samples):
        shifted = compact(voxels.astype(np.float32) - UNSIGNED_OFFSET_HU)
        warning = f"{file_name} holds Hounsfield units plus {UNSIGNED_OFFSET_HU}; that offset was taken off."
        return _clipped(shifted), "cta", [warning]
    if eight_bit:
        raise InputError(
            "{file} holds 8-bit grey values (0 to 255), not Hounsfield units; export the CTA again without windowing.",
            field=Field.CTA,
            file=file_name,
        )
    raise InputError(
        "{file} holds values from {low:g} to {high:g} that are not Hounsfield units of a head (an MR?); "
        "give a CTA in Hounsfield units[, or, if it is a rotational 3D angiogram, set {volume_kind} to "
        "3dra].",
        field=Field.CTA,
        file=file_name,
        low=samples.min(),
        high=samples.max(),
    )


def _clipped(voxels: Voxels) -> Voxels:
    return np.maximum(voxels, voxels.dtype.type(LOWEST_HU)) if voxels.min() < LOWEST_HU else voxels
