"""What neurosurgeons leave in a head, in the X-ray alone: a shunt, electrodes for deep brain stimulation."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.research.simulate.vessels.vessel import centreline
from DeepIterRegLib.research.simulate.x_ray.beam_objects import (
    MARKED_BONE,
    PLASTIC_WATER,
    STEEL_BONE,
    BeamObject,
    BeamPlate,
    BeamTube,
)

Way = list[tuple[float, float, float]]


def shunt(rng: np.random.Generator) -> BeamObject:
    """A ventricular catheter through the back of the skull, a valve behind the ear, a tube down the neck."""
    side = float(rng.choice([-1.0, 1.0]))
    back = float(rng.uniform(-70, -45))
    inner: Way = [(8 * side, 20, 12), (20 * side, -20, 16), (48 * side, back, 24), (56 * side, back - 8, 26)]
    outer: Way = [(56 * side, back - 8, 26), (70 * side, -42, 0), (74 * side, -30, -40), (58 * side, -15, -90),
                  (50 * side, 0, -150), (48 * side, 5, -230)]  # fmt: skip
    parts: list[BeamTube | BeamPlate] = []
    for way, radius_mm in ((inner, 1.3), (outer, 1.25)):
        path = centreline(np.array(way))
        parts.append(BeamTube(path, radius_mm, water=PLASTIC_WATER, bone=MARKED_BONE))
    valve = centreline(np.array([(72.5 * side, -39, -8), (74.5 * side, -34, -28)]))
    parts.append(BeamTube(valve, 4.5, water=1.3, bone=0.3))
    for at, radius_mm in ((0.2, 2.2), (0.8, 1.6)):
        middle = valve[int(at * (len(valve) - 1))]
        ends = np.stack([middle - [1.0, 0, 0], middle + [1.0, 0, 0]])
        parts.append(BeamTube(ends, radius_mm, bone=0.7 * STEEL_BONE))
    return BeamObject("shunt", tuple(parts), with_head=True)


def electrodes(rng: np.random.Generator) -> BeamObject:
    """Two leads from burr holes in the forehead to the subthalamic nuclei, and their cables behind one ear."""
    parts: list[BeamTube | BeamPlate] = []
    exit_side = float(rng.choice([-1.0, 1.0]))
    for side in (-1.0, 1.0):
        hole = np.array([side * rng.uniform(28, 40), rng.uniform(35, 50), 58.0])
        tip = np.array([side * 11.0, -4.0, -8.0]) + rng.normal(0, 1, 3)
        path = centreline([tip, hole])
        parts.append(BeamTube(path, 0.35, bone=0.5 * STEEL_BONE))
        along = (hole - tip) / np.linalg.norm(hole - tip)
        for contact in range(4):
            start = tip + (1.0 + 2.0 * contact) * along
            parts.append(BeamTube(np.stack([start, start + 1.5 * along]), 0.65, bone=STEEL_BONE))
        cable = [hole, hole * [1.0, 0.5, 1.18], np.array([exit_side * 45, -30 + 8 * side, 62.0]),
                 np.array([exit_side * 78, -45 + 4 * side, 0.0]), np.array([exit_side * 60, -25 + 4 * side, -90.0]),
                 np.array([exit_side * 55, 0.0 + 4 * side, -230.0])]  # fmt: skip
        parts.append(BeamTube(centreline(cable), 0.6, water=0.5, bone=0.35 * STEEL_BONE))
    return BeamObject("electrodes", tuple(parts), with_head=True)
