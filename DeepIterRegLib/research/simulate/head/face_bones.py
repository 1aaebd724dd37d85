"""Orbits with their contents, nose, ethmoid, frontal and maxillary sinuses, cheek bones, throat."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail, mirrored
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, block, ellipsoid, f32, fill_bone, tube
from DeepIterRegLib.research.simulate.head.temporal_bone import AIR_HU, air_cells
from DeepIterRegLib.research.simulate.head.texture import Texture

FAT_HU, MUSCLE_HU, VITREOUS_HU, LENS_HU, SCLERA_HU, NERVE_HU, MUCOSA_HU = -95.0, 55.0, 12.0, 85.0, 60.0, 36.0, 45.0
THIN_BONE_HU = 900.0


def orbits(traits: HeadTraits) -> list[Detail]:
    cortex = traits.cortex_hu

    def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        tissue = hu > -400
        cone = tube(x, y, z, [(12, 28, -32.5), (22, 52, -36), (29, 70, -38.5), (31, 88, -39.5)], [3, 13, 17, 18])
        rim = 87 - y - 0.75 * np.maximum(x - 33, 0) - 0.2 * np.abs(z + 39)
        wall = f32(1.1) + 3.8 * np.clip((x - 36) / 8, 0, 1) + 3.0 * np.exp(-((rim / 5) ** 2)) * (x > 16)
        wall -= 0.6 * np.clip((20 - x) / 6, 0, 1)
        fill_bone(hu, np.minimum(np.minimum(-cone, cone + wall), rim), 1.1, cortex - 150, 450.0)
        inside = np.minimum(cone, 90 - y) * tissue - 5 * (~tissue)
        blend(hu, inside.astype(np.float32), FAT_HU)
        for path, radii in (
            ([(13, 30, -32.5), (35, 52, -36), (43, 70, -39)], [1.0, 2.3, 1.2]),
            ([(13, 30, -32.5), (17, 50, -36), (19.5, 70, -39)], [1.0, 2.3, 1.2]),
            ([(13, 30, -32.5), (24, 52, -28), (31, 73, -26.5)], [1.0, 2.2, 1.0]),
            ([(13, 30, -32.5), (25, 52, -45), (31, 72, -51)], [1.0, 2.3, 1.2]),
        ):
            blend(hu, np.minimum(tube(x, y, z, path, radii), cone), MUSCLE_HU)
        blend(hu, tube(x, y, z, [(31, 64, -39), (23, 47, -36), (12, 27, -32)], 2.0), NERVE_HU)
        globe = ellipsoid(x, y, z, (31, 75, -39), (12.0, 12.2, 12.0))
        blend(hu, globe, SCLERA_HU)
        blend(hu, globe - f32(1.1), VITREOUS_HU)
        blend(hu, ellipsoid(x, y, z, (31, 83.6, -39), (4.6, 2.1, 4.6)), LENS_HU)

    return mirrored((6, 22, -64), (58, 98, -16), paint)


def nose_and_sinuses(traits: HeadTraits, cells: Texture) -> list[Detail]:
    cortex = traits.cortex_hu
    bend = 2.5 * (traits.sphenoid_sinus - 0.95) / 0.2

    def nose(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax = np.abs(x)
        width = np.interp(z, [-76, -66, -52, -34], [12.5, 14.5, 10.0, 3.0]).astype(np.float32)
        cavity = np.minimum(np.minimum(width - ax, np.minimum(y - 32, 97 - y)), np.minimum(z + 76, -33 - z))
        cavity = np.minimum(cavity, 69 - z * f32(0.42) - y)
        fill_bone(
            hu, np.minimum(np.minimum(-cavity, cavity + 1.0), np.minimum(92 - y, -36 - z)), 1.0, THIN_BONE_HU, 700.0
        )
        blend(hu, cavity, MUCOSA_HU)
        blend(hu, cavity - f32(1.0), AIR_HU)
        septum = np.minimum(f32(1.5) - np.abs(x - f32(bend) * np.sin((z + 76) / 14)), cavity + 1)
        blend(hu, septum, 110.0)
        for path, radius in (([(9, 46, -67.5), (9, 86, -68.5)], 4.2), ([(6.5, 48, -56), (6, 78, -55)], 3.0)):
            shell = tube(ax, y, z, path, radius)
            blend(hu, shell, MUCOSA_HU + 15)
            blend(hu, f32(0.6) - np.abs(shell - f32(0.6 * radius)), 420.0)
        ethmoid = block(ax, y, z, (9.0, 54, -39), (6.2, 21, 8.5), 3)
        blend(hu, ethmoid, 300.0)
        air_cells(hu, ethmoid - f32(0.5), cells(x, y, z))
        fill_bone(
            hu,
            tube(ax, y, z, [(2.2, 92.5, -33), (3.6, 99, -48), (3.6, 101, -53)], [2.0, 1.4, 1.0]),
            0.9,
            cortex - 200,
            600.0,
        )
        blend(hu, tube(ax, y, z, [(6.5, 95, -74), (6.5, 99, -82)], [4.0, 4.0]), AIR_HU)
        fill_bone(
            hu,
            np.minimum(tube(ax, y, z, [(10, 89, -40), (17, 82, -58), (17, 84, -72)], [3.2, 2.8, 3.2]), 97 - y),
            1.1,
            cortex - 200,
            500.0,
        )

    def maxilla(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        size = traits.maxillary_sinus[side]
        sinus = block(x, y, z, (29.5, 62, -67), (11.5 * size, 15 * size, 12.5 * size), 8)
        sinus = np.minimum(sinus, 96 - y - 0.75 * x + 6)
        fill_bone(hu, np.minimum(-sinus, sinus + f32(1.4)), 1.2, cortex - 450, 600.0)
        swollen = traits.swollen_mucosa[side]
        level = f32(-67 - 12.5 * size + 25 * size * swollen)
        blend(hu, sinus, 28.0)
        blend(hu, np.minimum(sinus - f32(0.4 + 3 * swollen), z - level), AIR_HU)

    def cheek(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        bone = ellipsoid(x, y, z, (46, 67, -56), (10, 8, 10))
        bone = np.maximum(
            bone, tube(x, y, z, [(51, 64, -54), (62, 44, -52), (66, 22, -50), (61, 4, -47)], [4.5, 3.4, 2.9, 4.0])
        )
        bone = np.maximum(bone, tube(x, y, z, [(48, 68, -50), (50, 70, -30), (47, 73, -20)], [4.0, 3.4, 4.0]))
        fill_bone(hu, bone, 1.5, cortex - 100, 420.0)

    def forehead(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        for sign, size in zip((1, -1), traits.frontal_sinus, strict=True):
            if size < 0.3:
                continue
            sinus = ellipsoid(f32(sign) * x, y, z, (9.5 * size, 84.6, -20 + 4 * size), (10.0 * size, 3.6, 12 * size))
            sinus = np.minimum(sinus, f32(sign) * x + f32(1.5) * np.sin(z / 6) - f32(0.5))
            blend(hu, sinus + f32(1.2), cortex - 100)
            blend(hu, sinus, AIR_HU)

    low_throat = 8.0 * traits.airway_scale

    def throat(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        blend(
            hu,
            tube(
                x,
                y * f32(1.5),
                z,
                [(0, 18, -84), (0, 10, -104), (0, 9, -150)],
                [low_throat + 2, low_throat, low_throat],
            ),
            AIR_HU,
        )
        blend(hu, np.minimum(block(x, y, z, (0, 22, -65), (11, 13, 9), 5), z + 90 - 0.6 * y), AIR_HU)

    return [
        Detail((-22, 28, -88), (22, 112, -26), nose),
        *mirrored((12, 40, -84), (46, 88, -50), maxilla),
        *mirrored((34, -4, -70), (74, 82, -14), cheek),
        Detail((-32, 74, -40), (32, 96, 16), forehead),
        Detail((-16, -6, -155), (16, 38, -52), throat),
    ]
