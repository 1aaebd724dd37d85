"""The splat renderers: what a point must leave on the detector, and whether the gradient is the image's derivative."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, rigid, se3_exp
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render import choose
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.splat_numba import SplatNumba
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.render.splat_torch import SplatTorch
from DeepIterRegLib.research.benchmark.vessel_tree import random_tree
from DeepIterRegLib.research.benchmark.workload import central_differences, gradient_error, smooth_weights

MakeRenderer = Callable[[VesselCloud, CArm], Renderer]

POSE = se3_exp(np.array([0.1, -0.2, 0.15, 3.0, -4.0, 5.0]))
CARM = CArm.from_angles(20, 10, 1200, 760, (2.4, 2.3), 128, 120, (66.3, 58.8))
MIRRORED = CArm(
    CARM.source_mm, CARM.detector_origin_mm + 119 * 2.3 * CARM.column_direction, -CARM.column_direction,
    CARM.row_direction, CARM.pixel_spacing_mm, CARM.rows, CARM.columns,
)  # fmt: skip
ALL = pytest.mark.parametrize("make", [SplatNumpy, SplatNumba, SplatTorch])


def cloud_of(positions_mm: object, volume_mm3: float = 1.0) -> VesselCloud:
    positions = np.atleast_2d(np.asarray(positions_mm, dtype=np.float32))
    count = len(positions)
    return VesselCloud(positions, np.full(count, volume_mm3, np.float32), np.zeros(count, bool), 1.0, np.zeros(3))


@pytest.fixture(scope="module")
def tree_cloud() -> VesselCloud:
    return random_tree(1, (40, 44, 40), 0.75, 2.5, 0.02).cloud


@ALL
def test_a_point_lands_where_it_is_projected_with_its_volume_on_the_area_it_shades(make: MakeRenderer) -> None:
    point = np.array([31.0, -12.0, 24.0])
    image = make(cloud_of(point, 2.0), CARM).render(POSE[None])[0].astype(np.float64)
    in_carm = apply(POSE, point)
    column, row = project(in_carm[None], CARM)[0]
    rows, columns = np.indices(image.shape)
    np.testing.assert_allclose((image * columns).sum() / image.sum(), column, atol=1e-4)
    np.testing.assert_allclose((image * rows).sum() / image.sum(), row, atol=1e-4)
    ray = in_carm - CARM.source_mm
    depth = ray @ CARM.normal
    cos_theta = depth / np.linalg.norm(ray)
    assert image.sum() == pytest.approx(2.0 * (CARM.sdd_mm / depth) ** 2 / (2.4 * 2.3 * cos_theta), rel=1e-5)


@ALL
def test_a_pixel_holds_the_length_of_vessel_along_its_ray(make: MakeRenderer) -> None:
    edge = np.arange(-9.875, 10, 0.25)
    block = np.stack(np.meshgrid(edge, edge, edge), axis=-1).reshape(-1, 3)
    carm = CArm.from_angles(0, 0, 1200, 760, 2.0, 64, 64)
    image = make(cloud_of(block, 0.25**3), carm).render(np.eye(4)[None])[0]
    # A frontal ray crosses the cube of 20 mm along A; just off the axis it is longer by the secant, which is nothing.
    np.testing.assert_allclose(image[28:36, 28:36], 20.0, rtol=0.01)


@ALL
@pytest.mark.parametrize("carm", [CARM, MIRRORED], ids=["isocentric", "mirrored"])
def test_the_gradient_is_the_derivative_of_the_image(make: MakeRenderer, carm: CArm, tree_cloud: VesselCloud) -> None:
    renderer = make(tree_cloud, carm)
    weights = smooth_weights(128)[:, :, :120]
    gradient = renderer.backward(POSE[None], weights)[0]
    steps = np.array([2e-3, 2e-3, 2e-3, 0.02, 0.02, 0.2])
    assert gradient_error(gradient, central_differences(renderer, POSE, weights, steps)) < 0.005


@ALL
def test_the_gradient_knows_that_a_nearer_point_throws_a_denser_and_larger_shadow(make: MakeRenderer) -> None:
    """With a constant weight the footprint does not matter: d(M^2 / cos theta) alone is left."""
    point, ones = np.array([31.0, -12.0, 24.0]), np.ones((1, 128, 120), np.float32)
    renderer = make(cloud_of(point), CARM)
    gradient = renderer.backward(POSE[None], ones)[0]

    def density(twist: np.ndarray) -> float:
        ray = apply(se3_exp(twist) @ POSE, point) - CARM.source_mm
        return float(np.linalg.norm(ray) / (ray @ CARM.normal) ** 3 * CARM.sdd_mm**2 / (2.4 * 2.3))

    steps = np.array([1e-5] * 3 + [1e-3] * 3)
    expected = [(density(h * e) - density(-h * e)) / (2 * h) for h, e in zip(steps, np.eye(6), strict=True)]
    np.testing.assert_allclose(gradient, expected, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("make", [SplatNumba, SplatTorch])
def test_all_renderers_agree(make: MakeRenderer, tree_cloud: VesselCloud) -> None:
    poses = np.stack([POSE, se3_exp(np.array([-0.3, 0.1, 0.5, -20.0, 5.0, 40.0]))])
    weights = np.concatenate([smooth_weights(128, seed)[:, :, :120] for seed in (1, 2)])
    ours, numpys = make(tree_cloud, CARM), SplatNumpy(tree_cloud, CARM)
    np.testing.assert_allclose(ours.render(poses), numpys.render(poses), atol=1e-3)
    for mine, theirs in zip(ours.backward(poses, weights), numpys.backward(poses, weights), strict=True):
        assert gradient_error(mine, theirs) < 1e-3


@ALL
def test_a_batch_is_the_same_as_its_poses_one_by_one(make: MakeRenderer, tree_cloud: VesselCloud) -> None:
    poses = np.stack([se3_exp(np.array([0.1 * k, 0, 0, 0, 3.0 * k, 0])) @ POSE for k in range(3)])
    weights = np.concatenate([smooth_weights(128, seed)[:, :, :120] for seed in range(3)])
    renderer = make(tree_cloud, CARM)
    images, gradients = renderer.render(poses), renderer.backward(poses, weights)
    for k in range(3):
        np.testing.assert_allclose(images[k], renderer.render(poses[k : k + 1])[0], rtol=1e-5, atol=1e-5)
        alone = renderer.backward(poses[k : k + 1], weights[k : k + 1])[0]
        np.testing.assert_allclose(gradients[k], alone, rtol=1e-4, atol=1e-2)


def test_threads_over_poses_change_nothing(tree_cloud: VesselCloud) -> None:
    poses = np.stack([se3_exp(np.array([0.1 * k, 0, 0, 0, 3.0 * k, 0])) @ POSE for k in range(5)])
    one, three = SplatNumba(tree_cloud, CARM), SplatNumba(tree_cloud, CARM, threads=3)
    images = one.render(poses)
    np.testing.assert_array_equal(images, three.render(poses))
    np.testing.assert_array_equal(one.backward(poses, images), three.backward(poses, images))


@ALL
def test_what_is_off_the_detector_or_behind_the_source_leaves_nothing(make: MakeRenderer) -> None:
    behind = CARM.source_mm - 50 * CARM.normal
    at_source = CARM.source_mm
    aside = 200 * CARM.column_direction
    renderer = make(cloud_of([behind, at_source, aside, -aside, 300 * CARM.row_direction]), CARM)
    pose = np.eye(4)[None]
    np.testing.assert_array_equal(renderer.render(pose), 0)
    np.testing.assert_array_equal(renderer.backward(pose, np.ones((1, 128, 120), np.float32)), 0)


@ALL
def test_a_point_on_the_edge_leaves_the_share_that_is_on_the_detector(make: MakeRenderer) -> None:
    corner = CARM.detector_origin_mm - 0.25 * 2.3 * CARM.column_direction
    ray = corner - CARM.source_mm
    image = make(cloud_of(CARM.source_mm + 0.6 * ray), CARM).render(np.eye(4)[None])[0]
    whole = make(cloud_of(CARM.source_mm + 0.6 * ray), CARM.resized(64, 60)).render(np.eye(4)[None])[0]
    assert np.count_nonzero(image > 1e-4 * image.max()) == 1
    assert image[0, 0] == pytest.approx(
        0.75 * (1 / 0.6) ** 2 / (2.4 * 2.3) / (CARM.sdd_mm / np.linalg.norm(ray)), rel=1e-3
    )
    assert whole.sum() > 0


@ALL
def test_an_empty_cloud_gives_black_images_and_no_gradient(make: MakeRenderer) -> None:
    renderer = make(cloud_of(np.zeros((0, 3))), CARM)
    assert renderer.render(POSE[None]).max() == 0
    np.testing.assert_array_equal(renderer.backward(POSE[None], np.ones((1, 128, 120), np.float32)), np.zeros((1, 6)))


@ALL
def test_a_patient_far_from_the_scanners_origin_looks_the_same(make: MakeRenderer, tree_cloud: VesselCloud) -> None:
    away = np.array([1500.0, -2000.0, 900.0])
    moved = VesselCloud(
        (tree_cloud.positions_mm + away).astype(np.float32), tree_cloud.weights_mm3, tree_cloud.is_vein,
        tree_cloud.cell_mm, tree_cloud.centre_mm + away,
    )  # fmt: skip
    image = make(moved, CARM).render((POSE @ rigid(None, -away))[None])
    np.testing.assert_allclose(image, make(tree_cloud, CARM).render(POSE[None]), atol=0.02)


@ALL
@pytest.mark.parametrize("spoil", [np.nan, np.inf, 1e30])
def test_a_pose_that_is_not_one_is_refused(make: MakeRenderer, spoil: float) -> None:
    pose = np.eye(4)
    pose[0, 3] = spoil
    with pytest.raises(ValueError, match="pose"):
        make(cloud_of([0, 0, 0]), CARM).render(pose[None])


@ALL
def test_a_gradient_image_of_another_size_is_refused(make: MakeRenderer) -> None:
    with pytest.raises(ValueError, match="images must be"):
        make(cloud_of([0, 0, 0]), CARM).backward(POSE[None], np.ones((1, 120, 128), np.float32))


def test_training_reaches_the_poses_through_torch(tree_cloud: VesselCloud) -> None:
    import torch

    renderer = SplatTorch(tree_cloud, CARM)
    weights = smooth_weights(128)[:, :, :120]
    pose = torch.tensor(POSE[None], requires_grad=True)
    (renderer.render_tensor(pose) * torch.from_numpy(weights.copy())).sum().backward()
    by_pose = torch.as_tensor(pose.grad).numpy()[0]
    generators = np.zeros((6, 4, 4))
    for axis, (i, j) in enumerate([(2, 1), (0, 2), (1, 0)]):
        generators[axis, i, j], generators[axis, j, i] = 1, -1
        generators[3 + axis, axis, 3] = 1
    twist = [(by_pose * (generator @ POSE)).sum() for generator in generators]
    np.testing.assert_allclose(twist, renderer.backward(POSE[None], weights)[0], rtol=1e-3)


def test_a_training_batch_may_hold_another_patient_and_c_arm_per_image(tree_cloud: VesselCloud) -> None:
    import torch

    from DeepIterRegLib.render.camera import SplatCamera
    from DeepIterRegLib.render.splat_torch import splat

    small = tree_cloud.subset(np.arange(len(tree_cloud)) < 500)
    carms = CARM, CArm.from_angles(-80, 5, 1100, 700, 2.5, 128, 120)
    pairs = list(zip((tree_cloud, small), carms, strict=True))
    cameras = [SplatCamera.of(cloud, carm) for cloud, carm in pairs]
    longest = max(len(camera.weights) for camera in cameras)
    points = torch.stack([torch.from_numpy(np.pad(c.points, ((0, 0), (0, longest - len(c.weights))))) for c in cameras])
    weights = torch.stack([torch.from_numpy(np.pad(c.weights, (0, longest - len(c.weights)))) for c in cameras])
    focal, principal = (
        torch.tensor([getattr(c, name) for c in cameras], dtype=torch.float32) for name in ("focal_px", "principal_px")
    )
    matrices = torch.tensor(np.concatenate([c.matrices(POSE[None]) for c in cameras]), dtype=torch.float32)
    images = splat(matrices, points, weights, focal, principal, (128, 120)).numpy()
    for image, (cloud, carm) in zip(images, pairs, strict=True):
        np.testing.assert_allclose(image, SplatNumpy(cloud, carm).render(POSE[None])[0], atol=1e-3)


def test_numpy_alone_is_enough(monkeypatch: pytest.MonkeyPatch, tree_cloud: VesselCloud) -> None:
    monkeypatch.setattr(choose, "numba_is_usable", lambda: False)
    renderer = choose.splat_renderer(tree_cloud, CARM)
    assert renderer.name == "splat-numpy"
    assert renderer.render(POSE[None]).max() > 0


def test_numba_is_preferred_where_it_is_installed(tree_cloud: VesselCloud) -> None:
    assert choose.splat_renderer(tree_cloud, CARM).name == "splat-numba"


def test_a_second_process_does_not_compile(tmp_path: os.PathLike[str]) -> None:
    script = """
import numpy as np
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render import splat_numba
cloud = VesselCloud(np.zeros((1, 3), np.float32), np.ones(1, np.float32), np.zeros(1, bool), 1.0, np.zeros(3))
renderer = splat_numba.SplatNumba(cloud, CArm.from_angles(0, 0, 1200, 760, 2.0, 16, 16))
renderer.backward(np.eye(4)[None], renderer.render(np.eye(4)[None]))
kernels = splat_numba.splat_kernel, splat_numba.gather_kernel
print(sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    compiled = [
        int(subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True).stdout)
        for _ in range(2)
    ]
    assert compiled == [2, 0]
