"""Masks that replace the segmentation."""

from __future__ import annotations

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.volume import Volume


def checked_mask(mask: BoolArray | None, volume: Volume, field: Field) -> BoolArray | None:
    """`mask` as booleans; raises InputError when it does not lie on the volume's grid (K, J, I), or is empty.

    An empty mask of the veins says that there are none.
    """
    if mask is None:
        return None
    if mask.shape != volume.voxels.shape:
        raise InputError(
            "{field} has {size} voxels, but the CTA has {cta_size}; it must be drawn on the CTA.",
            field=field,
            size=mask.shape[::-1],
            cta_size=volume.voxels.shape[::-1],
        )
    if not mask.any() and field != Field.CTA_VEINS:
        raise InputError(
            "{field} marks no voxel; draw the vessels in it, or leave it out to have them found.", field=field
        )
    return mask.astype(bool, copy=False)
