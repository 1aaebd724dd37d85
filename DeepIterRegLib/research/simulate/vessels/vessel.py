"""Vessels as centrelines with radii: what a simulated patient is grown from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.interpolate import CubicSpline

from DeepIterRegLib.common.arrays import FloatArray

Side = Literal["left", "right", "middle"]
STEP_MM = 0.4
"""Distance between the points of a centreline: below the smallest voxel, so that painted tubes have no gaps."""


@dataclass(frozen=True, eq=False)
class Vessel:
    """One unbranched stretch of vessel, its points in the direction of the blood."""

    name: str
    points_mm: FloatArray
    """(N, 3) centreline, RAS."""
    radii_mm: FloatArray
    """(N,) radius."""
    is_vein: bool
    side: Side
    upstream: int | None = None
    """Index, in the tree's list, of the vessel whose blood enters at the first point; None where contrast enters
    from outside (an artery of the neck, a vein that drains tissue)."""
    follows_skull: bool = False
    """True for the veins along the inner table: the paper's "veins that surround the skull"."""
    downstream: int | None = None
    """Index of the vessel that the last point opens into (a vein's drain, a communicating artery's far end, the basilar
    artery for a vertebral); None where the blood goes into tissue or leaves the head."""

    @property
    def arc_mm(self) -> FloatArray:
        """(N,) distance of each point from the first, along the vessel."""
        return arc_length_mm(self.points_mm)


def centreline(waypoints_mm: Sequence[FloatArray] | FloatArray, step_mm: float = STEP_MM) -> FloatArray:
    """(N, 3) points every `step_mm` on a smooth curve through (M >= 2, 3) waypoints."""
    waypoints = np.asarray(waypoints_mm, dtype=np.float64)
    # Centripetal knots: a spline on chord lengths overshoots where waypoints are unevenly spaced.
    knots = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(waypoints, axis=0), axis=1)))])
    spline = CubicSpline(knots, waypoints, bc_type="natural") if len(waypoints) > 2 else None
    fine = np.linspace(0, knots[-1], 40 * len(waypoints))
    if spline is not None:
        curve = spline(fine)
    else:
        curve = waypoints[:1] + (fine / knots[-1])[:, None] * (waypoints[1] - waypoints[0])
    return evenly_spaced(curve, step_mm=step_mm)[0]


def arc_length_mm(points_mm: FloatArray) -> FloatArray:
    """(N,) distance of each of (N, 3) points from the first, along them."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1))])


def evenly_spaced(points_mm: FloatArray, *along: FloatArray, step_mm: float = STEP_MM) -> tuple[FloatArray, ...]:
    """(M, 3) points every `step_mm` or so on a line of (N, 3) points, ends kept, and (M,) of each (N,) values."""
    length = arc_length_mm(points_mm)
    even = np.linspace(0, length[-1], max(2, round(length[-1] / step_mm) + 1))
    points = np.stack([np.interp(even, length, points_mm[:, axis]) for axis in range(3)], axis=1)
    return points, *(np.interp(even, length, values) for values in along)


def tortuous(points_mm: FloatArray, amplitude_mm: float, rng: np.random.Generator) -> FloatArray:
    """Bend a centreline by smooth random waves that vanish at its start, so that it stays attached."""
    length_mm = STEP_MM * (len(points_mm) - 1)
    s = np.linspace(0, length_mm, len(points_mm))
    wave = np.zeros_like(points_mm)
    for wavelength_mm, share in ((34.0, 0.6), (17.0, 0.5), (9.0, 0.28)):
        phase = rng.uniform(0, 2 * np.pi, 3)
        wave += share * rng.normal(0, 1, 3) * np.sin(2 * np.pi * s[:, None] / wavelength_mm + phase)
    fade_in = np.clip(s / 12.0, 0, 1)[:, None]
    return points_mm + amplitude_mm * fade_in * wave


def tapered(count: int, *radii_mm: float) -> FloatArray:
    """(count,) radii that change evenly along the vessel through the given values."""
    return np.interp(np.linspace(0, len(radii_mm) - 1, count), np.arange(len(radii_mm)), radii_mm)
