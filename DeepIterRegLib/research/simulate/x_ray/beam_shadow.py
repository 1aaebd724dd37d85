"""What the things in the beam take of it, as the detector sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.research.simulate.vessels.tube_cloud import tube_cloud
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from DeepIterRegLib.research.simulate.x_ray.beam_objects import BeamObject, BeamPlate, BeamTube
from DeepIterRegLib.research.simulate.x_ray.doubling import doubled
from DeepIterRegLib.research.simulate.x_ray.line_integrals import line_integrals

Image = npt.NDArray[np.float32]
FINE_RADIUS_MM = 0.8
"""Wires up to this radius are drawn with the detector's pixels, what is wider with pairs of them, plates in fours."""


@dataclass(frozen=True, eq=False)
class BeamShadow:
    """(rows, columns) each, in the units of `HeadShadow.seen`: mm of water, 1000 HU times mm of bone."""

    still: tuple[Image, Image]
    """Of what stays where it is."""
    with_head: tuple[Image, Image] | None
    """Of what moves with the head; None where there is nothing."""

    @classmethod
    def of(cls, objects: Sequence[BeamObject], head_to_carm: FloatArray, carm: CArm) -> BeamShadow:
        """head_to_carm: (4, 4), when the arteries are full."""
        still = _sum([one for one in objects if not one.with_head], head_to_carm, carm)
        moving = [one for one in objects if one.with_head]
        return cls(still, _sum(moving, head_to_carm, carm) if moving else None)


def _sum(objects: Sequence[BeamObject], head_to_carm: FloatArray, carm: CArm) -> tuple[Image, Image]:
    water, bone = (np.zeros((carm.rows, carm.columns), dtype=np.float32) for _ in "wb")
    for part in (part for one in objects for part in one.parts):
        path_mm = _path(part, head_to_carm, carm)
        if part.water:
            water += np.float32(part.water) * path_mm
        if part.bone:
            bone += np.float32(part.bone) * path_mm
    return water, bone


def _path(part: BeamTube | BeamPlate, head_to_carm: FloatArray, carm: CArm) -> Image:
    """(rows, columns) mm of the part."""
    times = 2 if isinstance(part, BeamPlate) else 0 if part.radius_mm <= FINE_RADIUS_MM else 1
    while times and (carm.rows % 2**times or carm.columns % 2**times):
        times -= 1
    small = carm.binned(2**times) if times else carm
    if isinstance(part, BeamPlate):
        points, volumes = part.points_mm, np.full(len(part.points_mm), part.volume_mm3)
    else:
        pixel_mm = small.pixel_spacing_mm[0] * small.sid_mm / small.sdd_mm
        tube = Vessel("thing", part.points_mm, np.full(len(part.points_mm), part.radius_mm), False, "middle")
        points, volumes, _, _ = tube_cloud(tube, 0.7 * pixel_mm)
    return doubled(line_integrals(apply(head_to_carm, points), volumes, np.eye(4), small), times)
