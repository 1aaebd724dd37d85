"""The growing list of a patient's veins, in the template's frame, from the jugular veins up to the twigs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVeins
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side, Vessel, centreline, tapered, tortuous

SIDES: tuple[tuple[Side, float], ...] = (("right", 1.0), ("left", -1.0))
"""Name and sign of x."""
DURA_MM = 0.6
"""Between the inner table and the lumen of a sinus."""
WALL_MM = 2.5
"""How far inside the inner table the centrelines of veins stay that do not follow it."""
JOIN_MM = 6.0
"""Over this length a vein bends to meet the one that it opens into."""


class VenousTree:
    """Veins, every one after the vein that it drains into. Indices are those of the patient's list of all vessels."""

    def __init__(self, shape: HeadShape, rng: np.random.Generator, first: int, given: GivenVeins | None = None) -> None:
        self.rng, self.first = rng, first
        self.given: GivenVeins = given or {}
        """Real ones, by name, that are not to be drawn."""
        self.vessels: list[Vessel] = []
        self.variants: dict[str, str] = {}
        # A depth of the template shrinks with the head, radii do not.
        self._depth_scale = 1 / min(shape.scale)

    def __getitem__(self, index: int) -> Vessel:
        return self.vessels[index - self.first]

    def add(
        self, name: str, side: Side, points_mm: FloatArray, radii_mm: Sequence[float] | FloatArray, into: int | None,
        *, upstream: int | None = None, follows_skull: bool = False,
    ) -> int:  # fmt: skip
        """Append a vein that drains `into` another; returns its index.

        points_mm: (N, 3) centreline, with the blood. radii_mm: (N,), or fewer values that are spread evenly.
        """
        trunk = name.removesuffix(" tributary")
        full = name if side == "middle" else f"{trunk} {side}{name[len(trunk) :]}"
        radii: FloatArray = np.asarray(radii_mm, dtype=np.float64)
        if len(radii) != len(points_mm):
            radii = tapered(len(points_mm), *radii)
        self.vessels.append(Vessel(full, points_mm, radii, True, side, upstream, follows_skull, downstream=into))
        return self.first + len(self.vessels) - 1

    def feed(self, index: int, upstream: int) -> None:
        """Note that the vein's first point receives the blood of `upstream`."""
        self.vessels[index - self.first] = replace(self[index], upstream=upstream)

    def add_given(
        self, name: str, side: Side, end: FloatArray, into: int, *, follows_skull: bool = False
    ) -> int | None:
        """Append the given vein of that name and side, led on to its mouth `end` (3,); None where it is not given."""
        vein = self.given.get(name if side == "middle" else f"{name} {side}")
        if vein is None:
            return None
        # A gap to the mouth is filled, a small one bent away.
        gap = float(np.linalg.norm(vein.points_mm[-1] - end))
        way = vein.points_mm[:: round(2.0 / STEP_MM)]
        curve = centreline(np.vstack([way[:-1], end])) if gap > JOIN_MM else joined(vein.points_mm, end)
        radii = np.interp(np.linspace(0, 1, len(curve)), np.linspace(0, 1, len(vein.radii_mm)), vein.radii_mm)
        return self.add(name, side, curve, radii, into, follows_skull=follows_skull)

    def resize(self, index: int, radii_mm: FloatArray) -> None:
        """Give a vein the radii (N,) that its tributaries ask for."""
        self.vessels[index - self.first] = replace(self[index], radii_mm=radii_mm)

    def at(self, index: int, fraction: float) -> FloatArray:
        """(3,) the point at a fraction of a vein's length."""
        points = self[index].points_mm
        return points[round(fraction * (len(points) - 1))]

    def nearest(self, index: int, target: FloatArray) -> FloatArray:
        """(3,) the point of a vein's centreline nearest to the target."""
        points = self[index].points_mm
        return points[int(np.linalg.norm(points - target, axis=1).argmin())]

    def within(self, points_mm: FloatArray, depth_mm: FloatArray | float) -> FloatArray:
        """(N, 3) the points, those nearer than `depth_mm` to the inner table pushed in to that depth."""
        points = np.atleast_2d(points_mm)
        depth = np.broadcast_to(np.asarray(depth_mm) * self._depth_scale, (len(points),))
        outside = TEMPLATE_SKULL.depth_below_table(*points.T) < depth
        return np.where(outside[:, None], TEMPLATE_SKULL.on_table(points, depth), points)

    def along_table(
        self, towards: FloatArray, radii_mm: Sequence[float], wiggle_mm: float, gap_mm: float = DURA_MM
    ) -> FloatArray:
        """(N, 3) smooth curve through the directions (M, 3), its wall `gap_mm` inside the inner table."""
        rough = tortuous(centreline(towards), wiggle_mm, self.rng) if wiggle_mm else centreline(towards)
        depth = (tapered(len(rough), *radii_mm) + gap_mm) * self._depth_scale
        pressed = TEMPLATE_SKULL.on_table(rough, depth)
        return centreline(np.vstack([pressed[:-6:8], pressed[-1:]]))

    def free(
        self, waypoints: Sequence[FloatArray] | FloatArray, wiggle_mm: float, *, intracranial: bool = True
    ) -> FloatArray:
        """(N, 3) smooth wavy curve through waypoints, by default inside the skull; the last point stays."""
        way = np.array(waypoints, dtype=np.float64)
        if intracranial:
            way[:-1] = self.within(way[:-1], WALL_MM)
        curve = centreline(way)
        return joined(tortuous(curve, wiggle_mm, self.rng), curve[-1], 0.4 * STEP_MM * len(curve))


def joined(curve: FloatArray, end: FloatArray, over_mm: float = JOIN_MM) -> FloatArray:
    """The centreline bent over its last `over_mm` so that it ends exactly at `end`."""
    to_end = STEP_MM * np.arange(len(curve) - 1, -1, -1)
    weight = np.clip(1 - to_end / max(over_mm, STEP_MM), 0, 1)
    weight = weight * weight * (3 - 2 * weight)
    return curve + weight[:, None] * (end - curve[-1])


def started(curve: FloatArray, start: FloatArray, over_mm: float = JOIN_MM) -> FloatArray:
    """The centreline bent over its first `over_mm` so that it begins exactly at `start`."""
    return joined(curve[::-1], start, over_mm)[::-1]
