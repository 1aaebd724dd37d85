"""A tiny head with a spiral vessel, its DSA, and a stand-in for the registration that returns a given pose at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.progress import Progress, ProgressCallback, Stage
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.native_image import NativeImage, NativeSource
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.result import Registration
from DeepIterRegLib.render.choose import splat_renderer

LATERAL = CArm.from_angles(80.0, 5.0, 1150.0, 750.0, 1.5, 96, 128, principal_point_px=(60.0, 50.0))
FRONTAL = CArm.from_angles(-10.0, 20.0, 1150.0, 750.0, (1.2, 1.5), 120, 100)
POSE = rigid(Rotation.from_euler("xyz", [4, -7, 11], degrees=True).as_matrix(), np.array([1 / 3, -12.25, 30.7]))
OTHER_POSE = rigid(Rotation.from_euler("xyz", [-4, 3, 1], degrees=True).as_matrix(), np.array([5.0, -22.0, 28.0]))
VESSEL_HU = 350
RAW_HEAD_MOTION = np.array([(0.0, 0.0, 0.0), (1.0, -0.75, 0.0), (0.0, 0.25, 0.5)])
"""(3, 3) px down, px right, degrees: of a run of three raw frames."""


def spiral_mm() -> FloatArray:
    """(N, 3) points of the vessel, patient frame."""
    turn = np.linspace(0, 4 * np.pi, 4000)
    return np.column_stack([30 * np.cos(turn), 10 + 25 * np.sin(turn), -30 + 5 * turn])


def small_volume() -> Volume:
    """48 x 40 x 36 voxels of 2, 2.25, 2.5 mm, LPS and a little oblique, noise of soft tissue, bone, one vessel."""
    tilt = Rotation.from_euler("x", 10, degrees=True).as_matrix()
    ijk_to_ras = rigid(tilt @ np.diag([-2.0, -2.25, 2.5]), np.array([47.0, 55.0, -45.0]))
    voxels = np.random.default_rng(0).normal(40, 10, (36, 40, 48)).astype(np.int16)
    voxels[:, :2], voxels[:, 3:5] = -1000, 900
    i, j, k = np.round(apply(np.linalg.inv(ijk_to_ras), spiral_mm())).astype(int).T
    voxels[k, j, i] = VESSEL_HU
    return Volume(voxels, ijk_to_ras, "cta", warnings=("The CTA was resampled; é.",))


def small_cloud(volume: Volume) -> VesselCloud:
    points = spiral_mm().astype(np.float32)
    weights = np.full(len(points), 0.5, dtype=np.float32)
    return VesselCloud(points, weights, np.zeros(len(points), dtype=bool), 0.7, volume.centre_mm)


def small_angiogram(carm: CArm, frames: int = 3, shutter_px: int = 6, pose: FloatArray = POSE) -> Angiogram:
    """The spiral at `pose`, filling over the frames, dark on 1000, a shutter at the left."""
    drr = splat_renderer(small_cloud(small_volume()), carm).render(pose[None])[0]
    filling = np.linspace(1 / frames, 1, frames, dtype=np.float32)[:, None, None]
    valid = np.ones(drr.shape, dtype=bool)
    valid[:, :shutter_px] = False
    times_s = np.arange(frames) / 3 if frames > 1 else None
    return Angiogram(
        (1000 - 40 * filling * drr).astype(np.float32), carm, valid, times_s, "HFP", "DSA", ('A "quoted"; warning.',)
    )


def small_native(angiogram: Angiogram, source: NativeSource = "mask frame") -> NativeImage:
    """A bone that brightens from left to right, letters in a corner."""
    rows, columns = angiogram.valid.shape
    valid = angiogram.valid.copy()
    valid[-9:, -20:] = False
    attenuation = np.broadcast_to(np.linspace(0, 3, columns, dtype=np.float32), (rows, columns)).copy()
    return NativeImage(attenuation, valid, source, source == "mask frame")


def raw_angiogram(carm: CArm = LATERAL) -> Angiogram:
    """As `small_angiogram`, of a file that has its mask frame, in which the head moved."""
    angiogram = small_angiogram(carm)
    return replace(angiogram, native=small_native(angiogram), head_motion=RAW_HEAD_MOTION)


def small_xray(carm: CArm = LATERAL) -> Angiogram:
    """The head without contrast."""
    angiogram = small_angiogram(carm, frames=1)
    return replace(angiogram, frames=angiogram.frames[:0], native=small_native(angiogram, "native image"))


def same_native(one: Angiogram, other: Angiogram) -> bool:
    """Whether both show the same head without contrast, moved back as far."""
    first, second = one.native, other.native
    assert first is not None
    assert second is not None
    pixels = np.array_equal(first.attenuation, second.attenuation) and np.array_equal(first.valid, second.valid)
    moved = np.array_equal(np.array(one.head_motion), np.array(other.head_motion))
    return pixels and moved and (first.source, first.sign_is_known) == (second.source, second.sign_is_known)


def plain(registration: Registration) -> Registration:
    """The same of a CT without contrast: the spiral passes for its skull."""
    volume = registration.volume
    nothing = np.zeros_like(volume.vessels)
    none = VesselCloud.empty(volume.cloud.cell_mm, volume.cloud.centre_mm)
    without = replace(volume, vessels=nothing, veins=nothing, cloud=none, skull=volume.cloud)
    return replace(registration, images=replace(registration.images, volume=without))


def ring_of_bone(volume: Volume) -> VesselCloud:
    """(N, 3) points about the spiral, at its height, 2 mm apart."""
    turn, height_mm = np.meshgrid(np.linspace(0, 2 * np.pi, 200, endpoint=False), np.arange(-20, 21, 2.0))
    points = np.stack([60 * np.cos(turn), 10 + 60 * np.sin(turn), height_mm], axis=-1).reshape(-1, 3)
    weights = np.full(len(points), 8.0, dtype=np.float32)
    return VesselCloud(points.astype(np.float32), weights, np.zeros(len(points), bool), 2.0, volume.centre_mm)


def with_bone(registration: Registration) -> Registration:
    """The same of a CTA whose skull was found."""
    volume = replace(registration.volume, skull=ring_of_bone(registration.volume.volume))
    return replace(registration, images=replace(registration.images, volume=volume))


class FakeRegister:
    """Stands in for `register_images`: remembers what it was called with and returns `pose` at once."""

    def __init__(self, pose: FloatArray = POSE, error: BaseException | None = None) -> None:
        self.pose = pose
        self.error = error
        self.volume: Volume | None = None
        self.angiograms: list[Angiogram] = []
        self.options: Options | None = None

    def __call__(
        self, images: PatientImages, options: Options | None = None, progress: ProgressCallback | None = None
    ) -> Registration:
        assert isinstance(images.volume, Volume)
        self.volume, self.angiograms, self.options = images.volume, list(images.angiograms), options  # type: ignore[arg-type]
        volume, options = images.volume, options or Options()
        if progress is not None:
            progress(Progress("Registering", 0.5, 0.7, self.pose))
        if self.error is not None:
            raise self.error
        start = radiological_pose(volume.centre_mm)
        vessels = volume.voxels == VESSEL_HU
        return Registration(
            pose=self.pose,
            initial_pose=start,
            stages=(
                Stage("Radiological pose", start, None, None, None, 0.0),
                Stage("Vessel masks", self.pose, "NCC", 0.8125, 0.25, 0.5, 60),
            ),
            method=options.method,
            device="cpu",
            images=PreparedImages(
                PreparedVolume(volume, vessels, np.zeros_like(vessels), small_cloud(volume)),
                tuple(prepared(angiogram) for angiogram in self.angiograms),
            ),
            warnings=("The shutter hides a part of the DSA.",),
            seed=options.seed,
            preparation_seconds=1.0,
            seconds=0.5,
        )


def prepared(angiogram: Angiogram) -> PreparedAngiogram:
    if not angiogram.shows_contrast:
        return prepare_angiogram(angiogram)
    minip = angiogram.frames.min(axis=0)
    contrast = np.where(angiogram.valid, (1000 - minip) / 40, 0).astype(np.float32)
    vessels = contrast > 0.2
    nothing = np.zeros_like(vessels)
    return PreparedAngiogram(
        angiogram, minip, contrast, vessels, nothing, vessels, contrast, np.zeros_like(contrast)
    )  # fmt: skip
