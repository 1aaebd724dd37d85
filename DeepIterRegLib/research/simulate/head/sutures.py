"""Coronal, sagittal and lambdoid suture."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail, mirrored
from DeepIterRegLib.research.simulate.head.implicit import f32

SUTURE_HU = 250.0
HALF_WIDTH_MM = 0.5


def sutures(shift_mm: float = 0.0) -> list[Detail]:
    """shift_mm: how far behind their usual place the coronal suture, and above it the lambdoid ones, lie."""

    def cut(hu: FloatArray, away_mm: FloatArray) -> None:
        share = np.clip(f32(HALF_WIDTH_MM + 0.5) - np.abs(away_mm), 0, 1)
        np.subtract(hu, share * np.maximum(hu - f32(SUTURE_HU), 0) * f32(0.6), out=hu)

    def teeth(u: FloatArray) -> FloatArray:
        return f32(1.3) * np.sin(u * f32(0.9)) + f32(0.8) * np.sin(u * f32(2.3) + f32(1.0))

    def coronal(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        cut(hu, y - f32(20 - shift_mm) - f32(0.10) * z + teeth(x + z + f32(5 * side)))

    def lambdoid(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray, side: int) -> None:
        cut(hu, z - f32(28 + shift_mm) + f32(0.95) * x + f32(0.1) * y + teeth(x - z + f32(3 * side)))

    def sagittal(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        cut(hu, x + teeth(y))

    return [
        *mirrored((0, 10 - shift_mm, -8), (74, 36 - shift_mm, 76), coronal),
        *mirrored((0, -96, -26 + shift_mm), (56, -50, 32 + shift_mm), lambdoid),
        Detail((-4, -78, 30), (4, 28, 76), sagittal),
    ]
