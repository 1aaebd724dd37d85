"""Petrous and mastoid bone with air cells, ear canal and inner ear; sphenoid bone with its sinus, clinoids, dorsum."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail, mirrored
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, block, ellipsoid, f32, fill_bone, tube
from DeepIterRegLib.research.simulate.head.texture import Texture

AIR_HU, SOFT_HU, FLUID_HU = -980.0, 45.0, 12.0
CELL_MM = 2.0
SEPTUM = 0.32
"""Of the texture's standard deviation: half the thickness of the walls between air cells."""


def air_cells(hu: FloatArray, depth: FloatArray, cells: FloatArray) -> None:
    """Hollow out a bone of `depth` mm into air cells, parted by thin walls where the texture `cells` is near 0."""
    blend(hu, np.minimum(depth, (np.abs(cells) - f32(SEPTUM)) * f32(2.2)), AIR_HU)


def temporal_bones(traits: HeadTraits, cells: Texture) -> list[Detail]:
    cortex = traits.cortex_hu

    def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        air = traits.mastoid_air[side]
        pyramid = tube(x, y, z, [(17, 0, -45.5), (31, -13, -46.5), (45, -22, -48)], [5.0, 7.0, 10.5])
        mastoid = np.maximum(
            ellipsoid(x, y, z, (53, -25, -52), (11, 16, 14)), tube(x, y, z, [(54, -26, -55), (50, -25, -74)], [11, 5.0])
        )
        bone = np.maximum(pyramid, mastoid)
        fill_bone(hu, bone, 1.6, cortex + 150, 850.0)
        blend(hu, ellipsoid(x, y, z, (36, -12, -46), (7, 5, 5)), 1950.0)
        texture = cells(x, y * f32(1.0 if side else 1.03), z + f32(40 * side))
        pneumatised = np.minimum(bone - f32(1.3), mastoid * f32(air) + f32(3 * (air - 0.6)))
        air_cells(hu, pneumatised, texture)
        blend(hu, ellipsoid(x, y, z, (48, -19, -44), (4, 4, 4)) + f32(air - 1), AIR_HU)
        blend(hu, tube(x, y, z, [(44, -11, -49), (58, -13, -51), (74, -17, -52)], [3.4, 3.0, 3.5]), AIR_HU)
        blend(hu, ellipsoid(x, y, z, (43, -11, -47), (3, 3, 6)), AIR_HU)
        blend(hu, tube(x, y, z, [(20, -16, -45), (32, -11, -46)], 2.2), FLUID_HU)
        for centre, radius in (((33, -8, -47.5), 2.6), ((38, -13.5, -46), 2.4)):
            blend(hu, ellipsoid(x, y, z, centre, (radius,) * 3), 250.0)
        fill_bone(hu, tube(x, y, z, [(41, -13, -60), (36, -4, -84)], [2.0, 1.0]), 0.8, cortex - 300, 500.0)
        blend(hu, tube(x, y, z, [(29, -23, -54), (29, -18, -66)], [4.5, 5.0]), SOFT_HU)
        blend(hu, tube(x, y, z, [(23, -3, -64), (22, 0, -54)], 3.0), SOFT_HU)

    return mirrored((10, -50, -86), (76, 12, -33), paint)


def sphenoid_bone(traits: HeadTraits) -> list[Detail]:
    size = traits.sphenoid_sinus
    cortex = traits.cortex_hu
    septum = 3.0 * (size - 0.95)

    def body(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax = np.abs(x)
        core = block(x, y, z, (0, 22, -42), (10.5, 16, 12), 7)
        fill_bone(hu, np.minimum(core, -27.5 - z), 1.0, cortex - 200, 420.0)
        sinus = block(x, y, z, (0, 25, -40.5), (9.2 * size, 12.5, 9.0 * min(size, 1.05)), 4)
        below_sella = block(x, y, z, (0, 12, -44.5), (7.5 * size, 7.0 * size, 5.0), 3)
        sinus = np.minimum(np.maximum(sinus, below_sella), np.abs(x - f32(septum)) - f32(0.5))
        blend(hu, sinus, AIR_HU)
        fill_bone(hu, block(x, y, z, (0, 3.5, -33), (7.5, 1.4, 4.5), 1), 0.9, cortex - 250, 500.0)
        fill_bone(hu, ellipsoid(ax, y, z, (6.8, 3.8, -29), (2.1, 1.9, 2.2)), 0.9, cortex - 250, 500.0)
        fill_bone(hu, tube(ax, y, z, [(18, 24, -26.5), (11, 16.5, -25.5)], [2.4, 1.4]), 1.0, cortex - 100, 500.0)

    def wing(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        ridge = tube(x, y, z, [(16, 24, -26.5), (34, 30, -27), (50, 34.5, -28)], [2.2, 1.9, 2.2])
        fill_bone(hu, ridge, 1.1, cortex, 500.0)
        medial = f32(0.8) - np.abs(x - f32(13.5) - f32(0.12) * (y - 30))
        lateral = f32(0.9) - np.abs(x - f32(17) - f32(0.3) * (30 - y))
        plates = np.minimum(np.maximum(medial, lateral), np.minimum(y - 21, 34 - y))
        blend(hu, np.minimum(plates, np.minimum(z + 78, -50 - z)), cortex - 500)

    return [Detail((-22, -4, -58), (22, 42, -24), body), *mirrored((9, 18, -80), (56, 42, -18), wing)]
