"""The head's large surfaces: cranial cavity, the bone around it, skin (template, mm)."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import (
    TEMPLATE_DEPTH_MM,
    TEMPLATE_HALF_LENGTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_MM,
)
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import cylinder, ellipsoid, f32, joined, tube
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.head.skull_base import FORAMEN_MAGNUM_MM, look_up, skull_base
from DeepIterRegLib.research.simulate.head.texture import Texture

_PROFILE_Z = (-158.0, -150.0, -141.0, -126.0, -116.0, -104.0, -92.0, -84.0, -70.0, -48.0, -34.0, -22.0, -8.0)
_PROFILE_Y = (78.0, 88.0, 92.0, 91.0, 95.0, 98.0, 98.0, 95.0, 93.0, 90.0, 92.0, 95.0, 92.0)
"""Facial profile in the midline without the nose, chin to forehead."""
_HALF_WIDTH = (34.0, 44.0, 52.0, 60.0, 63.0, 66.0, 68.0, 70.0, 72.5, 73.5, 72.0, 68.0, 60.0)


def cranium(
    x: FloatArray, y: FloatArray, z: FloatArray, vault_mm: float, uneven: Texture
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """(N,) depth in the cavity (negative in bone and beyond), thickness of the bone there, depth below the table.

    The last is the vault's alone, without the floor.
    """
    skull = Skull(TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM)
    table = skull.depth_below_table(x, y, z)
    floor, to_depth, base_mm = look_up(skull_base(), x, y)
    above = (z - floor) * to_depth
    cavity = np.minimum(table, above)
    ax = np.abs(x)
    rough = uneven(x, y, z)
    squama = np.exp(-(((y - 12) / 30) ** 2) - ((z + 16) / 20) ** 2) * np.clip((ax - 40) / 15, 0, 1)
    vault = f32(vault_mm) * (1 - 0.52 * squama) + 0.7 * rough
    brow = np.exp(-(((ax - 14) / 14) ** 2) - ((z + 20) / 11) ** 2) * np.clip((y - 55) / 15, 0, 1)
    inion = np.exp(-((ax / 9) ** 2) - ((z + 22) / 9) ** 2) * (y < -55)
    vault += 4.5 * brow + 4.0 * inion
    share = np.clip((table - above) / 6 + f32(0.5), 0, 1)
    thickness = vault + share * (base_mm + 0.3 * rough - vault)
    return cavity, thickness, table


def outer_bone(x: FloatArray, y: FloatArray, z: FloatArray, cavity: FloatArray, thickness: FloatArray) -> FloatArray:
    """(N,) depth below the bone's outer surface, cut by the foramen magnum."""
    fx, fy, fa, fb = FORAMEN_MAGNUM_MM
    hole = cylinder(x, y, (fx, fy), (fa, fb))
    return np.minimum(cavity + thickness, np.maximum(-hole, z + 52))


def skin(
    x: FloatArray, y: FloatArray, z: FloatArray, table: FloatArray, vault_mm: float, traits: HeadTraits
) -> FloatArray:
    """(N,) depth below the skin."""
    ax = np.abs(x)
    temporalis = np.exp(-(((y - 22) / 26) ** 2) - ((z + 16) / 26) ** 2) * np.clip((ax - 30) / 20, 0, 1)
    scalp = table + (f32(vault_mm + traits.scalp_mm) + 6.0 * temporalis)
    # Round in the middle, wide below the ears.
    neck_width = np.interp(z, [-112, -70], [57 * traits.neck_scale, 67]).astype(np.float32)
    neck = np.minimum(cylinder(x * (57 / neck_width), y, (0, -20), (57, 58 * traits.neck_scale)), -48 - z)
    front = np.interp(z, _PROFILE_Z, _PROFILE_Y).astype(np.float32)
    width = np.interp(z, _PROFILE_Z, _HALF_WIDTH).astype(np.float32) + f32(0.5 * (traits.fat_mm - 4.5))
    ahead = np.maximum(y - 10, 0) / (front - 10)
    radius = ((ax / width) ** 2 + ahead**2.6) ** f32(0.5)
    jawline = z + 158 - 0.42 * (92 - y) + 0.1 * (y - 40)
    face = np.minimum(np.minimum((1 - radius) * width * 0.8, -6 - z), np.minimum(jawline, y + 30))
    body = joined(joined(scalp, neck, 16), face, 10)
    nose = tube(x, y, z, [(0, 88, -32), (0, 103, -68), (0, 99, -76)], [5.0, 8.0, 7.5])
    alae = ellipsoid(ax, y, z, (8.5, 96, -75), (7, 9, 6.5))
    body = joined(body, np.maximum(nose, alae), 6)
    socket = ellipsoid(ax, y, z, (31, 100, -42), (16, 13, 12))
    body = np.minimum(body, joined(-socket, ellipsoid(ax, y, z, (31, 77, -42), (15, 14.5, 14.5)), 3))
    ear = np.minimum(ellipsoid(ax, y, z, (75, -24, -50), (5, 15, 30)), 3 - np.abs(ax - 70 + 0.35 * y))
    return np.maximum(body, ear)
