"""The head around the vessels, in Hounsfield units: scalp, skull with base and face, brain, air."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.skull import Skull

AIR_HU, FAT_HU, SOFT_HU, BRAIN_HU, FLUID_HU = -1000, -90, 45, 36, 8
CORTICAL_BONE_HU, DIPLOE_HU, BASE_BONE_HU, TOOTH_HU = 1350, 550, 900, 2300
SCALP_MM = 6.0


def head_hu(
    skull: Skull, x: FloatArray, y: FloatArray, z: FloatArray, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """(K, J, I) Hounsfield units without vessels and noise; x, y, z broadcast to that shape (head's mm, RAS)."""
    x, y, z = (np.asarray(axis, dtype=np.float32) for axis in (x, y, z))
    shape = np.broadcast_shapes(x.shape, y.shape, z.shape)
    depth = skull.depth_below_table(x, y, z)
    floor = skull.floor_mm(y).astype(np.float32)
    above_floor = z - floor
    hu = np.full(shape, AIR_HU, dtype=np.float32)

    outside = -depth - np.float32(skull.thickness_mm)
    hu[(outside < SCALP_MM) & (z > -62)] = SOFT_HU
    neck = (x / 62) ** 2 + ((y + 22) / 62) ** 2
    hu[(neck < 1) & (z < -40)] = SOFT_HU
    # Seen from the side the face recedes from brow to chin, and the nose stands out.
    profile = (
        np.float32(62)
        - np.float32(0.18) * np.abs(z + 40)
        + 14 * np.exp(-(((z + 48) / 12) ** 2)) * np.exp(-((x / 13) ** 2))
    )
    face = (x / 58) ** 2 + (np.maximum(y - 32, 0) / profile) ** 2
    hu[(face < 1) & (z < -20) & (y > -20)] = SOFT_HU
    fat = ((neck > 0.86) & (neck < 0.97) & (z < -62)) | ((outside > 2.5) & (outside < SCALP_MM - 1) & (z > -60))
    hu[fat & (hu > AIR_HU)] = FAT_HU

    # Thickness varies smoothly by a millimetre or so, as bone does.
    waves = rng.uniform(0, 2 * np.pi, 3).astype(np.float32)
    thickness = np.float32(skull.thickness_mm) + 1.1 * np.sin(x / 17 + waves[0]) * np.sin(y / 21 + waves[1])
    vault = (depth < 0) & (-depth < thickness) & (above_floor > -7)
    hu[vault] = DIPLOE_HU
    hu[vault & ((-depth < 1.7) | (-depth > thickness - 1.8))] = CORTICAL_BONE_HU
    base = (depth > -2) & (above_floor < 0) & (above_floor > -6 - 5 * (np.abs(y + 2) < 10))
    foramen = (x / 15) ** 2 + ((y + 32) / 18) ** 2 < 1
    hu[base & ~foramen] = BASE_BONE_HU
    brain = (depth > 0) & (above_floor > 0)
    hu[brain] = BRAIN_HU
    hu[brain & (depth < 2.5)] = FLUID_HU + 10
    ventricles = (((np.abs(x) - 13) / 7) ** 2 + ((y - 2) / 32) ** 2 + ((z - 16) / 8) ** 2) < 1
    hu[ventricles] = FLUID_HU

    spine = (x / 13) ** 2 + ((y + 20) / 10) ** 2
    canal = (x / 17) ** 2 + ((y + 38) / 13) ** 2
    disc = np.abs((z + 64) % 17 - 8.5) < 2
    hu[(spine < 1) & (z < -66) & ~disc] = 420
    hu[(spine > 0.75) & (spine < 1) & (z < -66) & ~disc] = CORTICAL_BONE_HU
    hu[(canal > 1) & (canal < 1.55) & (z < -66) & ((z + 64) % 17 < 10)] = BASE_BONE_HU
    for sign in (-1, 1):
        orbit = np.sqrt((x - sign * 31) ** 2 + ((y - 58) * 0.8) ** 2 + (z + 27) ** 2)
        hu[(orbit < 20) & (orbit > 17.5) & (y < 70)] = BASE_BONE_HU
        hu[orbit < 17.5] = FAT_HU
        globe = (x - sign * 31) ** 2 + (y - 66) ** 2 + (z + 27) ** 2
        hu[globe < 144] = 20
    nose = (x / 11) ** 2 + ((y - 58) / 26) ** 2 + ((z + 48) / 15) ** 2
    hu[(nose < 1.5) & (nose > 1)] = 700
    hu[nose < 1] = AIR_HU
    airway = (x / 9) ** 2 + ((y - 12) / 7) ** 2
    hu[(airway < 1) & (z < -58)] = AIR_HU
    arch = np.sqrt((x / 44) ** 2 + ((y - 20) / 62) ** 2)
    jaw = (np.abs(arch - 0.9) < 0.075) & (y > 14)
    hu[jaw & (z < -86)] = CORTICAL_BONE_HU
    hu[jaw & (np.abs(arch - 0.9) < 0.045) & (z < -86)] = DIPLOE_HU
    angle = np.arctan2(x / 44, (y - 20) / 62)
    tooth = jaw & (np.abs(arch - 0.9) < 0.055) & (np.abs((angle * 9) % 1 - 0.5) < 0.4)
    hu[tooth & (z < -72) & (z > -86)] = TOOTH_HU
    hu[jaw & (z >= -72) & (z < -62)] = DIPLOE_HU
    return hu


def scanner_noise(shape: tuple[int, int, int], sigma_hu: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """(K, J, I) noise as a soft kernel leaves it: correlated over about a voxel and a half within a slice."""
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, (0.0, 0.7, 0.7), truncate=3)
    return noise * np.float32(sigma_hu / noise[:8].std())
