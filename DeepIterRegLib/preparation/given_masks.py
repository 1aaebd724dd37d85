"""Masks that replace the segmentation."""

from __future__ import annotations

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume


def checked_mask(mask: BoolArray | None, volume: Volume, what: str, option: str) -> BoolArray | None:
    """`mask` as booleans; raises InputError when it is empty, or does not lie on the volume's grid (K, J, I)."""
    if mask is None:
        return None
    if mask.shape != volume.voxels.shape:
        size, expected = (" x ".join(str(n) for n in shape[::-1]) for shape in (mask.shape, volume.voxels.shape))
        raise InputError(
            f"The {what} mask has {size} voxels and {volume.name} has {expected}; give {option} a mask that was drawn "
            "on this volume."
        )
    if not mask.any():
        raise InputError(
            f"The {what} mask for {volume.name} is empty; draw them in it, or leave out {option} to have them found."
        )
    return mask.astype(bool, copy=False)
