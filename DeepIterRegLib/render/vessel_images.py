"""Arteries, veins and bones rendered separately, fast enough to follow the mouse, in numpy alone.

Two levels: `quick` has as many pixels as the cloud has detail, and its points as they are; `fine` has up to twice as
many, and the points' cells subdivided, so that edges are smooth. Source: docs/rendering.md, sampling rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import pixel_at_isocentre_mm
from DeepIterRegLib.render.splat_numpy import SplatNumpy

Detail = Literal["quick", "fine"]
LARGEST_PX = {"quick": 512, "fine": 1024}
"""Longer side of an image: a screen shows no more."""
MOST_POINTS = {"quick": 400_000, "fine": 2_500_000}
"""What one core renders in a few milliseconds, and in a few tens of them."""
LONGEST_EDGE = 1.2
"""Of a cell that is called a cube: a CTA's slices are often a little further apart than its pixels."""
TOLERANCE = 0.05
"""Share by which a cell may exceed a pixel."""


@dataclass(frozen=True, eq=False)
class VesselImages:
    """Length of vessel along each pixel's ray, mm, of arteries, veins and bones separately."""

    carm: CArm
    """The DSA's detector, with the pixels of these images."""
    arteries: npt.NDArray[np.float32]
    """(rows, columns)."""
    veins: npt.NDArray[np.float32]
    bones: npt.NDArray[np.float32] | None = None
    """Of the same detector, with pixels of their own: what their coarser points fill without holes. mm of 1000 HU; None
    where they are not wanted, or the CTA has none."""


class VesselRenderer:
    """Draws one head on one detector at any pose. bones: as a cloud of their own; with a cloud without points, where a
    CT shows no vessels, they choose the pixels."""

    def __init__(self, cloud: VesselCloud, carm: CArm, bones: VesselCloud | None = None) -> None:
        self._cloud = cloud
        self._carm = carm
        self._bones = bones
        self._levels: dict[Detail, tuple[CArm, SplatNumpy, SplatNumpy]] = {}
        self._bone_levels: dict[Detail, SplatNumpy] = {}

    def draw(
        self, pose: FloatArray, detail: Detail = "fine", arteries: bool = True, veins: bool = True, bones: bool = False
    ) -> VesselImages:
        """The head at a pose (4, 4). Images of vessels that are not wanted are 0."""
        if detail not in self._levels:
            self._levels[detail] = self._prepared(detail)
        carm, *renderers = self._levels[detail]
        first, second = (
            renderer.render(pose[None])[0]
            if wanted and len(self._cloud)
            else np.zeros((carm.rows, carm.columns), dtype=np.float32)
            for renderer, wanted in zip(renderers, (arteries, veins), strict=True)
        )
        return VesselImages(carm, first, second, self._drawn_bones(pose, detail) if bones else None)

    def _drawn_bones(self, pose: FloatArray, detail: Detail) -> npt.NDArray[np.float32] | None:
        if self._bones is None:
            return None
        if detail not in self._bone_levels:
            carm, cloud = self._sampled(self._bones, detail)
            self._bone_levels[detail] = SplatNumpy(cloud, carm)
        return self._bone_levels[detail].render(pose[None])[0]

    def _prepared(self, detail: Detail) -> tuple[CArm, SplatNumpy, SplatNumpy]:
        if len(self._cloud) == 0 and self._bones is not None:
            return self._sampled(self._bones, detail)[0], *(SplatNumpy(self._cloud, self._carm),) * 2
        carm, cloud = self._sampled(self._cloud, detail)
        return carm, SplatNumpy(cloud.arteries, carm), SplatNumpy(cloud.veins, carm)

    def _sampled(self, cloud: VesselCloud, detail: Detail) -> tuple[CArm, VesselCloud]:
        """The pixels that a cloud is drawn with, and its points for them."""
        cloud = coarsened(cloud, MOST_POINTS[detail])
        parts = 2 if detail == "fine" and 8 * len(cloud) <= MOST_POINTS["fine"] else 1
        carm = hole_free_carm(self._carm, LONGEST_EDGE * cloud.cell_mm / parts, LARGEST_PX[detail])
        if cloud.cell_mm <= (1 + TOLERANCE) * pixel_at_isocentre_mm(carm):
            parts = 1
        return carm, subdivided(cloud, parts)


def hole_free_carm(carm: CArm, cell_mm: float, largest_px: int) -> CArm:
    """The same detector with as many pixels as cells of `cell_mm` fill without holes, `largest_px` a side at most."""
    factor = max(1.0, cell_mm / pixel_at_isocentre_mm(carm), max(carm.rows, carm.columns) / largest_px)
    if factor < 1 + TOLERANCE:
        return carm
    return carm.resized(max(round(carm.rows / factor), 1), max(round(carm.columns / factor), 1))


def subdivided(cloud: VesselCloud, parts: int) -> VesselCloud:
    """Each cell cut into parts^3 cubes. Every point keeps its weight and its centre of mass."""
    if parts == 1:
        return cloud
    steps = (np.arange(parts) + 0.5) / parts - 0.5
    offsets = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3) * cloud.cell_mm
    positions = cloud.positions_mm[:, None] + offsets.astype(np.float32)
    count = parts**3
    return VesselCloud(
        positions.reshape(-1, 3),
        np.repeat(cloud.weights_mm3 / np.float32(count), count),
        np.repeat(cloud.is_vein, count),
        cloud.cell_mm / parts,
        cloud.centre_mm,
    )


def coarsened(cloud: VesselCloud, most_points: int) -> VesselCloud:
    """The cloud with its points put together in cells as much larger as it takes to have about `most_points`.

    Points are not cut, as `resampled` would: a tenth of the time, for pictures of a moving head.
    """
    if len(cloud) <= most_points:
        return cloud
    # A vessel's points go with the cube of the cell, thin ones' with less.
    cell_mm = cloud.cell_mm * math.ceil(10 * (len(cloud) / most_points) ** 0.4) / 10
    index = np.floor((cloud.positions_mm - cloud.positions_mm.min(axis=0)) / np.float32(cell_mm)).astype(np.int64)
    shape = index.max(axis=0) + 1
    key = 2 * ((index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2]) + cloud.is_vein
    _, inverse = np.unique(key, return_inverse=True)
    weight = np.bincount(inverse, cloud.weights_mm3)
    middle = np.stack([np.bincount(inverse, cloud.weights_mm3 * cloud.positions_mm[:, axis]) for axis in range(3)], 1)
    is_vein = np.zeros(len(weight), dtype=bool)
    is_vein[inverse] = cloud.is_vein
    return VesselCloud(
        (middle / weight[:, None]).astype(np.float32), weight.astype(np.float32), is_vein, cell_mm, cloud.centre_mm
    )
