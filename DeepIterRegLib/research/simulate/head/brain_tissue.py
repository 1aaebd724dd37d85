"""The brain in Hounsfield units: grey and white matter, fissures and sulci, ventricles, cisterns, falx, tentorium."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import blend, cylinder, ellipsoid, f32, tube
from DeepIterRegLib.research.simulate.head.texture import Texture

WHITE_HU, GREY_HU, FLUID_HU, DURA_HU = 29.0, 39.0, 9.0, 58.0
EDGE_MM = 2.0
"""Of everything here: the fields are held at about this spacing."""


def brain_hu(
    x: FloatArray, y: FloatArray, z: FloatArray, cavity: FloatArray, traits: HeadTraits, folds: Texture
) -> FloatArray:
    """(N,) HU at points (N,) of the template, `cavity` mm inside the inner table or the floor."""
    ax = np.abs(x)
    hu = np.full(x.shape, WHITE_HU, dtype=np.float32)
    below_tent, behind_ridge = _below_tentorium(ax, y, z)
    signed = folds(x, y, z)
    fold = np.abs(signed)
    deep = np.maximum(cavity, 0)
    # Sulci reach about 20 mm deep and narrow on the way; the cortex lines them and the surface.
    width = f32(0.10 + 0.22 * traits.atrophy) * np.clip(1.15 - deep / 19, 0, 1)
    gap = f32(1.6 + 2.2 * traits.atrophy)
    ribbon = np.maximum(f32(0.62) * np.clip(1.25 - deep / 24, 0, 1) - fold, (f32(3.5) + gap - deep) / 6)
    blend(hu, ribbon * 4, GREY_HU, 1.0)
    for sign in (-1, 1):
        sx = x * f32(sign)
        for centre, axes in (((11.0, 2.0, -1.0), (6.5, 13.0, 7.5)), ((24.0, 6.0, -4.0), (7.0, 14.0, 9.0)),
                             ((13.0, 16.0, 6.0), (5.0, 9.0, 9.0))):  # fmt: skip
            blend(hu, ellipsoid(sx, y, z, centre, axes), GREY_HU - 1, EDGE_MM)
    blend(hu, (width - fold) * 9, FLUID_HU, EDGE_MM)
    cerebellum = np.minimum(below_tent, behind_ridge)
    blend(hu, cerebellum, 35.0 + 3.0 * np.sign(folds(x * 0.3, y * 0.3, z * 2.2)), EDGE_MM)
    blend(hu, gap - deep, FLUID_HU + 4, EDGE_MM)
    _cisterns(hu, x, ax, y + 2.5 * signed, z + 2.5 * signed, traits)
    _ventricles(hu, x, y, z, traits)
    falx = np.minimum(f32(1.0) - ax, f32(33) - ellipsoid(x, y, z, (0, 2, 0), (66, 80, 60)))
    blend(hu, np.minimum(falx, np.minimum(z + 10 - 0.2 * y, 2 - cerebellum)), DURA_HU, EDGE_MM)
    incisura = np.hypot(ax / 19, np.minimum(y + 16, 0) / 28) - 1
    blend(hu, np.minimum(f32(0.8) - np.abs(below_tent), np.minimum(15 * incisura, behind_ridge)), DURA_HU, EDGE_MM)
    return hu


def _below_tentorium(ax: FloatArray, y: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Depth below the tent's surface, whose ridge is the straight sinus, and behind the petrous ridges, mm."""
    ridge = 8 - 0.83 * np.maximum(-42 - y, 0) - 1.35 * np.maximum(y + 42, 0)
    aside = np.clip(ax / 45, 0, 1)
    surface = ridge + aside * (-27 - ridge)
    behind = 0.75 * (3 - 0.85 * (np.clip(ax, 11, 44) - 11) - y)
    return (0.8 * (surface - z)).astype(np.float32), behind.astype(np.float32)


def _cisterns(hu: FloatArray, x: FloatArray, ax: FloatArray, y: FloatArray, z: FloatArray, traits: HeadTraits) -> None:
    """Interhemispheric and Sylvian fissures and the basal cisterns."""
    more = traits.atrophy
    fissure = np.minimum(f32(1.0 + 1.2 * more) - ax, np.maximum(np.abs(y - 2) - 34, z - 22))
    blend(hu, np.minimum(fissure, z + 28), FLUID_HU + 2, EDGE_MM)
    sylvian = np.minimum(f32(1.8 + 2.2 * more) - np.abs(z + 13 - 0.22 * (y - 10) - 0.15 * (ax - 40)), ax - 28)
    blend(hu, np.minimum(sylvian, np.minimum(y + 34, 32 - y)), FLUID_HU + 2, EDGE_MM)
    insula = np.minimum(f32(1.6 + 1.2 * more) - np.abs(ax - 40), 13 - np.hypot((y - 4) / 1.6, z + 3))
    blend(hu, insula, FLUID_HU + 2, EDGE_MM)
    brainstem = np.maximum(
        cylinder(ax, y - f32(0.35) * (z + 40), (0, -15), (17, 12.5)), ellipsoid(x, y, z, (0, -15, -40), (18, 13, 13))
    )
    around = np.minimum(np.minimum(brainstem + f32(4.5 + 1.5 * more), z + 70), -12 - z)
    blend(hu, around, FLUID_HU, EDGE_MM)
    blend(hu, np.minimum(np.minimum(brainstem, z + 90), -12 - z), 33.0, EDGE_MM)
    blend(hu, ellipsoid(x, y, z, (0, 9, -24), (11, 9, 6)), FLUID_HU, EDGE_MM)
    blend(hu, ellipsoid(x, y, z, (0, 12, -34), (6, 5, 3.5)), 55.0, EDGE_MM)
    blend(hu, ellipsoid(x, y, z, (0, -54, -62), (12, 9, 8)), FLUID_HU, EDGE_MM)
    blend(hu, ellipsoid(x, y, z, (0, -30, -10), (9, 5, 5)), FLUID_HU, EDGE_MM)


def _ventricles(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, traits: HeadTraits) -> None:
    size = traits.ventricle_scale
    for sign in (-1.0, 1.0):
        sx = x * f32(sign)
        body = [(5.0, 34.0, 6.0), (9.0, 20.0, 13.0), (9.5, 0.0, 18.0), (15.0, -22.0, 15.0), (24.0, -34.0, 6.0)]
        radii = [2.5 * size, 6.0 * size, 5.2 * size, 6.0 * size, 7.0 * size]
        blend(hu, tube(sx, y, z, body, radii), FLUID_HU, EDGE_MM)
        blend(hu, tube(sx, y, z, [body[-1], (22.0, -58.0, 2.0)], [5.5 * size, 1.2]), FLUID_HU, EDGE_MM)
        temporal = [body[-1], (32.0, -22.0, -12.0), (31.0, -2.0, -20.0)]
        blend(hu, tube(sx, y, z, temporal, [4.5 * size, 2.0 * size, 1.2 * size]), FLUID_HU, EDGE_MM)
    third = np.minimum(
        f32(traits.third_ventricle_mm / 2 + 0.4) - np.abs(x), ellipsoid(x, y, z, (0, 6, -8), (9, 14, 10))
    )
    blend(hu, third, FLUID_HU, EDGE_MM)
    blend(hu, ellipsoid(x, y, z, (0, -31, -38), (7 * size, 6, 8)), FLUID_HU, EDGE_MM)
