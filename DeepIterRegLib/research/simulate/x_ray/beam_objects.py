"""Things in the beam that are neither head nor contrast: tubes and plates, in the head's frame (RAS, mm)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import centreline

STEEL_BONE = 40.0
"""1000 HU of bone that attenuate like steel, at both of the detector's energies within a tenth: 2.86 and 0.95 per mm
(NIST's tables; Hubbell and Seltzer 1995)."""
PLASTIC_WATER = 1.25
"""Density of PVC or silicone, relative to water."""
MARKED_BONE, STRIPE_BONE = 0.7, 2.8
"""1000 HU of the barium in a shunt's wall, and in a tube's stripe."""
LIPS_Y_MM, THROAT_Y_MM = 100.0, 26.0
POINT_MM = 0.6
"""Distance of a plate's points."""
STRIDES = (0.7548776662466927, 0.5698402909980532)
"""Of the two-dimensional sequence that fills an area most evenly (powers of 1 / 1.3247..., the root of x^3 = x + 1)."""


@dataclass(frozen=True, eq=False)
class BeamTube:
    """Something long and round."""

    points_mm: FloatArray
    """(N, 3) centreline."""
    radius_mm: float
    water: float = 0.0
    """Density relative to water; negative takes away what another tube has there."""
    bone: float = 0.0
    """Attenuation as 1000 HU of bone, over that of water."""


@dataclass(frozen=True, eq=False)
class BeamPlate:
    """Something flat and thin, as points."""

    points_mm: FloatArray
    """(N, 3)"""
    volume_mm3: float
    """Of a point: its area times the plate's thickness."""
    water: float = 0.0
    bone: float = 0.0


@dataclass(frozen=True, eq=False)
class BeamObject:
    """One thing with all of its parts."""

    name: str
    parts: tuple[BeamTube | BeamPlate, ...]
    with_head: bool = False
    """Whether it moves with the head; otherwise it stays where it is in all frames."""


def headrest(rng: np.random.Generator) -> BeamObject:
    """A shell of carbon fibre below the head, filled with foam."""
    half_width, below = float(rng.uniform(75, 110)), float(rng.uniform(-112, -102))
    depth, thickness = float(rng.uniform(25, 70)), float(rng.uniform(1.2, 2.5))
    low, high = float(rng.uniform(-150, -90)), float(rng.uniform(40, 120))
    # Flat in the middle, rising at both sides.
    across = np.linspace(-1, 1, 500)
    profile = np.stack([half_width * across, below + depth * np.abs(across) ** float(rng.uniform(2.5, 5))], axis=1)
    shell = _extruded(profile, low, high, thickness, water=1.45)
    foam_mm = float(rng.uniform(10, 25))
    foam = [
        _extruded(profile + [0, up], low + 5, high - 5, foam_mm / 4, water=0.06) for up in foam_mm * np.arange(1, 5) / 4
    ]
    rim = [
        BeamTube(centreline([np.array([x, y, low]), np.array([x, y, high])], 0.5), 2.0, water=1.45)
        for x, y in (profile[0], profile[-1])
    ]
    return BeamObject("headrest", (shell, *foam, *rim))


def table(rng: np.random.Generator) -> BeamObject:
    """The end of the table's top: two skins of carbon fibre around foam, and a frame of denser material."""
    top, end = float(rng.uniform(-130, -112)), float(rng.uniform(-140, -60))
    thick_mm = float(rng.uniform(20, 40))
    half_mm = float(rng.uniform(150, 220))
    line = np.stack([np.linspace(-half_mm, half_mm, 600), np.full(600, top)], axis=1)
    skins = [_extruded(line - [0, down], end - 150, end, 1.5, water=1.45) for down in (0.0, thick_mm)]
    layers = np.linspace(0, thick_mm, 9)
    core = [_extruded(line - [0, down], end - 150, end, thick_mm / 9, water=0.06) for down in layers]
    edge = [_extruded(line - [0, down], end, end + 4, 4.0, water=1.3) for down in np.arange(0, thick_mm, 0.8)]
    return BeamObject("table", (*skins, *core, *edge))


def leads(rng: np.random.Generator) -> BeamObject:
    """One to three cables of the ECG or of other monitors across the field, each perhaps with an electrode."""
    parts: list[BeamTube | BeamPlate] = []
    for _ in range(int(rng.integers(1, 4))):
        side = float(rng.choice([-1.0, 1.0]))
        start = np.array([side * rng.uniform(70, 110), rng.uniform(-60, 60), -230.0])
        sticks = rng.random() < 0.5
        # Without an electrode on the skin a cable leaves the field.
        end = np.array([side * rng.uniform(80, 130), rng.uniform(-110, 60), rng.uniform(-60, 90) if sticks else 260.0])
        way = [start + (end - start) * share + rng.normal(0, (6, 22, 12)) for share in (0.3, 0.55, 0.8)]
        path = centreline([start, *way, end])
        parts += [BeamTube(path, 1.3, water=PLASTIC_WATER), BeamTube(path, 0.35, bone=0.6 * STEEL_BONE)]
        if sticks:
            parts += _electrode(path[-1], side, rng)
    return BeamObject("leads", tuple(parts))


def pins(rng: np.random.Generator, scale: tuple[float, float, float]) -> BeamObject:
    """One to five hair pins of bent wire on the scalp."""
    parts = []
    for _ in range(int(rng.integers(1, 6))):
        towards = np.array(
            [rng.choice([-1.0, 1.0]) * rng.uniform(0.3, 1), rng.uniform(-1, 0.3), rng.uniform(-0.3, 0.9)]
        )
        middle = towards / np.linalg.norm(towards / np.array([81.0, 97.0, 78.0])) * scale
        normal = middle / np.linalg.norm(middle)
        along = np.cross(normal, rng.normal(0, 1, 3))
        along /= np.linalg.norm(along)
        beside = np.cross(normal, along)
        half = float(rng.uniform(20, 32))
        ends = [middle + sign * half * along + gap * beside for gap, sign in ((0, -1), (0, 1), (4, 1), (4, -1))]
        bend = middle + (half + 2.5) * along + 2 * beside
        parts.append(BeamTube(_polyline([ends[0], ends[1], bend, ends[2], ends[3]]), 0.5, bone=STEEL_BONE))
    return BeamObject("pins", tuple(parts), with_head=True)


def tubes(rng: np.random.Generator) -> BeamObject:
    """A tracheal tube, a gastric tube, or both; their stripes hold barium."""
    kind = rng.random()
    parts: list[BeamTube | BeamPlate] = []
    if kind < 0.75:
        x = float(rng.normal(0, 12))
        way = [
            (x, 150, -112),
            (x, 104, -103),
            (0.6 * x, 60, -101),
            (0, 22, -106),
            (0, 10, -122),
            (0, 9, -150),
            (0, 8, -230),
        ]
        parts += _hollow_tube(way, float(rng.uniform(4.6, 5.8)), 1.5)
    if kind > 0.4:
        side = float(rng.choice([-1.0, 1.0]))
        way = [(8 * side, 135, -92), (7 * side, 103, -77), (6 * side, 60, -73), (5 * side, 24, -76),
               (4 * side, 6, -100), (2 * side, 1, -150), (0, 0, -230)]  # fmt: skip
        parts += _hollow_tube(way, float(rng.uniform(2.2, 3.0)), 1.0)
    return BeamObject("tubes", tuple(parts), with_head=True)


def _hollow_tube(
    way: Sequence[tuple[float, float, float]], radius_mm: float, wall_mm: float
) -> list[BeamTube | BeamPlate]:
    path = centreline(np.array(way, dtype=np.float64), 0.5)
    stripe = path + [radius_mm - wall_mm / 2, 0, 0]
    # Between lips and throat tongue and cheeks lie around it, elsewhere air.
    in_mouth = path[(path[:, 1] > THROAT_Y_MM) & (path[:, 1] < LIPS_Y_MM)]
    return [
        BeamTube(path, radius_mm, water=PLASTIC_WATER),
        BeamTube(path, radius_mm - wall_mm, water=-PLASTIC_WATER),
        BeamTube(in_mouth, radius_mm, water=-1.0),
        BeamTube(stripe, 0.7, bone=STRIPE_BONE),
    ]


def _electrode(middle: FloatArray, side: float, rng: np.random.Generator) -> list[BeamTube | BeamPlate]:
    """A disc of gel with a metal snap, facing sideways or so."""
    normal = np.array([side, rng.normal(0, 0.4), rng.normal(0, 0.4)])
    normal /= np.linalg.norm(normal)

    def coin(radius_mm: float, thick_mm: float, water: float, bone: float) -> BeamTube:
        ends = np.stack([middle - normal * thick_mm / 4, middle + normal * thick_mm / 4])  # each fills its half
        return BeamTube(ends, radius_mm, water, bone)

    return [coin(16.0, 1.5, 1.1, 0.0), coin(4.5, 1.2, 0.0, 0.4 * STEEL_BONE), coin(2.0, 4.0, 0.0, 0.8 * STEEL_BONE)]


def _extruded(profile_mm: FloatArray, low_mm: float, high_mm: float, thick_mm: float, water: float) -> BeamPlate:
    """A plate whose section across the body is a line (N, 2) of x, y, from one height to another."""
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(profile_mm, axis=0), axis=1))])
    area = float(arc[-1]) * (high_mm - low_mm)
    number = np.arange(int(area / POINT_MM**2))
    # Points on a raster would beat with the detector's.
    along, up = (number * stride % 1.0 for stride in STRIDES)
    x, y = (np.interp(along * arc[-1], arc, profile_mm[:, axis]) for axis in (0, 1))
    points = np.stack([x, y, low_mm + up * (high_mm - low_mm)], axis=1)
    return BeamPlate(points, area * thick_mm / len(points), water=water)


def _polyline(corners: Sequence[FloatArray]) -> FloatArray:
    """(N, 3) points every 0.4 mm or so along straight pieces."""
    return np.concatenate([
        a + np.linspace(0, 1, max(2, int(np.linalg.norm(b - a) / 0.4)))[:, None] * (b - a)
        for a, b in pairwise(corners)
    ])  # fmt: skip
