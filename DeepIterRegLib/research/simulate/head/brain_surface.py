"""The surface of one cerebral hemisphere (or cerebellum) of the template, folded, for cortical vessels to run on.

Template frame (head_shape.py). Sheets: the convexity, a few mm inside the inner table; the medial surface along the
falx; the base on the anterior and middle fossa and the tentorium. Sulci are the borders between randomly placed gyri:
real ones differ between people and sides just as much, and arteries run in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.head.head_shape import (
    TEMPLATE_DEPTH_MM,
    TEMPLATE_HALF_LENGTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_MM,
)
from DeepIterRegLib.research.simulate.head.skull import Skull

TEMPLATE_SKULL = Skull(TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM)
PIA_BELOW_TABLE_MM = 3.5
"""From the inner table to the crown of a gyrus: dura and subarachnoid space."""
FALX_HALF_MM = 1.8
GYRUS_MM = 17.0
"""Between the middles of neighbouring gyri."""
SULCUS_HALF_WIDTH_MM = 3.0


def base_mm(x: FloatArray, y: FloatArray) -> FloatArray:
    """Height z of the cerebrum's lower surface: orbital roof, middle fossa, tentorium (rising to its incisura)."""
    side = np.abs(x)
    floor = TEMPLATE_SKULL.floor_mm(np.maximum(y, 0.0)) + 3.5
    tentorium = -26 + 14 * np.exp(-((side / 24) ** 2)) - 0.06 * (y + 40)
    # Behind the petrous ridge the middle fossa's floor goes over into the tentorium.
    blend = 0.5 * (1 + np.tanh((-22 - y) / 9))
    return (1 - blend) * floor + blend * tentorium


def inside_table(points_mm: FloatArray, depth_mm: float = 1.8) -> FloatArray:
    """(N, 3) the points, those less than `depth_mm` below the inner table brought to that depth."""
    near = TEMPLATE_SKULL.depth_below_table(*points_mm.T) < depth_mm
    points = points_mm.copy()
    points[near] = TEMPLATE_SKULL.on_table(points[near], depth_mm) if near.any() else points[near]
    return points


@dataclass(frozen=True, eq=False)
class Hemisphere:
    """One folded hemisphere."""

    sign: float
    """+1 right, -1 left."""
    gyri_mm: FloatArray
    """(G, 3) middles of the gyri."""
    sulcal_depth_mm: float

    @classmethod
    def random(cls, sign: float, rng: np.random.Generator) -> Hemisphere:
        """Gyri about `GYRUS_MM` apart; sulci 8 to 14 mm deep (drawn from general anatomy, not measured)."""
        candidates = _flat_sheets(sign, 2600, rng)
        # Points that keep their distance: each chosen one removes the others around it.
        near = cKDTree(candidates).query_ball_point(candidates, 0.62 * GYRUS_MM)
        free = np.ones(len(candidates), dtype=bool)
        chosen = []
        for number, around in enumerate(near):
            if free[number]:
                chosen.append(number)
                free[around] = False
        return cls(sign, candidates[chosen], float(rng.uniform(8, 14)))

    def sulcus(self, points_mm: FloatArray) -> FloatArray:
        """(N,) 1 in the middle of a sulcus, falling to 0 on the crown of a gyrus."""
        distance = cKDTree(self.gyri_mm).query(points_mm, k=2)[0]
        return np.exp(-(((distance[:, 1] - distance[:, 0]) / SULCUS_HALF_WIDTH_MM) ** 2))

    def onto(self, points_mm: FloatArray) -> FloatArray:
        """(N, 3) the points on the nearest sheet, in the sulci below it."""
        depth = 0.6 * self.sulcal_depth_mm * self.sulcus(points_mm)
        sheets = np.stack(self._projections(points_mm, depth))
        distance = np.linalg.norm(sheets - points_mm, axis=2)
        return np.take_along_axis(sheets, distance.argmin(axis=0)[None, :, None], axis=0)[0]

    def within(self, points_mm: FloatArray) -> FloatArray:
        """(N, 3) the points, those outside the dura or across the falx brought back."""
        points = points_mm.copy()
        points[:, 0] = self.sign * np.maximum(self.sign * points[:, 0], 0.5 * FALX_HALF_MM)
        return inside_table(points)

    def _projections(self, points: FloatArray, depth: FloatArray) -> list[FloatArray]:
        outward = points.copy()
        outward[:, 0] = self.sign * np.maximum(self.sign * points[:, 0], FALX_HALF_MM)
        convex = TEMPLATE_SKULL.on_table(outward, PIA_BELOW_TABLE_MM + depth)
        convex[:, 0] = self.sign * np.maximum(self.sign * convex[:, 0], FALX_HALF_MM)
        medial = points.copy()
        medial[:, 0] = self.sign * (FALX_HALF_MM + 0.7 * depth)
        # The falx ends at the vault: from there the medial sheet goes over into the convexity.
        room = TEMPLATE_SKULL.depth_below_table(*medial.T) - PIA_BELOW_TABLE_MM
        medial = np.where((room < 0)[:, None], convex, medial)
        base = points.copy()
        base[:, 2] = base_mm(points[:, 0], points[:, 1]) + 0.6 * depth
        lowest = base_mm(convex[:, 0], convex[:, 1])
        convex[:, 2] = np.maximum(convex[:, 2], lowest)
        room = TEMPLATE_SKULL.depth_below_table(*base.T) - PIA_BELOW_TABLE_MM
        base = np.where((room < 0)[:, None], convex, base)
        return [convex, medial, base]

    def attractors(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """About `count` points where tissue asks for blood, mostly along the sulci.

        Returns them on the unfolded sheets (N, 3), by which territories are told apart, and in the sulci (N, 3).
        """
        flat = _flat_sheets(self.sign, 3 * count, rng)
        keep = rng.random(len(flat)) < 0.15 + 0.85 * self.sulcus(flat)
        flat = flat[keep][: max(count, 1)]
        return flat, self.onto(flat)


def is_medial(points_mm: FloatArray) -> BoolArray:
    """(N,) True for points of the medial sheet (as `attractors` returns them, unfolded)."""
    return np.abs(points_mm[:, 0]) < FALX_HALF_MM + 0.5


def is_base(points_mm: FloatArray) -> BoolArray:
    """(N,) True for points of the base (unfolded)."""
    return np.abs(points_mm[:, 2] - base_mm(points_mm[:, 0], points_mm[:, 1])) < 0.5


def _flat_sheets(sign: float, count: int, rng: np.random.Generator) -> FloatArray:
    """(about count, 3) points spread over the three sheets by area, in random order."""
    direction = rng.normal(size=(2 * count, 3))
    direction[:, 0] = sign * np.abs(direction[:, 0])
    a, b, c = TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM
    unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    # Density of area of the ellipsoid relative to the sphere's, to spread evenly.
    stretch = np.sqrt((b * c * unit[:, 0]) ** 2 + (a * c * unit[:, 1]) ** 2 + (a * b * unit[:, 2]) ** 2) / (b * c)
    unit = unit[rng.random(len(unit)) < stretch]
    convex = TEMPLATE_SKULL.on_table(unit * [a, b, c], PIA_BELOW_TABLE_MM)
    convex = convex[(convex[:, 2] > base_mm(convex[:, 0], convex[:, 1])) & (np.abs(convex[:, 0]) > FALX_HALF_MM + 1)]
    # Shares of convexity, medial surface and base: roughly their areas.
    convex = convex[: int(0.62 * count)]
    y, z = rng.uniform(-b, b, 4 * count), rng.uniform(-30, c, 4 * count)
    medial = np.stack([np.full(len(y), sign * FALX_HALF_MM), y, z], axis=1)
    inside = TEMPLATE_SKULL.depth_below_table(*medial.T) > PIA_BELOW_TABLE_MM
    above = z > np.maximum(base_mm(medial[:, 0], y), -20)
    # Corpus callosum, ventricles and thalamus have no cortex.
    hole = ((y - 2) / 42) ** 2 + ((z - 6) / 24) ** 2 < 1
    medial = medial[inside & above & ~hole & ~((z < 8) & (np.abs(y + 5) < 32))][: int(0.22 * count)]
    x, y = sign * rng.uniform(4, a, 4 * count), rng.uniform(-b, b, 4 * count)
    base = np.stack([x, y, base_mm(x, y)], axis=1)
    inside = TEMPLATE_SKULL.depth_below_table(*base.T) > PIA_BELOW_TABLE_MM
    # Between the temporal lobes lie the sella and the brain stem.
    cortex = (np.abs(x) > 18) | (y > 26) | (y < -40)
    base = base[inside & cortex][: int(0.16 * count)]
    return rng.permutation(np.concatenate([convex, medial, base]))
