"""Jaws, palate, teeth with fillings, tongue, hyoid bone."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail, mirrored
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, block, ellipsoid, f32, fill_bone, tube
from DeepIterRegLib.research.simulate.head.posture import JOINT_MM

ENAMEL_HU, DENTINE_HU, METAL_HU, TONGUE_HU = 2600.0, 1500.0, 9000.0, 62.0
ARCH_Y_MM, ARCH_HALF_WIDTH_MM, ARCH_HALF_LENGTH_MM = 42.0, 25.0, 44.0
"""Of the dental arch: half an ellipse, straight behind."""
BITE_Z_MM = -105.0
TEETH_DEG = (5.0, 15.5, 27.0, 38.5, 51.0, 66.0, 84.0)
"""Along half an arch from the midline, incisors to second molar."""
CROWN_MM = (3.6, 3.3, 3.6, 3.5, 3.6, 4.8, 4.7)
"""Half widths."""


def arch(x: FloatArray, y: FloatArray, half_width: float, half_length: float, y0: float) -> FloatArray:
    """Distance inside (positive) or outside an arch, mm."""
    ahead = np.maximum(y - f32(y0), 0)
    u, v = x / f32(half_width), ahead / f32(half_length)
    value = np.sqrt(u * u + v * v)
    slope = np.sqrt((u / half_width) ** 2 + (v / half_length) ** 2)
    return ((1 - value) * value / np.maximum(slope, f32(1e-3))).astype(np.float32)


def jaws(traits: HeadTraits, rng: np.random.Generator, opened_deg: float = 0.0) -> list[Detail]:
    """Also draws which teeth are missing or filled. opened_deg: by which the mandible is turned about its joint."""
    cortex, drop = traits.cortex_hu, traits.chin_drop_mm
    names = [(side, upper, number) for side in (1, -1) for upper in (True, False) for number in range(len(TEETH_DEG))]
    # The molars go first.
    order = sorted(range(len(names)), key=lambda n: -names[n][2] + rng.normal(0, 2.5))
    missing = {names[n] for n in order[: traits.missing_teeth]}
    molars = [names[n] for n in order[traits.missing_teeth :] if names[n][2] >= 4]
    filled = set(molars[: traits.fillings])

    def palate(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax = np.abs(x)
        inside = arch(ax, y, ARCH_HALF_WIDTH_MM, ARCH_HALF_LENGTH_MM, ARCH_Y_MM)
        plate = np.minimum(f32(1.7) - np.abs(z + 77.5 + 0.06 * (y - 60)), np.minimum(inside + 2, y - 42))
        ridge = np.minimum(np.minimum(f32(5.5) - np.abs(inside), y - 34), np.minimum(z + 97, -77 - z))
        fill_bone(hu, np.maximum(plate, ridge), 1.0, cortex - 250, 520.0)

    def mandible(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        ax, z = np.abs(x), z + f32(drop)
        body = arch(ax, y, 45.0, 74.0, 8.0)
        lower, upper = -146 + 0.36 * (82 - y), -119 + 0.05 * (82 - y)
        wall = np.minimum(np.minimum(f32(5.5) - np.abs(body), y - 10), np.minimum(z - lower, upper - z))
        dental = arch(ax, y, ARCH_HALF_WIDTH_MM, ARCH_HALF_LENGTH_MM, ARCH_Y_MM)
        ridge = np.minimum(np.minimum(f32(4.6) - np.abs(dental), y - 34), np.minimum(z + 128, -114 - z))
        blend(hu, ellipsoid(x, y, z, (0, 48, -112), (22, 32, 16)), TONGUE_HU, 2.0)
        fill_bone(hu, np.maximum(wall, ridge), 1.9, cortex, 420.0)

    def ramus(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        z = z + f32(drop) * np.clip((-60 - z) / 50, 0, 1)
        middle = f32(50) + f32(0.09) * (z + 56)
        behind, ahead = 4 - 0.10 * (z + 60), 31 - 0.10 * (z + 62)
        plate = np.minimum(
            np.minimum(f32(2.8) - np.abs(x - middle), y - behind), np.minimum(ahead - y, z + 126 - 0.45 * (y - 10))
        )
        notch = np.hypot((y - 17) * f32(0.9), z + 58) - 13
        plate = np.minimum(plate, np.minimum(notch, -58 - z))
        neck = tube(x, y, z, [(49, 3, -72), (50, 0, -60)], [3.2, 3.0])
        head = ellipsoid(x, y, z, (50, -0.5, -56.5), (9, 4.2, 4.5))
        fill_bone(hu, np.maximum(np.maximum(plate, neck), head), 1.6, cortex - 50, 450.0)

    def tooth(side: int, upper: bool, number: int) -> Detail:
        angle = np.radians(TEETH_DEG[number])
        x0 = side * (ARCH_HALF_WIDTH_MM + 1.0) * np.sin(angle)
        y0 = ARCH_Y_MM + (ARCH_HALF_LENGTH_MM + 1.0) * np.cos(angle) - (9.0 if number == 6 else 0.0)
        up, half = (1.0 if upper else -1.0), CROWN_MM[number]
        bite = BITE_Z_MM - (0.0 if upper else drop)
        neck, tip = bite + up * 8.5, bite + up * (24.0 if number == 2 else 20.0)
        front = number < 3
        tangent = np.array([side * ARCH_HALF_WIDTH_MM * np.cos(angle), -ARCH_HALF_LENGTH_MM * np.sin(angle)])
        cos, sin = (f32(value) for value in tangent / np.linalg.norm(tangent))

        def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
            along, across = (x - x0) * cos + (y - y0) * sin, (y - y0) * cos - (x - x0) * sin
            root = tube(x, y, z, [(x0, y0, neck), (x0 * 0.97, y0 - 1, tip)], [0.75 * half, 0.9])
            blend(hu, root + f32(0.5), 150.0)
            fill_bone(hu, root, 0.4, DENTINE_HU, DENTINE_HU)
            thick = half * (0.6 if front else 1.0)
            crown = block(along, across, z, (0.0, 0.0, bite + up * 4.6), (half - 0.2, thick, 4.2), min(thick, 2.2))
            fill_bone(hu, crown, 1.3, ENAMEL_HU, DENTINE_HU)
            if (side, upper, number) in filled:
                blend(hu, ellipsoid(x, y, z, (x0, y0, bite + up * 2.2), (0.65 * half, 0.65 * half, 1.8)), METAL_HU)

        return Detail(
            (x0 - 7, y0 - 7, min(bite, tip) - 2), (x0 + 7, y0 + 7, max(bite, tip) + 2), paint
        )  # fmt: skip

    def hyoid(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        path = [(0, 37, -137), (11, 33, -136), (20, 16, -133)]
        fill_bone(hu, tube(np.abs(x), y, z, path, [3.0, 2.6, 1.6]), 1.0, 700.0, 350.0)

    shown = [name for name in names if name not in missing]
    if not opened_deg:
        return [
            Detail((-34, 34, -99), (34, 92, -74), palate),
            Detail((-54, 4, -160), (54, 94, -100), mandible),
            *mirrored((36, -8, -142), (62, 40, -50), ramus),
            Detail((-24, 10, -143), (24, 42, -128), hyoid),
            *(tooth(*name) for name in shown),
        ]
    moving = [
        Detail((-54, 4, -160), (54, 94, -100), mandible),
        *mirrored((36, -8, -142), (62, 40, -50), ramus),
        *(tooth(*name) for name in shown if not name[1]),
    ]
    return [
        Detail((-34, 34, -99), (34, 92, -74), palate),
        *(opened(detail, opened_deg) for detail in moving),
        Detail((-24, 10, -143), (24, 42, -128), hyoid),
        *(tooth(*name) for name in shown if name[1]),
    ]


def opened(detail: Detail, opened_deg: float) -> Detail:
    """A detail of the mandible where it lies when the mouth is open."""
    cos, sin = np.cos(np.radians(opened_deg)), np.sin(np.radians(opened_deg))
    joint_y, joint_z = JOINT_MM[1:]

    def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        y, z = y - f32(joint_y), z - f32(joint_z)
        detail.paint(hu, x, y * f32(cos) - z * f32(sin) + f32(joint_y), y * f32(sin) + z * f32(cos) + f32(joint_z))

    corners = [
        (y - joint_y, z - joint_z) for y in (detail.low[1], detail.high[1]) for z in (detail.low[2], detail.high[2])
    ]
    ys = [y * cos + z * sin + joint_y for y, z in corners]
    zs = [z * cos - y * sin + joint_z for y, z in corners]
    return Detail((detail.low[0], min(ys), min(zs)), (detail.high[0], max(ys), max(zs)), paint)
