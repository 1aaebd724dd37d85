"""A C-arm's run over a simple patient: line integrals of head and contrast, X-ray noise, the scanner's pixel values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.research.simulate.flow.flow import FilledVessel, concentration
from DeepIterRegLib.research.simulate.vessels.paint import tube_points

WATER_PER_MM = 0.0205
"""Linear attenuation of water at about 70 keV, 1/mm (NIST XCOM, rounded)."""
CONTRAST_PER_MM = 0.16
"""Of the injected contrast after mixing with blood: a carotid of 4.5 mm takes away half of the beam."""
PHOTONS = 60000.0
"""Per pixel of 0.6 mm without a patient, per frame."""
TIME_STEP_S = 0.1
"""Vessels are projected once per step of arrival time, and the frames mixed from these images."""
PIXEL_BITS = 12
NECK_BELOW_CTA_MM = 40.0


@dataclass(frozen=True, eq=False)
class XRayRun:
    """One run as the scanner stores it, with what only a simulation knows."""

    frames: npt.NDArray[np.uint16]
    """(T, rows, columns), 12 bits, proportional to the logarithm of the beam; the first is the mask frame."""
    subtracted_frames: npt.NDArray[np.uint16]
    """(T - 1, rows, columns) what the scanner shows: contrast frames minus mask, 2048 where nothing changed."""
    carm: CArm
    frame_time_ms: float
    arteries_mm: npt.NDArray[np.float32]
    """(rows, columns) greatest path of contrast through arteries over the frames: the truth of the artery mask."""
    veins_mm: npt.NDArray[np.float32]
    """(rows, columns) likewise of the veins."""
    arrival_s: tuple[FloatArray, ...] = ()
    """For each vessel of the anatomy (N,) when contrast arrives at its points, after the start of the injection; inf:
    never. Empty for the simple patient."""
    fraction: tuple[FloatArray, ...] = ()
    """For each vessel (N,) how much of its blood comes from the catheter, 0 to 1."""
    collimator_tags: Mapping[str, Any] = field(default_factory=dict)
    """DICOM's X-Ray Collimator attributes by keyword, where the file tells them."""
    defects: Mapping[str, Any] = field(default_factory=dict)
    """What makes the run differ from a perfect one, as JSON."""


def line_integrals(
    points_mm: FloatArray, volumes_mm3: FloatArray, pose: FloatArray, carm: CArm
) -> npt.NDArray[np.float32]:
    """(rows, columns) path in mm through what the points (N, 3), patient frame, and their volumes (N,) stand for."""
    cloud = VesselCloud(
        points_mm.astype(np.float32), volumes_mm3.astype(np.float32), np.zeros(len(points_mm), dtype=bool),
        cell_mm=float(np.cbrt(np.max(volumes_mm3))), centre_mm=points_mm.mean(axis=0),
    )  # fmt: skip
    return SplatNumpy(cloud, carm).render(pose[None])[0]


def head_attenuation(volume: Volume, pose: FloatArray, carm: CArm) -> npt.NDArray[np.float32]:
    """(rows, columns) attenuation (natural logarithm) of the head in the CTA, air and all.

    Soft tissue is projected at half resolution; bone, whose edges show in the image, voxel by voxel. The neck goes on
    below the CTA as its lowest slice.
    """
    below = round(NECK_BELOW_CTA_MM / float(volume.spacing_mm[2]) / 2) * 2
    hu = np.concatenate([np.repeat(volume.voxels[:1], below, axis=0), volume.voxels])
    even = hu[: hu.shape[0] // 2 * 2, : hu.shape[1] // 2 * 2, : hu.shape[2] // 2 * 2]
    k, j, i = (n // 2 for n in even.shape)
    soft = np.clip(even, -1000, 150).reshape(k, 2, j, 2, i, 2).mean(axis=(1, 3, 5), dtype=np.float32)
    total = np.zeros((carm.rows, carm.columns), dtype=np.float32)
    for values, stride, offset, least in ((soft + 1000, 2, 0.5, 100), (np.clip(hu, 150, None) - 150, 1, 0.0, 100)):
        voxel_mm3 = float(np.prod(volume.spacing_mm)) * stride**3
        kji = np.argwhere(values > least)
        density = values[values > least].astype(np.float64) / 1000
        index = kji[:, ::-1] * stride + offset - np.array([0, 0, below])
        points = index @ volume.ijk_to_ras[:3, :3].T + volume.ijk_to_ras[:3, 3]
        # The detector is binned so that a pixel, seen from the isocentre, is no smaller than a voxel.
        seen_mm = carm.pixel_spacing_mm[0] * carm.sid_mm / carm.sdd_mm
        factor = max(1, int(np.ceil(stride * float(volume.spacing_mm.max()) / seen_mm)))
        while carm.rows % factor or carm.columns % factor:
            factor += 1
        image = line_integrals(points, density * voxel_mm3, pose, carm.binned(factor))
        total += WATER_PER_MM * _enlarged(image, factor)
    return total


def _enlarged(image: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """The image with factor times as many pixels each way, bilinear, in place (pixel centres are kept)."""
    if factor == 1:
        return image
    rows, columns = image.shape
    at = [(np.arange(n * factor) - (factor - 1) / 2) / factor for n in (rows, columns)]
    grid = np.meshgrid(*at, indexing="ij")
    return ndimage.map_coordinates(image, grid, order=1, mode="nearest").astype(np.float32)


def contrast_paths(
    filled: list[FilledVessel], blush: tuple[FloatArray, FloatArray, FloatArray], times_s: FloatArray,
    pose: FloatArray, carm: CArm,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:  # fmt: skip
    """Paths (mm, of the injected concentration) through arteries, veins and brain tissue, each (T, rows, columns).

    blush: positions (N, 3), volumes (N,) mm3 and arrival (N,) of contrast in the capillaries.
    """
    cell_mm = 0.7 * carm.pixel_spacing_mm[0] * carm.sid_mm / carm.sdd_mm
    runs = []
    for veins in (False, True):
        positions, volumes, arrivals = [], [], []
        for item in filled:
            if item.vessel.is_vein == veins and item.fills:
                points, volume, owner = tube_points(item.vessel, cell_mm)
                positions.append(points)
                volumes.append(volume * item.vessel.opacity)
                arrivals.append(item.arrival_s[owner])
        at, volume, arrival = np.concatenate(positions), np.concatenate(volumes), np.concatenate(arrivals)
        runs.append(_mixed(at, volume, arrival, veins, times_s, pose, carm, 1))
    factor = next(f for f in (8, 4, 2, 1) if carm.rows % f == 0 and carm.columns % f == 0)
    tissue = _mixed(*blush, True, times_s, pose, carm, factor)
    return runs[0], runs[1], tissue


def _mixed(
    points_mm: FloatArray, volumes_mm3: FloatArray, arrival_s: FloatArray, is_vein: bool, times_s: FloatArray,
    pose: FloatArray, carm: CArm, factor: int,
) -> npt.NDArray[np.float32]:  # fmt: skip
    """(T, rows, columns) paths: one image per step of arrival time, mixed by the concentration at each frame."""
    paths = np.zeros((len(times_s), carm.rows, carm.columns), dtype=np.float32)
    step = np.round(arrival_s / TIME_STEP_S).astype(int)
    for number in np.unique(step):
        members = step == number
        image = line_integrals(points_mm[members], volumes_mm3[members], pose, carm.binned(factor))
        if factor > 1:
            image = _enlarged(ndimage.gaussian_filter(image, 1.0), factor)
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        if not len(rows):
            continue
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        strength = concentration_at(times_s, number * TIME_STEP_S, is_vein)
        for frame in np.flatnonzero(strength > 0.005):
            paths[frame][window] += strength[frame] * image[window]
    return paths


def concentration_at(times_s: FloatArray, arrival_s: float, is_vein: bool) -> npt.NDArray[np.float32]:
    """(T,) concentration over the frames at a point that the bolus reaches at `arrival_s`."""
    return np.array([concentration(t, np.array(arrival_s), is_vein) for t in times_s], dtype=np.float32)


def acquire(
    head: npt.NDArray[np.float32], arteries: npt.NDArray[np.float32], veins: npt.NDArray[np.float32],
    tissue: npt.NDArray[np.float32], carm: CArm, frame_time_ms: float, motion_px: float, rng: np.random.Generator,
) -> XRayRun:  # fmt: skip
    """The run's pixel values: Poisson noise, a detector's blur, and a head that drifts by `motion_px` in the end.

    head: (rows, columns) attenuation. arteries, veins, tissue: (T, rows, columns) paths of contrast in mm.
    """
    count = len(arteries)
    photons = PHOTONS * (carm.pixel_spacing_mm[0] / 0.6) ** 2
    direction = rng.normal(0, 1, 2)
    direction /= np.linalg.norm(direction)
    # Log of 12 bits from a beam that meets nothing down to one in a thousand.
    scale = (2**PIXEL_BITS - 1) / np.log(4 * PHOTONS / 12)
    logs = np.empty((count, *head.shape), dtype=np.float32)
    for number in range(count):
        drift = motion_px * number / max(count - 1, 1) * direction
        shown = ndimage.shift(head, drift, order=1, mode="nearest") if motion_px else head
        attenuation = shown + CONTRAST_PER_MM * (arteries[number] + veins[number] + tissue[number])
        beam = ndimage.gaussian_filter(photons * np.exp(-attenuation), 0.45)
        beam = beam + np.sqrt(beam) * rng.standard_normal(beam.shape, dtype=np.float32)
        logs[number] = np.log(np.maximum(beam, 0.5) / photons)
    top = float(np.percentile(logs[0], 99.9))
    raw = np.clip(np.round((logs - top) * scale + 2**PIXEL_BITS - 100), 0, 2**PIXEL_BITS - 1).astype(np.uint16)
    difference = np.round((logs[1:] - logs[0]) * scale) + 2 ** (PIXEL_BITS - 1)
    subtracted = np.clip(difference, 0, 2**PIXEL_BITS - 1).astype(np.uint16)
    return XRayRun(raw, subtracted, carm, frame_time_ms, arteries.max(axis=0), veins.max(axis=0))
