"""The midsagittal plane: the one plane in which the bones of a head are nearly their own mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from DeepIterRegLib.common.arrays import BoolArray, FloatArray

BONE_HU = (200.0, 1000.0)
"""Soft tissue, air and headrest are all the same below it; fillings no brighter than bone above."""
BLUR_MM = 2.0
BALL_MM = 95.0
"""About the brain's centre: the skull with its base and the upper face, no jaw, no headrest."""
SEARCH_STEP_MM, FINAL_STEP_MM = 8.0, 6.0
"""Of the lattice of points that are compared with their mirror images."""
DIRECTIONS = 500
"""Of the search, 8 degrees apart; the midline is seen from 15 degrees away."""
SURE = 0.92
"""NCC of a head with its mirror image: 0.94 to 0.97 measured, 0.63 at most in any plane 30 degrees away; of a vault
alone 0.97, and 0.78 (locally even 0.90) elsewhere."""
LEAST, LEAST_LEAD = 0.7, 0.1
ELSEWHERE_DEG = 30.0
FEW_POINTS = 500


@dataclass(frozen=True, eq=False)
class Midline:
    """A plane, and how well the bones on its two sides match."""

    normal: FloatArray
    """(3,) unit vector, of either sign, mm axes of the patient frame."""
    correlation: float
    """NCC, at most 1."""


def find_midline(
    hu: FloatArray, kji_to_ras: FloatArray, centre_mm: FloatArray, likely: FloatArray, usual_deg: float
) -> Midline | None:
    """The plane through about `centre_mm` (3,) that mirrors the bones of `hu` (k, j, i); None where none does,
    or where it is not clear which.

    kji_to_ras: (4, 4) index (k, j, i, 1) to the patient frame, mm. likely: (3,) the normal that is tried first; every
    direction is searched where it is not good enough, or is turned by more than `usual_deg`.
    """
    bones = _Bones.of(hu, kji_to_ras, centre_mm)
    found = _refined(bones, likely)
    if found.correlation < SURE or _apart_deg(found.normal, likely) > usual_deg:
        lattice = bones.lattice(SEARCH_STEP_MM)
        directions = _hemisphere(DIRECTIONS)
        values = np.array([bones.correlation(lattice, direction, 0.0) for direction in directions])
        other = _refined(bones, directions[int(np.argmax(values))])
        best = other if other.correlation > found.correlation else found
        far = _apart_deg(directions, best.normal) > ELSEWHERE_DEG
        if best.correlation - float(values[far].max()) < LEAST_LEAD:
            return None
        found = best
    return found if found.correlation >= LEAST else None


def _apart_deg(directions: FloatArray, normal: FloatArray) -> FloatArray:
    """(...) angles, 0 to 90, between planes with these normals (..., 3) and one."""
    return np.degrees(np.arccos(np.clip(np.abs(directions @ normal), 0, 1)))


@dataclass(frozen=True, eq=False)
class _Lattice:
    """Points about the centre and what they show."""

    points_mm: FloatArray
    """(N, 3) from the centre."""
    values: FloatArray
    seen: BoolArray
    """Whether the scan covers them."""


@dataclass(frozen=True, eq=False)
class _Bones:
    """Brightness of bone, blurred, at any point about a centre."""

    blurred: FloatArray
    to_index: FloatArray
    """(4, 4) mm from the centre to (k, j, i, 1)."""

    @classmethod
    def of(cls, hu: FloatArray, kji_to_ras: FloatArray, centre_mm: FloatArray) -> _Bones:
        to_index = np.linalg.inv(kji_to_ras)
        to_index[:3, 3] += to_index[:3, :3] @ centre_mm
        spacing_kji = np.linalg.norm(kji_to_ras[:3, :3], axis=0)
        # Of the ball alone: a field much larger than the head costs nothing.
        reach = (BALL_MM + 4 * BLUR_MM) / spacing_kji
        first = np.clip(np.floor(to_index[:3, 3] - reach), 0, None).astype(int)
        last = np.clip(np.ceil(to_index[:3, 3] + reach) + 1, first + 1, hu.shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        to_index[:3, 3] -= first
        bone = np.clip(hu[box], *BONE_HU) - np.float32(BONE_HU[0])
        return cls(ndimage.gaussian_filter(bone, BLUR_MM / spacing_kji), to_index)

    def at(self, points_mm: FloatArray) -> tuple[FloatArray, BoolArray]:
        """(N,) brightness at (N, 3) points from the centre, and whether the scan covers them."""
        index = points_mm @ self.to_index[:3, :3].T + self.to_index[:3, 3]
        seen = ((index >= 0) & (index <= np.array(self.blurred.shape) - 1)).all(axis=1)
        values: FloatArray = ndimage.map_coordinates(self.blurred, index.T, order=1)
        return values, np.asarray(seen)

    def lattice(self, step_mm: float) -> _Lattice:
        """Points in the ball, `step_mm` apart."""
        steps = np.arange(-BALL_MM, BALL_MM + 1e-6, step_mm)
        points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        points = points[(points**2).sum(axis=1) <= BALL_MM**2]
        return _Lattice(points, *self.at(points))

    def correlation(self, lattice: _Lattice, normal: FloatArray, offset_mm: float) -> float:
        """NCC of the bones with their mirror image, as far as the scan covers both; -1 where that is hardly anything.

        normal: (3,) unit vector. offset_mm: of the plane from the centre, along it.
        """
        mirrored = lattice.points_mm - 2 * (lattice.points_mm @ normal - offset_mm)[:, None] * normal
        values, seen = self.at(mirrored)
        seen &= lattice.seen
        if np.count_nonzero(seen) < FEW_POINTS:
            return -1.0
        one, other = lattice.values[seen], values[seen]
        one, other = one - one.mean(), other - other.mean()
        scale = float(np.sqrt((one @ one) * (other @ other)))
        return float(one @ other) / scale if scale > 0 else -1.0


def _refined(bones: _Bones, normal: FloatArray) -> Midline:
    """The best plane near `normal`."""
    lattice = bones.lattice(FINAL_STEP_MM)
    across = np.linalg.svd(normal[None])[2][1:]  # two unit vectors in the plane

    def turned(unknowns: FloatArray) -> FloatArray:
        direction: FloatArray = normal + unknowns[:2] @ across
        return direction / np.linalg.norm(direction)

    simplex = np.array([[0, 0, 0], [0.15, 0, 0], [0, 0.15, 0], [0, 0, 0.5]])  # rad and cm
    best = optimize.minimize(
        lambda unknowns: -bones.correlation(lattice, turned(unknowns), 10 * unknowns[2]),
        np.zeros(3),
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.003, "fatol": 2e-4, "maxfev": 90},
    )
    return Midline(turned(best.x), float(-best.fun))


def _hemisphere(count: int) -> FloatArray:
    """(count, 3) unit vectors spread evenly over half of all directions (a Fibonacci spiral)."""
    number = np.arange(count) + 0.5
    up = 1 - number / count
    around = np.pi * (1 + np.sqrt(5)) * number
    out = np.sqrt(1 - up**2)
    return np.stack([out * np.cos(around), out * np.sin(around), up], axis=1)
