"""The floor of the cranial cavity as a height map: three fossae, sella, clivus, petrous ridges (template, mm)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray

LOW_MM, HIGH_MM = -110.0, 110.0
"""Extent of the maps along x and y; their cells are 1 mm."""
FORAMEN_MAGNUM_MM = (0.0, -32.0, 15.0, 18.0)
"""Centre x, y and half axes. About 30 x 35 mm across in textbooks."""
MIDLINE_MM = (
    (-60, -65), (-15, -65), (-8, -50), (0, -31), (2.5, -29), (5, -31), (8, -37), (16, -37), (19, -30), (24, -26.5),
    (32, -26), (42, -29.5),
)  # fmt: skip
"""(y, z): foramen magnum, clivus, dorsum, sella, tuberculum, planum, cribriform plate."""


class SkullBase(NamedTuple):
    """Maps (x, y) at 1 mm."""

    floor_mm: FloatArray
    """Height z of the floor."""
    to_depth: FloatArray
    """Height above the floor times this is the distance from it, for where it is steep."""
    thickness_mm: FloatArray


def _step(value: npt.NDArray[np.float64], width: float) -> npt.NDArray[np.float64]:
    return 0.5 + 0.5 * np.tanh(value / width)


@lru_cache(maxsize=1)
def skull_base() -> SkullBase:
    """The template's base. Heights follow `Skull.floor_mm`, along which the vessels are placed."""
    axis = np.arange(LOW_MM, HIGH_MM + 1)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    ax = np.abs(x)
    bump = lambda value, centre, width: np.exp(-(((value - centre) / width) ** 2))  # noqa: E731
    anterior = -25.5 + 6.0 * bump(ax, 30, 13) * bump(y, 58, 20) - 4.0 * _step(7.5 - ax, 2.5) * _step(y - 38, 4)
    middle = -40.5 - 5.5 * bump(ax, 38, 17) * bump(y, 6, 22)
    posterior = -65.0
    sphenoid_ridge = 20 + 0.28 * ax
    petrous_ridge = 3.0 - 0.85 * (np.clip(ax, 11, 44) - 11)
    front, back = _step(y - sphenoid_ridge, 2.0), _step(petrous_ridge - y, 3.5)
    lateral = middle + (anterior - middle) * front + (posterior - middle) * back
    on_ridge = _step(ax - 14, 2) * _step(58 - ax, 5)
    lateral += 7.0 * bump(y, petrous_ridge, 4.0) * on_ridge + 2.5 * bump(y, sphenoid_ridge - 1, 3.0)
    midline = np.interp(axis, *np.array(MIDLINE_MM).T)
    midline = np.where(axis > 42, anterior[len(axis) // 2], midline)
    near_midline = _step(9.5 + 3.0 * _step(-4 - y, 3) - ax, 1.6)
    floor = ndimage.gaussian_filter(lateral + (midline[None] - lateral) * near_midline, 0.8)
    slope = np.hypot(*np.gradient(floor))
    thickness = 4.0 - 1.8 * bump(ax, 30, 14) * bump(y, 55, 18)
    thickness += 1.5 * _step(-20 - y, 5) * _step(30 - np.hypot(x, y + 32), 5)
    thickness += 13.0 * bump(y, petrous_ridge - 2, 8.0) * on_ridge
    thickness += 9.0 * _step(11 - ax, 2) * _step(3 - y, 2) * _step(y + 17, 2)
    thickness = ndimage.gaussian_filter(thickness, 1.0)
    return SkullBase(*(part.astype(np.float32) for part in (floor, 1 / np.hypot(1, slope), thickness)))


def look_up(maps: tuple[FloatArray, ...], x: FloatArray, y: FloatArray) -> list[FloatArray]:
    """The maps' values at (N,) points x, y, bilinear; outside, those of the edge."""
    last = len(maps[0]) - 1
    u, v = np.clip(x - np.float32(LOW_MM), 0, last - 1e-3), np.clip(y - np.float32(LOW_MM), 0, last - 1e-3)
    i, j = u.astype(np.intp), v.astype(np.intp)
    u, v = (u - i).astype(np.float32), (v - j).astype(np.float32)
    flat = i * (last + 1) + j
    values = []
    for image in maps:
        data = np.ascontiguousarray(image).reshape(-1)
        near, far = data[flat], data[flat + last + 1]
        near = near + v * (data[flat + 1] - near)
        far = far + v * (data[flat + last + 2] - far)
        values.append(near + u * (far - near))
    return values
