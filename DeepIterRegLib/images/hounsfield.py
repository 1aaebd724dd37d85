"""The unit of a volume's values: Hounsfield units (with bone or without), the arbitrary units of a 3DRA, or neither."""

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

BONE_HU, LEAST_BONE = 700, 0.005
"""Share of what is denser than air that is bone: 0.08 to 0.10 of a head, 0.02 of its neck alone; 0.003 where bones were
taken out. Vessels are seldom as bright."""
AIR_VALUE_HU = -900
"""At most this of a background: vessels that were cut out of a CTA, not a 3DRA."""
MOST_LABELS = 63
"""A label map counts its labels; a CT, a 3DRA and even 8 bits of grey have higher values."""


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


def shows_bone(hounsfield: npt.NDArray[np.float32]) -> bool:
    """Whether there is as much bone in a CT as head or neck have."""
    tissue = hounsfield[hounsfield > -500]
    return bool(tissue.size and np.mean(tissue > BONE_HU) >= LEAST_BONE)


def is_label_map(voxels: npt.NDArray[Any]) -> bool:
    """Whether the values are the numbers of a few labels, 0 outside of them."""
    if voxels.min() != 0 or voxels.max() > MOST_LABELS:
        return False
    return np.issubdtype(voxels.dtype, np.integer) or bool((voxels == np.rint(voxels)).all())


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
    voxels: npt.NDArray[Any], kind: VolumeKind | str, file_name: str, vessels_given: bool = False
) -> tuple[Voxels, VolumeKind, list[str]]:
    """Decide what the numbers are, and bring a CTA to Hounsfield units.

    voxels: (K, J, I), as stored. kind: "cta", "vessels", "3dra", or "auto" to decide from the values. file_name: for
    the errors. vessels_given: masks say what vessels and veins are, so that any unit will do.
    Returns the voxels (int16 where they were whole numbers, else float32; values below -1024 HU raised to that), the
    kind, and warnings. Raises InputError for NaN, a constant volume, a label map, or values that are neither HU nor a
    3DRA.
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
    if is_label_map(voxels):
        raise InputError(
            "{file} is a label map (whole numbers from 0 to {high}), not a CT; give the CT angiogram for {cta}, and "
            "this as {cta_vessels}, if it marks them.",
            field=Field.CTA,
            file=file_name,
            high=int(voxels.max()),
        )
    vessels_only = is_vessels_only(samples) and not is_hounsfield(samples)
    if kind == "3dra" or (kind == "auto" and vessels_only and samples.min() > AIR_VALUE_HU):
        if is_hounsfield(samples):
            raise InputError(
                "{file} holds Hounsfield units with soft tissue, not the vessels alone; set {volume_kind} to "
                "{right_kind}.",
                field=Field.VOLUME_KIND,
                file=file_name,
                right_kind="cta" if shows_bone(samples) else "vessels",
            )
        return compact(voxels), "3dra", []
    if kind == "vessels" or (kind == "auto" and vessels_only):
        hounsfield, warnings = _hounsfield(voxels, samples, file_name)
        return compact(voxels) if hounsfield is None else hounsfield, "vessels", warnings
    if vessels_only and not vessels_given:
        raise InputError(
            "{file} holds vessels alone and no soft tissue, which a CTA in Hounsfield units has[; if it is a "
            "rotational 3D angiogram, set {volume_kind} to 3dra, or to vessels if they were cut out of a CTA].",
            field=Field.CTA,
            file=file_name,
        )
    hounsfield, warnings = _hounsfield(voxels, samples, file_name)
    if hounsfield is not None:
        boneless = kind == "auto" and not shows_bone(_samples(hounsfield))
        return hounsfield, "vessels" if boneless else "cta", warnings
    if vessels_given:
        return compact(voxels), "vessels", []
    if samples.min() >= 0 and samples.max() <= 255:
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


def _hounsfield(
    voxels: npt.NDArray[Any], samples: npt.NDArray[np.float32], file_name: str
) -> tuple[Voxels | None, list[str]]:
    """The voxels in Hounsfield units, and warnings; None where that is not their unit."""
    if is_hounsfield(samples):
        return _clipped(compact(voxels)), []
    if not is_offset_hounsfield(samples):
        return None, []
    shifted = compact(voxels.astype(np.float32) - UNSIGNED_OFFSET_HU)
    warning = f"{file_name} holds Hounsfield units plus {UNSIGNED_OFFSET_HU}; that offset was taken off."
    return _clipped(shifted), [warning]


def _clipped(voxels: Voxels) -> Voxels:
    return np.maximum(voxels, voxels.dtype.type(LOWEST_HU)) if voxels.min() < LOWEST_HU else voxels
