"""Bodies as signed depths: float32 functions of x, y, z that are positive inside and fall by about 1 per mm."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

Point = tuple[float, float, float]


def f32(value: float) -> np.float32:
    return np.float32(value)


def ellipsoid(x: FloatArray, y: FloatArray, z: FloatArray, centre: Point, half_axes: Point) -> FloatArray:
    """Depth in an ellipsoid, exact at its surface to first order."""
    a, b, c = (1 / f32(axis) for axis in half_axes)
    u, v, w = (x - f32(centre[0])) * a, (y - f32(centre[1])) * b, (z - f32(centre[2])) * c
    value = np.sqrt(u * u + v * v + w * w)
    slope = np.sqrt((u * a) ** 2 + (v * b) ** 2 + (w * c) ** 2)
    return (1 - value) * value / np.maximum(slope, f32(1e-3))


def cylinder(u: FloatArray, v: FloatArray, centre: tuple[float, float], half_axes: tuple[float, float]) -> FloatArray:
    """Depth in an elliptic cylinder, across whose axis u and v run."""
    a, b = (1 / f32(axis) for axis in half_axes)
    u, v = (u - f32(centre[0])) * a, (v - f32(centre[1])) * b
    value = np.sqrt(u * u + v * v)
    slope = np.sqrt((u * a) ** 2 + (v * b) ** 2)
    return (1 - value) * value / np.maximum(slope, f32(1e-3))


def block(
    x: FloatArray, y: FloatArray, z: FloatArray, centre: Point, half_edges: Point, round_mm: float = 0.0
) -> FloatArray:
    """Depth in a cuboid with rounded edges."""
    outside, within = None, None
    for value, middle, half in zip((x, y, z), centre, half_edges, strict=True):
        beyond = np.abs(value - f32(middle)) - f32(half - round_mm)
        positive = np.square(np.maximum(beyond, 0))
        outside = positive if outside is None else outside + positive
        within = beyond if within is None else np.maximum(within, beyond)
    assert outside is not None
    assert within is not None
    return f32(round_mm) - np.sqrt(outside) - np.minimum(within, 0)


def tube(
    x: FloatArray, y: FloatArray, z: FloatArray, points: Sequence[Point], radii: Sequence[float] | float
) -> FloatArray:
    """Depth in a chain of capsules through `points`, whose radius changes evenly from one to the next."""
    radius = [float(radii)] * len(points) if isinstance(radii, int | float) else [float(r) for r in radii]
    best: FloatArray | None = None
    for (a, ra), (b, rb) in zip(
        zip(points, radius, strict=True), zip(points[1:], radius[1:], strict=False), strict=False
    ):
        ax, ay, az = x - f32(a[0]), y - f32(a[1]), z - f32(a[2])
        dx, dy, dz = (f32(q - p) for p, q in zip(a, b, strict=True))
        along = np.clip((ax * dx + ay * dy + az * dz) / (dx * dx + dy * dy + dz * dz), 0, 1)
        distance = np.sqrt((ax - along * dx) ** 2 + (ay - along * dy) ** 2 + (az - along * dz) ** 2)
        depth = f32(ra) + along * f32(rb - ra) - distance
        best = depth if best is None else np.maximum(best, depth)
    assert best is not None
    return best


def joined(a: FloatArray, b: FloatArray, round_mm: float) -> FloatArray:
    """Union of two bodies, their seam filled by a fillet of about `round_mm`."""
    share = np.clip(f32(round_mm) - np.abs(a - b), 0, None) / f32(round_mm)
    return np.maximum(a, b) + share * share * f32(round_mm / 4)


def blend(hu: FloatArray, depth: FloatArray, value: FloatArray | float, edge_mm: float = 0.6) -> None:
    """Fill a body into `hu` in place; its surface is `edge_mm` wide, as a voxel that is partly filled shows it."""
    share = np.clip(depth * f32(1 / edge_mm) + f32(0.5), 0, 1)
    share *= value - hu
    hu += share


def fill_bone(
    hu: FloatArray,
    depth: FloatArray,
    cortex_mm: float,
    cortex_hu: float,
    marrow_hu: FloatArray | float,
    edge_mm: float = 0.6,
) -> None:
    """Fill a bone with its dense shell and its marrow into `hu` in place."""
    inner = np.clip((depth - f32(cortex_mm)) * f32(1.2) + f32(0.5), 0, 1)
    blend(hu, depth, f32(cortex_hu) + inner * (marrow_hu - f32(cortex_hu)), edge_mm)
