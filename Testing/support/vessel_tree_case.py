"""A small vessel tree with two sides and veins, and the angiogram that a known pose gives of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.render.choose import splat_renderer

LATERAL = CArm.from_angles(90.0, 0.0, 1150.0, 750.0, 1.2, 256, 256)
FRONTAL = CArm.from_angles(0.0, 15.0, 1150.0, 750.0, 1.2, 256, 256)
CENTRE_MM = np.array([5.0, -20.0, 40.0])
CELL_MM = 0.8


def tree_cloud(seed: int = 0) -> VesselCloud:
    """Twelve wandering vessels on each side of the head and two along its top, the veins; patient frame."""
    random = np.random.default_rng(seed)
    points, veins = [], []
    for side in (-1, 1):
        for _ in range(12):
            direction = random.normal(size=3)
            position = np.array([20.0 * side, 0, -40])
            for _ in range(120):
                direction += 0.35 * random.normal(size=3)
                direction[0] = abs(direction[0]) * side if abs(position[0]) < 8 else direction[0]
                direction -= 0.6 * position / 70 * (np.linalg.norm(position) > 60)
                direction /= np.linalg.norm(direction)
                position = position + CELL_MM * direction
                points.append(position)
                veins.append(False)
    turn = np.linspace(-1.2, 1.4, 220)
    for offset in (-1.5, 1.5):
        arch = np.column_stack([np.full_like(turn, offset), 75 * np.sin(turn), 75 * np.cos(turn)])
        points.extend(arch)
        veins.extend([True] * len(arch))
    positions = (np.array(points) + CENTRE_MM).astype(np.float32)
    weights = np.full(len(positions), 2.0, dtype=np.float32)
    return VesselCloud(positions, weights, np.array(veins), CELL_MM, CENTRE_MM)


def prepared_volume(cloud: VesselCloud | None = None) -> PreparedVolume:
    """The tree as a preparation hands it over; nothing below the pipeline looks at its voxels."""
    cloud = cloud or tree_cloud()
    empty = np.zeros((2, 2, 2), dtype=bool)
    ijk_to_ras = rigid(translation_mm=CENTRE_MM - 0.5)
    return PreparedVolume(Volume(np.zeros((2, 2, 2), dtype=np.int16), ijk_to_ras, "cta"), empty, empty, cloud)


def prepared_angiogram(
    pose: FloatArray,
    carm: CArm = LATERAL,
    shown: Sequence[VesselCloud] | None = None,
    patient_position: str = "HFS",
    noise: float = 0.05,
) -> PreparedAngiogram:
    """What `carm` sees of the vessels that are `shown` (all, if left out), with noise."""
    drr = sum(
        splat_renderer(cloud, carm).render(pose[None])[0] for cloud in (shown if shown is not None else [tree_cloud()])
    )
    contrast = np.asarray(drr / np.percentile(drr[drr > 0], 99.5), dtype=np.float32)
    contrast = contrast + noise * np.random.default_rng(0).normal(size=contrast.shape).astype(np.float32)
    contrast = np.maximum(contrast, 0)
    vessels = contrast > 0.25
    minip = 1000 - 200 * contrast
    valid = np.ones(contrast.shape, dtype=bool)
    angiogram = Angiogram(minip[None], carm, valid, patient_position=patient_position)
    nothing = np.zeros_like(vessels)
    return PreparedAngiogram(angiogram, minip, contrast, vessels, nothing, vessels, contrast, np.zeros_like(contrast))
