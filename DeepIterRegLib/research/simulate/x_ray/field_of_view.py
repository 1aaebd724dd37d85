"""A field that shows a part of the head: a smaller area of the detector, and blades that come in from two sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.research.simulate.x_ray.shutter import Shutter

SEEN: dict[Literal["zoomed", "collimated"], tuple[float, float]] = {"zoomed": (0.25, 0.5), "collimated": (0.5, 0.8)}
"""Share of the head's shadow that is left in the field."""
BY_BLADES = (0.55, 1.0)
"""Share of what the zoomed detector shows that blades leave, drawn evenly."""
CELL_MM = 4.0
"""Of the shadow, on the detector."""
MULTIPLE_PX = 16
LEAST_PX = 96


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """What a run shows of the head."""

    carm: CArm
    shutter: Shutter
    seen: float
    """Share of the head's shadow."""


def narrowed(
    kind: Literal["zoomed", "collimated"], carm: CArm, shutter: Shutter, head_to_carm: FloatArray,
    scale: tuple[float, float, float], rng: np.random.Generator,
) -> FieldOfView:  # fmt: skip
    """A field with a drawn share of the head: zoomed by reading a centred part of the detector, collimated by blades.

    head_to_carm: (4, 4). scale: the person's over the template's. A zoomed field lies off the head's middle by how the
    head lies and by blades at two sides: a detector's file can tell a part about its centre only.
    """
    shadow = _shadow_mm(carm, head_to_carm, scale)
    share = float(rng.uniform(*SEEN[kind]))
    if kind == "zoomed":
        wanted = min(share / float(rng.uniform(*BY_BLADES)), 0.95)
        carm = _centre_of(carm, _smallest(lambda part: _seen(shadow, carm, part), wanted))
    free = Shutter() if shutter.shape == "none" else replace(shutter, shape="rectangular", turned_deg=0.0)
    left, upper = (bool(rng.random() < 0.5) for _ in "xy")
    slant = float(rng.uniform(0.3, 1.0))
    across, down = (1.0, slant) if rng.random() < 0.5 else (slant, 1.0)

    def blades(amount: float) -> Shutter:
        """amount: how far the blades have left the field, 0 to 1."""
        x, y = 0.9 * across * (1 - amount), 0.9 * down * (1 - amount)
        return replace(
            free,
            shape="rectangular",
            left=max(free.left, x) if left else free.left,
            right=free.right if left else min(free.right, 1 - x),
            upper=max(free.upper, y) if upper else free.upper,
            lower=free.lower if upper else min(free.lower, 1 - y),
        )

    amount = _smallest(lambda part: _through(shadow, carm, blades(part)), share)
    found = blades(amount)
    return FieldOfView(carm, found, _through(shadow, carm, found))


def _shadow_mm(carm: CArm, head_to_carm: FloatArray, scale: tuple[float, float, float]) -> FloatArray:
    """(N, 2) across and down from the detector's centre: cells that brain, bone and face cover."""
    grid = np.stack(np.meshgrid(*[np.arange(-120.0, 125.0, 6.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    x, y, z = grid.T
    cranium = (x / 73) ** 2 + (y / 90) ** 2 + (z / np.where(z > 0, 71, 62)) ** 2 < 1
    face = (np.abs(x) < 60) & (y > 10) & (y < 92) & (z < 0) & (z > -110)
    points = grid[cranium | face] * scale
    row_mm, column_mm = carm.pixel_spacing_mm
    middle = np.array([(carm.columns - 1) / 2, (carm.rows - 1) / 2])
    at_mm = (project(apply(head_to_carm, points), carm) - middle) * [column_mm, row_mm]
    return np.unique(np.round(at_mm / CELL_MM), axis=0) * CELL_MM


def _seen(shadow_mm: FloatArray, carm: CArm, part: float) -> float:
    half = part * np.array([carm.columns * carm.pixel_spacing_mm[1], carm.rows * carm.pixel_spacing_mm[0]]) / 2
    return float((np.abs(shadow_mm) <= half).all(axis=1).mean())


def _through(shadow_mm: FloatArray, carm: CArm, shutter: Shutter) -> float:
    """Share of the shadow on the detector and inside the blades."""
    places = shadow_mm / [carm.columns * carm.pixel_spacing_mm[1], carm.rows * carm.pixel_spacing_mm[0]] + 0.5
    low, high = np.array([shutter.left, shutter.upper]), np.array([shutter.right, shutter.lower])
    return float(((places >= low) & (places <= high)).all(axis=1).mean())


def _smallest(share: Callable[[float], float], wanted: float) -> float:
    """The smallest part, 0 to 1, whose share reaches what is wanted; 1 where none does."""
    low, high = 0.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= wanted else (middle, high)
    return high


def _centre_of(carm: CArm, part: float) -> CArm:
    """The detector's centre read out alone, with the same pixels."""
    assert carm.primary_angle_deg is not None
    assert carm.secondary_angle_deg is not None
    size = max(LEAST_PX, MULTIPLE_PX * round(part * min(carm.rows, carm.columns) / MULTIPLE_PX))
    return CArm.from_angles(
        carm.primary_angle_deg, carm.secondary_angle_deg, carm.sdd_mm, carm.sid_mm, carm.pixel_spacing_mm, size, size
    )
