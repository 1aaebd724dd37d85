"""Occipital condyles, cervical vertebrae with discs, spinal canal and cord."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, cylinder, ellipsoid, f32, fill_bone, tube

DISC_HU, FLUID_HU, CORD_HU, LIGAMENT_HU = 90.0, 12.0, 36.0, 70.0
BODIES_Z_MM = (-108.0, -123.5, -139.0)
"""Middles of the third to fifth vertebral body."""
HALF_BODY_MM = 5.8
CORTEX_MM = 0.9


def neck_bones(traits: HeadTraits) -> list[Detail]:
    """The transverse foramina are left to the vertebral arteries, which make their own way when they are painted."""
    cortex, marrow = traits.cortex_hu - 350, 0.35 * traits.marrow_hu + 50

    def bone(hu: FloatArray, depth: FloatArray) -> None:
        fill_bone(hu, depth, CORTEX_MM, cortex, marrow)

    def canal(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        dura = cylinder(x, y, (0, -34), (11.5, 8.0)) + np.clip((z + 82) / 8, 0, 1)
        blend(hu, dura + f32(1.5), LIGAMENT_HU)
        blend(hu, dura, FLUID_HU)
        blend(hu, cylinder(x, y, (0, -33.5), (6.6, 4.4)), CORD_HU)

    def upper(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax = np.abs(x)
        bone(hu, ellipsoid(ax, y, z, (16, -19, -68), (5, 10, 5)))
        bone(hu, ellipsoid(ax, y, z, (20, -22, -78.5), (8, 8, 5.5)))
        arch = tube(ax, y, z, [(14, -14, -78), (6, -9.5, -78), (0, -8.5, -78)], [3.2, 3.4, 3.6])
        arch = np.maximum(arch, tube(ax, y, z, [(22, -28, -78), (17, -39, -79), (0, -46, -80)], [3.4, 2.8, 3.4]))
        bone(hu, np.maximum(arch, ellipsoid(ax, y, z, (32, -25, -79), (8, 4.5, 4))))
        axis = tube(x, y, z, [(0, -15, -92), (0, -15.5, -76)], [5.8, 4.9])
        base = np.minimum(cylinder(ax, y, (0, -17), (12, 8.5)), np.minimum(-86 - z, z + 99))
        bone(hu, np.maximum(axis, base))
        bone(hu, ellipsoid(ax, y, z, (17, -22, -88), (8.5, 7.5, 3.6)))
        back = tube(ax, y, z, [(18, -33, -94), (13, -41, -96), (0, -46.5, -97)], [4.6, 3.2, 3.6])
        bone(hu, np.maximum(back, tube(ax, y, z, [(0, -48, -97), (4, -63, -103)], [4.0, 3.6])))

    def lower(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax = np.abs(x)
        column = cylinder(ax, y, (0, -17), (12.0, 8.8))
        blend(hu, np.minimum(column - f32(0.6), z + 146), DISC_HU)
        for middle in BODIES_Z_MM:
            bone(hu, np.minimum(column, f32(HALF_BODY_MM) - np.abs(z - f32(middle))))
            pillar = cylinder(ax, y, (20.5, -34), (5.5, 6.5))
            bone(hu, np.minimum(pillar, f32(6.4) - np.abs(z - f32(middle) - f32(0.7) * (y + 34))))
            wing = tube(ax, y, z, [(12, -22, middle), (22, -23, middle - 2)], [3.4, 3.0])
            bone(hu, np.maximum(wing, tube(ax, y, z, [(13, -27, middle), (20, -31, middle)], [3.0, 3.4])))
            back = tube(
                ax, y, z, [(18, -36, middle - 1), (12, -42, middle - 3), (0, -46.5, middle - 4)], [3.2, 2.6, 3.0]
            )
            bone(hu, np.maximum(back, tube(ax, y, z, [(0, -47, middle - 4), (3, -60, middle - 10)], [3.0, 2.6])))

    return [
        Detail((-14, -46, -152), (14, -24, -64), canal),
        Detail((-42, -76, -104), (42, -2, -62), upper),
        Detail((-28, -73, -152), (28, -6, -98), lower),
    ]
