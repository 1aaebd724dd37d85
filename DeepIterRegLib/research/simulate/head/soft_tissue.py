"""Muscle and fat outside the skull in Hounsfield units."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, f32
from DeepIterRegLib.research.simulate.head.texture import Texture

MUSCLE_HU, FAT_HU, SKIN_HU = 58.0, -95.0, 50.0
SKIN_MM = 1.8


def outer_hu(
    x: FloatArray, y: FloatArray, z: FloatArray, below_skin: FloatArray, traits: HeadTraits, planes: Texture
) -> FloatArray:
    """(N,) HU at points (N,) of the template that lie outside the skull, `below_skin` mm deep; without the skin."""
    hu = np.full(x.shape, MUSCLE_HU, dtype=np.float32)
    ax = np.abs(x)
    # Fat parts the muscles of the neck, which run upwards, and fills the cheeks and the space beside the throat.
    fold = planes(x, y, z * 0.35)
    blend(hu, (f32(0.05 + 0.012 * traits.fat_mm) - np.abs(fold)) * 9, FAT_HU, 2.0)
    cheek = 9 - np.hypot(np.hypot((ax - 44) * 0.8, (y - 52) * 0.6), (z + 78) * 0.5) + 2 * fold
    throat = 5 - np.hypot(np.hypot(ax - 30, (y - 14) * 0.7), (z + 80) * 0.25) + 2 * fold
    blend(hu, np.maximum(cheek, throat), FAT_HU, 2.0)
    layer = np.where(z > -45, f32(0.62 * traits.scalp_mm), f32(SKIN_MM + traits.fat_mm))
    layer = layer + f32(0.16 * traits.fat_mm) * np.clip(fold, -1.5, 1.5)
    layer += 2.2 * np.clip((-70 - z) / 20, 0, 1) * (y < -40)
    blend(hu, layer - below_skin, FAT_HU, 1.5)
    return hu
