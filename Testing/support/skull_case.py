"""A skull of points that is not the same left and right, and the X-ray that a known pose gives of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.render.choose import splat_renderer
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL, prepared_angiogram, prepared_volume

CELL_MM = 2.0
NATS_PER_MM = 0.03
"""Of bone with a weight of 1."""


@cache
def skull_cloud(cell_mm: float = CELL_MM) -> VesselCloud:
    """Vault, petrous bones, orbits and a palate, larger on one side."""
    steps = np.arange(-100, 100, cell_mm) + cell_mm / 2
    x, y, z = (axis.ravel() for axis in np.meshgrid(steps, steps, steps, indexing="ij"))
    radius = np.sqrt((x / 68) ** 2 + (y / 88) ** 2 + (z / 74) ** 2)
    vault = (np.abs(radius - 1) < 0.04 + 0.02 * (y < -40)) & (z > -52 + 0.3 * y)
    weights = 1.2 * vault
    for side, size in ((-1, 1.0), (1, 1.3)):
        petrous = np.hypot(y + 15 + 0.6 * (np.abs(x) - 35), z + 42) < 9 * size
        weights = np.maximum(weights, 1.8 * (petrous & (x * side > 12) & (x * side < 55)))
        ring = np.hypot(np.hypot(x - 34 * side, z + 30 + 8 * side) - 19 * size, 0.8 * (y - 72))
        weights = np.maximum(weights, 1.5 * (ring < 3.5))
    base = (np.abs(z + 40 - 0.4 * y) < 2.5) & (radius < 0.95) & (y > -10)
    palate = (np.abs(z + 62) < 3) & (np.abs(x - 4) < 22) & (y > 40) & (y < 82)
    weights = np.maximum(weights, 0.9 * base + 1.1 * palate)
    keep = weights > 0
    positions = (np.stack([x, y, z], axis=1)[keep] + CENTRE_MM).astype(np.float32)
    return VesselCloud(
        positions, (weights[keep] * cell_mm**3).astype(np.float32), np.zeros(len(positions), bool), cell_mm, CENTRE_MM
    )


def skull_image(pose: FloatArray, carm: CArm = LATERAL, trust: float = 1.0, noise_nats: float = 0.05) -> SkullImage:
    """The attenuation of the skull at `pose`, with soft tissue and noise."""
    bone = splat_renderer(skull_cloud(), carm).render(pose[None])[0]
    row, column = np.mgrid[: carm.rows, : carm.columns]
    head = np.hypot((row - carm.rows / 2) / (0.45 * carm.rows), (column - carm.columns / 2) / (0.48 * carm.columns))
    tissue = 2.0 * np.sqrt(np.clip(1 - head**2, 0, None))
    noise = np.random.default_rng(4).normal(0, noise_nats, bone.shape)
    values = (NATS_PER_MM * bone + tissue + noise).astype(np.float32)
    return SkullImage(values, False, np.ones(values.shape, dtype=bool), "mask frame", trust)


def volume_with_skull() -> PreparedVolume:
    """The vessel tree within the skull."""
    return replace(prepared_volume(), skull=skull_cloud())


def skull_alone(image: SkullImage, carm: CArm = LATERAL) -> PreparedAngiogram:
    """An X-ray without contrast."""
    shown = prepared_angiogram(np.eye(4), carm)
    none, nothing = np.zeros_like(shown.vessels), np.zeros_like(shown.contrast)
    return replace(
        shown, angiogram=replace(shown.angiogram, frames=shown.angiogram.frames[:0]), contrast=nothing, vessels=none,
        arteries=none, artery_contrast=nothing, skull=image,
    )  # fmt: skip


def vessels_and_skull(vessels_pose: FloatArray, image: SkullImage | None) -> PreparedAngiogram:
    """A run whose vessels lie at a pose, and an image of the skull."""
    return replace(prepared_angiogram(vessels_pose), skull=image)


def pose_off_by(rotation_deg: Sequence[float], translation_mm: Sequence[float]) -> FloatArray:
    """(4, 4) the radiological pose, turned about the skull's centre and moved."""
    correction = PivotedCorrection.about_patient_point(radiological_pose(CENTRE_MM), CENTRE_MM)
    return correction.pose(np.concatenate([np.radians(rotation_deg), translation_mm]))
