"""Where DiffDRR draws a bright voxel is where our geometry projects it: every rotation, off-centre principal point."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.diffdrr import DiffDrr, Method, voxelised
from DeepIterRegLib.research.benchmark.nanodrr import NanoDrr
from DeepIterRegLib.research.benchmark.workload import central_differences, gradient_error

pytest.importorskip("diffdrr")

OBLIQUE = rigid(Rotation.from_euler("xyz", [25, -40, 70], degrees=True).as_matrix(), np.array([12.0, -7.0, 30.0]))
"""Axes of the volume in the patient: no axis is another one's, and the spacing is anisotropic."""
IJK_TO_RAS = OBLIQUE @ np.diag([2.0, 2.5, 1.5, 1.0])
SHAPE = (22, 18, 20)
BRIGHT_KJI = [(2, 3, 4), (19, 4, 16), (11, 15, 2), (6, 9, 17)]

ISOCENTRIC = CArm.from_angles(35, -20, 1150, 740, (1.2, 1.5), 160, 141, (58.25, 93.5))
TILTED = Rotation.from_rotvec([0.02, -0.03, 0.5]).as_matrix()
EXPLICIT = CArm(
    np.array([15.0, -730.0, -22.0]), TILTED @ np.array([110.0, 0.0, 95.0]) + (0, 420.0, 0),
    TILTED @ np.array([-1.0, 0.0, 0.0]), TILTED @ np.array([0.0, 0.0, -1.0]), (1.3, 1.3), 150, 170,
)  # fmt: skip
NOT_MIRRORED = CArm(
    ISOCENTRIC.source_mm, ISOCENTRIC.detector_origin_mm + 140 * 1.5 * ISOCENTRIC.column_direction,
    -ISOCENTRIC.column_direction, ISOCENTRIC.row_direction, (1.2, 1.5), 160, 141,
)  # fmt: skip
CARMS = pytest.mark.parametrize(
    "carm", [ISOCENTRIC, EXPLICIT, NOT_MIRRORED], ids=["angles", "explicit", "not-mirrored"]
)


def poses() -> np.ndarray:
    """Six poses, all rotations likely, that put the middle of the volume near the isocentre."""
    middle = apply(IJK_TO_RAS, (np.array(SHAPE[::-1]) - 1) / 2)
    rotations = Rotation.random(6, random_state=4).as_matrix()
    shifts = np.random.default_rng(5).normal(0, 8, (6, 3))
    return np.stack([rigid(r, s - r @ middle) for r, s in zip(rotations, shifts, strict=True)])


def bright_voxel(kji: tuple[int, int, int]) -> np.ndarray:
    density = np.zeros(SHAPE, np.float32)
    density[kji] = 1
    return density


def centroid_px(image: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(image.shape)
    return np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()


@CARMS
@pytest.mark.parametrize("method", ["siddon", "trilinear"])
def test_diffdrr_draws_a_voxel_where_we_project_it(carm: CArm, method: Method) -> None:
    for number, pose in enumerate(poses()):
        kji = BRIGHT_KJI[number % len(BRIGHT_KJI)]
        renderer = DiffDrr(
            bright_voxel(kji), IJK_TO_RAS, carm, method=method, supersample=4, skip_empty=True, n_points=300
        )  # fmt: skip
        expected = project(apply(pose, apply(IJK_TO_RAS, np.array([kji[::-1]], float))), carm)[0]
        assert np.abs(centroid_px(renderer.render(pose[None])[0].astype(float)) - expected).max() < 0.1


@CARMS
def test_nanodrr_draws_a_voxel_where_we_project_it(carm: CArm) -> None:
    pytest.importorskip("nanodrr")
    for kji, pose in zip(BRIGHT_KJI, poses(), strict=False):
        image = NanoDrr(bright_voxel(kji), IJK_TO_RAS, carm).render(pose[None])[0]
        expected = project(apply(pose, apply(IJK_TO_RAS, np.array([kji[::-1]], float))), carm)[0]
        assert np.abs(centroid_px(image.astype(float)) - expected).max() < 0.2


def test_a_voxels_image_holds_its_volume() -> None:
    pose, kji = poses()[0], BRIGHT_KJI[0]
    image = DiffDrr(bright_voxel(kji), IJK_TO_RAS, ISOCENTRIC, supersample=8, skip_empty=True).render(pose[None])[0]
    ray = apply(pose, apply(IJK_TO_RAS, np.array(kji[::-1], float))) - ISOCENTRIC.source_mm
    depth = ray @ ISOCENTRIC.normal
    expected = 2.0 * 2.5 * 1.5 * ISOCENTRIC.sdd_mm**2 * np.linalg.norm(ray) / depth**3 / (1.2 * 1.5)
    assert image.sum() == pytest.approx(expected, rel=0.01)


def test_skipping_empty_pixels_and_tiles_change_nothing() -> None:
    density = np.sum([bright_voxel(kji) for kji in BRIGHT_KJI], axis=0)
    pose = poses()[:1]
    methods: tuple[Method, ...] = ("siddon", "trilinear")
    for method in methods:
        whole = DiffDrr(density, IJK_TO_RAS, ISOCENTRIC, method=method).render(pose)
        tiled = DiffDrr(
            density, IJK_TO_RAS, ISOCENTRIC, method=method, skip_empty=True, rays_per_tile=500
        ).render(pose)  # fmt: skip
        # Trilinear's samples start where a tile's rays enter the volume, so they shift a little from tile to tile.
        np.testing.assert_allclose(tiled, whole, atol=1e-4 if method == "siddon" else 0.1)
        assert whole.max() > 1


def test_autograd_gives_the_derivative_by_a_left_twist() -> None:
    """Of a smooth blob by the trilinear method, whose image is differentiable (siddon's is not, see DESIGN.md)."""
    k, j, i = np.indices(SHAPE)
    density = np.exp(-((k - 11) ** 2 + (j - 8) ** 2 + (i - 9) ** 2) / (2 * 2.5**2)).astype(np.float32)
    renderer = DiffDrr(density, IJK_TO_RAS, ISOCENTRIC.resized(40, 35), method="trilinear", rays_per_tile=700)
    rows, columns = np.indices((40, 35))
    weights = (np.sin(columns / 6) + np.cos(rows / 5 + columns / 9)).astype(np.float32)[None]
    pose = poses()[2]
    gradient = renderer.backward(pose[None], weights)[0]
    steps = np.array([5e-3, 5e-3, 5e-3, 0.2, 0.2, 1.0])
    assert gradient_error(gradient, central_differences(renderer, pose, weights, steps)) < 0.02


def test_a_cloud_becomes_the_voxels_it_was_made_of() -> None:
    mask = np.random.default_rng(0).random((5, 6, 7)) < 0.3
    kji = np.argwhere(mask)
    fill = np.random.default_rng(1).uniform(0.5, 1, len(kji)).astype(np.float32)
    origin = np.array([100.0, -50.0, 30.0])
    cloud = VesselCloud(
        (origin + 0.4 * kji[:, ::-1]).astype(np.float32), fill * 0.4**3, np.zeros(len(kji), bool), 0.4, origin
    )  # fmt: skip
    density, ijk_to_ras = voxelised(cloud)
    np.testing.assert_allclose(ijk_to_ras[:3, 3], origin + 0.4 * kji.min(axis=0)[::-1], atol=1e-4)
    low, high = kji.min(axis=0), kji.max(axis=0) + 1
    expected = np.zeros(mask.shape)
    expected[mask] = fill
    np.testing.assert_allclose(density, expected[low[0] : high[0], low[1] : high[1], low[2] : high[2]], rtol=1e-4)
