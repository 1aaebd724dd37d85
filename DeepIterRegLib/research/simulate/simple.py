"""The built-in patient: an ellipsoidal head with sinuses, veins and arteries, its CTA, and a DSA with known pose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.arteries.simple_arteries import grow_arteries
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.flow.flow import FilledVessel, inject
from DeepIterRegLib.research.simulate.head.simple_head import head_hu, scanner_noise
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.veins.simple_veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.paint import paint_fill
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel
from DeepIterRegLib.research.simulate.x_ray.angiography import XRayRun, acquire, contrast_paths, head_attenuation

SDD_MM, SID_MM, DETECTOR_MM = 1150.0, 750.0, 307.2
MIN_DETECTOR_PX = 128
"""Below it the vessels are thinner than a pixel and the head's image, which is made coarser, has no pixels left."""
FRAMES, FRAMES_PER_SECOND = 20, 3.0
FIELD_OF_VIEW_MM = (176.0, 204.8, 204.8)
"""Of the CTA, along k, j, i: from the vertex to the neck below the jaw."""
CENTRE_OF_FIELD_MM = (0.0, 0.0, -13.0)
"""In the head's own coordinates, whose origin is the middle of the brain."""
BLUSH_FRACTION = 0.012
"""Blood with contrast per volume of brain in the capillary phase, relative to the injected concentration."""


@dataclass(frozen=True, eq=False)
class SimplePatient:
    """A patient that never lived, with everything that a real one keeps secret."""

    seed: int
    volume: Volume
    """The CTA."""
    runs: tuple[XRayRun, ...]
    """The DSA: one run per C-arm position, the patient unmoved; lateral first."""
    pose: FloatArray
    """(4, 4) truth: patient frame (RAS, mm) to C-arm frame (mm), the same for all runs."""
    radiological_pose: FloatArray
    """(4, 4) where a registration starts."""
    injected_side: Side
    vessels: tuple[FilledVessel, ...]
    """Centrelines in the patient frame with radii, vein flags and arrival times."""
    vessel_mask: BoolArray
    """(K, J, I) voxels at least half filled by any vessel, veins included."""
    vein_mask: BoolArray
    """(K, J, I) likewise by veins."""
    skull_vein_mask: BoolArray
    """(K, J, I) likewise by the veins that follow the skull."""

    @property
    def frames(self) -> npt.NDArray[np.uint16]:
        """(T, rows, columns) of the first run, as the scanner stores them."""
        return self.runs[0].frames

    @property
    def carm(self) -> CArm:
        """Of the first run."""
        return self.runs[0].carm


def simple_patient(
    seed: int, *, detector_px: int = 512, voxel_mm: float = 0.8, views_deg: Sequence[float] | None = None,
    motion_px: float = 0.25,
) -> SimplePatient:  # fmt: skip
    """Generate a patient; equal arguments give equal patients.

    detector_px: rows and columns of the detector, whose size in mm is fixed, at least 128. voxel_mm: edge of the CTA's
    voxels. views_deg: primary angle of each run; a lateral view from the injected side if left out. motion_px: how far
    the head drifts on the detector from the mask frame to the last one.
    """
    if detector_px < MIN_DETECTOR_PX:
        raise ValueError(f"detector_px must be at least {MIN_DETECTOR_PX}, not {detector_px}")
    rng = np.random.default_rng(seed)
    skull = Skull.random(rng)
    arteries = grow_arteries(skull, rng)
    vessels = arteries + grow_veins(skull, rng, len(arteries))
    side: Side = "right" if rng.random() < 0.5 else "left"
    # Where the scanner's table stood: patient coordinates never have their origin in the brain.
    table_mm = np.round(rng.uniform([-12, -160, -700], [12, -120, -500]), 1)
    volume, masks = _ct_angiogram(skull, vessels, table_mm, voxel_mm, rng)

    start = radiological_pose(volume.centre_mm)
    # Slouching: the chin goes down, and the head lies nearer to one end of the table, more than it turns.
    rotation = np.radians(rng.normal([-4.0, 0, 0], [2.5, 1.8, 1.8]))
    shift_mm = np.clip(rng.normal([0, -5, 4], [4, 6, 5]), -12, 12)
    correction = PivotedCorrection.about_patient_point(start, volume.centre_mm)
    pose = correction.pose(np.concatenate([Rotation.from_euler("xyz", rotation).as_rotvec(), shift_mm]))

    filled = inject(vessels, side)
    blush = _blush(skull, filled, side, rng)
    views = views_deg if views_deg is not None else (90.0 if side == "left" else -90.0,)
    # The first frame is the mask: the injector starts after it.
    times_s = np.arange(FRAMES) / FRAMES_PER_SECOND
    runs = []
    in_patient = [FilledVessel(_moved(item.vessel, table_mm), item.arrival_s) for item in filled]
    blush = (blush[0] + table_mm, blush[1], blush[2])
    without_vessels = Volume(_plain_head(volume, masks[0]), volume.ijk_to_ras, "cta")
    for angle in views:
        tilt = 0.0 if abs(abs(angle) - 90) < 1 else 10.0
        carm = CArm.from_angles(angle, tilt, SDD_MM, SID_MM, DETECTOR_MM / detector_px, detector_px, detector_px)
        head = head_attenuation(without_vessels, pose, carm)
        paths = contrast_paths(in_patient, blush, times_s, pose, carm)
        runs.append(acquire(head, *paths, carm, 1000 / FRAMES_PER_SECOND, motion_px * detector_px / 512, rng))
    return SimplePatient(seed, volume, tuple(runs), pose, start, side, tuple(in_patient), *masks)


def write_patient(patient: SimplePatient, folder: str | Path, *, subtracted: bool = False) -> dict[str, Path]:
    """Write cta.nrrd, dsa.dcm (a second run as dsa_2.dcm) and truth.json into `folder`; returns their paths by stem.

    truth.json: `pose` and `radiological_pose` (4x4, to-parent RAS), `injected_side`, `seed`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(patient.volume.voxels)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ patient.volume.ijk_to_ras
    image.SetSpacing([float(spacing) for spacing in patient.volume.spacing_mm])
    image.SetOrigin([float(value) for value in lps[:3, 3]])
    image.SetDirection((lps[:3, :3] / patient.volume.spacing_mm).ravel().tolist())
    paths = {"cta": folder / "cta.nrrd", "truth": folder / "truth.json"}
    sitk.WriteImage(image, str(paths["cta"]))
    for number, run in enumerate(patient.runs, start=1):
        stem = "dsa" if number == 1 else f"dsa_{number}"
        paths[stem] = write_xa(run, folder / f"{stem}.dcm", subtracted=subtracted, name=f"simple-{patient.seed}")
    truth = {
        "seed": patient.seed,
        "pose": patient.pose.tolist(),
        "radiological_pose": patient.radiological_pose.tolist(),
        "injected_side": patient.injected_side,
    }
    paths["truth"].write_text(json.dumps(truth, indent=1) + "\n")
    return paths


def _moved(vessel: Vessel, shift_mm: FloatArray) -> Vessel:
    return Vessel(
        vessel.name, vessel.points_mm + shift_mm, vessel.radii_mm, vessel.is_vein, vessel.side, vessel.upstream,
        vessel.follows_skull, vessel.onset_s, vessel.opacity,
    )  # fmt: skip


def _ct_angiogram(
    skull: Skull, vessels: list[Vessel], table_mm: FloatArray, voxel_mm: float, rng: np.random.Generator
) -> tuple[Volume, tuple[BoolArray, BoolArray, BoolArray]]:
    """The CTA in the patient frame, and the masks of all vessels, veins, and veins that follow the skull."""
    k, j, i = (round(extent / voxel_mm) for extent in FIELD_OF_VIEW_MM)
    # As scanners store it: i to the patient's left, j to the back, k to the head.
    axes = np.diag([-voxel_mm, -voxel_mm, voxel_mm])
    origin = np.array(CENTRE_OF_FIELD_MM) - axes @ (np.array([i, j, k]) - 1) / 2
    ijk_to_head = np.eye(4)
    ijk_to_head[:3, :3], ijk_to_head[:3, 3] = axes, origin
    x = (origin[0] - voxel_mm * np.arange(i))[None, None, :]
    y = (origin[1] - voxel_mm * np.arange(j))[None, :, None]
    z = (origin[2] + voxel_mm * np.arange(k))[:, None, None]
    hu = head_hu(skull, x, y, z, rng)
    ras_to_ijk = np.linalg.inv(ijk_to_head)
    groups = (
        [v for v in vessels if not v.is_vein],
        [v for v in vessels if v.is_vein and not v.follows_skull],
        [v for v in vessels if v.is_vein and v.follows_skull],
    )
    fills = [paint_fill(group, (k, j, i), ras_to_ijk, voxel_mm) for group in groups]
    artery_hu, vein_hu = rng.uniform(360, 460), rng.uniform(230, 320)
    for fill, contrast_hu in zip(fills, (artery_hu, vein_hu, vein_hu), strict=True):
        where = fill > 0
        hu[where] += fill[where] * (np.float32(contrast_hu) - hu[where])
    hu = ndimage.gaussian_filter(hu, 0.45 / voxel_mm, truncate=3)
    hu += scanner_noise(hu.shape, 11.0, rng)
    voxels = np.clip(np.round(hu), -1024, 3071).astype(np.int16)
    ijk_to_ras = ijk_to_head.copy()
    ijk_to_ras[:3, 3] += table_mm
    arteries, other_veins, skull_veins = (fill >= 0.5 for fill in fills)
    veins = other_veins | skull_veins
    return Volume(voxels, ijk_to_ras, "cta", "simple CTA"), (arteries | veins, veins, skull_veins)


def _plain_head(volume: Volume, vessels: BoolArray) -> npt.NDArray[np.int16]:
    """The CTA's voxels with the contrast taken out: during a DSA the mask frame sees blood alone."""
    voxels = np.array(volume.voxels, dtype=np.int16)
    near = ndimage.binary_dilation(vessels, iterations=2)
    voxels[near & (voxels > 60)] = np.minimum(voxels[near & (voxels > 60)], 60)
    return voxels


def _blush(
    skull: Skull, filled: list[FilledVessel], side: Side, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Positions (head's mm), volumes and arrival of contrast in the brain tissue that the filled arteries supply."""
    points = rng.uniform(
        [-skull.half_width_mm, -skull.half_length_mm, -45],
        [skull.half_width_mm, skull.half_length_mm, skull.height_mm],
        (150_000, 3),
    )
    box_mm3 = 2 * skull.half_width_mm * 2 * skull.half_length_mm * (45 + skull.height_mm)
    inside = (skull.depth_below_table(*points.T) > 2) & (points[:, 2] > skull.floor_mm(points[:, 1]))
    points = points[inside & (points[:, 0] * (1 if side == "right" else -1) > 0)]
    supply = [item for item in filled if item.fills and not item.vessel.is_vein and item.vessel.radii_mm[-1] < 0.6]
    tree = cKDTree(np.concatenate([item.vessel.points_mm for item in supply]))
    arrival = np.concatenate([item.arrival_s for item in supply])
    distance, nearest = tree.query(points)
    reached = distance < 16
    density = np.exp(-((distance[reached] / 12) ** 2))
    volumes = BLUSH_FRACTION * box_mm3 / 150_000 * density
    return points[reached], volumes, arrival[nearest[reached]] + 0.25 + distance[reached] / 40
