"""The loss of equation 1, compared with nanodrr, with SE(3)'s logarithm, and with the renderer of the registration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from DeepIterRegLib.geometry.carm import CArm  # noqa: E402
from DeepIterRegLib.geometry.pose import radiological_pose  # noqa: E402
from DeepIterRegLib.geometry.projection import mean_projection_error_mm  # noqa: E402
from DeepIterRegLib.geometry.rigid import apply, invert, se3_exp, se3_log  # noqa: E402
from DeepIterRegLib.initializer.correction import corrected_pose  # noqa: E402
from DeepIterRegLib.initializer.window import window_of  # noqa: E402
from DeepIterRegLib.preparation.cloud import VesselCloud  # noqa: E402
from DeepIterRegLib.render.choose import splat_renderer  # noqa: E402
from DeepIterRegLib.research.train.loss import (  # noqa: E402
    double_geodesic_mm,
    geodesic_mm,
    loss_terms,
    rigid_of_correction,
    soft_dice,
    vein_image,
)


def some_poses(seed: int, count: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([se3_exp(rng.normal(0, [0.3, 0.3, 0.3, 25, 25, 25])) for _ in range(count)])


def as_tensor(array: np.ndarray) -> Any:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))


def test_double_geodesic_is_nanodrrs() -> None:
    geo = pytest.importorskip("nanodrr.metrics.geo")
    one, other = as_tensor(some_poses(1)), as_tensor(some_poses(2))
    theirs = geo.DoubleGeodesicSE3(1020.0)(one, other)[2]
    torch.testing.assert_close(double_geodesic_mm(one, other, 1020.0), theirs)


def test_geodesic_is_the_length_of_the_logarithm() -> None:
    one, other = some_poses(3), some_poses(4)
    expected = [np.linalg.norm(se3_log(b @ invert(a))) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(geodesic_mm(as_tensor(one), as_tensor(other)).numpy(), expected, rtol=1e-4)


CARM = CArm.from_angles(88, -3, 1150, 760, 0.35, 900, 900)
CENTRE_MM = np.array([-4.0, -140.0, -520.0])
CORRECTION = np.array([0.12, -0.1, 0.07, 14.0, -9.0, 0.04])


def scene() -> tuple[np.ndarray, VesselCloud, dict[str, Any]]:
    """A pose off the isocentre, a cloud, and the same cloud in the window's frame."""
    pose = se3_exp(np.array([0.05, -0.04, 0.08, 15.0, 10.0, -12.0])) @ radiological_pose(CENTRE_MM)
    points = CENTRE_MM + np.random.default_rng(0).normal(0, 25, (800, 3))
    cloud = VesselCloud(points.astype(np.float32), np.full(800, 60, np.float32), np.ones(800, bool), 2.7, CENTRE_MM)
    axes = np.stack([CARM.column_direction, CARM.row_direction, CARM.normal])
    middle = apply(pose, CENTRE_MM)
    return (
        pose,
        cloud,
        {
            "points_mm": as_tensor((apply(pose, points) - middle) @ axes.T)[None],
            "volume_mm3": torch.tensor([60.0]),
            "source_mm": as_tensor(axes @ (CARM.source_mm - middle))[None],
        },
    )


def test_vein_image_is_what_the_window_shows_of_the_corrected_pose() -> None:
    pose, cloud, batch = scene()
    moved = corrected_pose(pose, CENTRE_MM, CARM, CORRECTION)
    path_mm = splat_renderer(cloud, window_of(pose, CENTRE_MM, CARM), resample=False).render(moved[None])[0]
    coarse = -np.expm1(-path_mm.reshape(48, 2, 48, 2).mean(axis=(1, 3)))
    ours = vein_image(rigid_of_correction(as_tensor(CORRECTION)[None], batch["source_mm"]), **batch)[0].numpy()
    assert np.corrcoef(ours.ravel(), coarse.ravel())[0, 1] > 0.98
    steps = np.arange(48)
    for axis in (0, 1):
        found, expected = (image.sum(axis=axis) @ steps / image.sum() for image in (ours, coarse))
        assert found == pytest.approx(expected, abs=0.05)


def test_terms_are_zero_at_the_target_and_corners_are_the_projection_error() -> None:
    pose, _, batch = scene()
    target = as_tensor(CORRECTION)[None]
    at_target = loss_terms(target, target, **batch)
    assert float(at_target.dice) == pytest.approx(0, abs=1e-5)
    assert float(at_target.geodesic_mm) < 0.01
    assert float(at_target.corners_mm) < 1e-3
    terms = loss_terms(torch.zeros(1, 6), target, **batch)
    # The product's own error, on the product's own detector, whose magnification is the only difference.
    expected = mean_projection_error_mm(pose, corrected_pose(pose, CENTRE_MM, CARM, CORRECTION), CENTRE_MM, CARM)
    window = window_of(pose, CENTRE_MM, CARM)
    assert float(terms.corners_mm) * CARM.sdd_mm / window.sdd_mm == pytest.approx(expected, rel=0.05)
    assert float(terms.total()) > float(at_target.total()) + 0.5


def test_gradient_is_the_finite_difference_and_descends() -> None:
    _, _, batch = scene()
    target = as_tensor(CORRECTION)[None]
    predicted = (as_tensor(CORRECTION)[None] * 0.5).requires_grad_()
    terms = loss_terms(predicted, target, **batch)
    (gradient,) = torch.autograd.grad(terms.total(), predicted)
    for index, step in enumerate((1e-3, 1e-3, 1e-3, 0.1, 0.1, 2e-4)):
        shift = torch.zeros(1, 6)
        shift[0, index] = step
        with torch.no_grad():
            up, down = (float(loss_terms(predicted + sign * shift, target, **batch).total()) for sign in (1, -1))
        assert float(gradient[0, index]) == pytest.approx((up - down) / (2 * step), rel=0.08, abs=2e-3)
    with torch.no_grad():
        better = predicted - 1e-3 * gradient / gradient.norm()
        assert float(loss_terms(better, target, **batch).total()) < float(terms.total())


def test_dice_of_equal_disjoint_and_half_overlapping_images() -> None:
    image = torch.zeros(1, 4, 4)
    image[0, :2] = 1
    shifted = image.roll(1, dims=1)
    assert float(soft_dice(image, image)) == pytest.approx(1)
    assert float(soft_dice(image, 1 - image)) == pytest.approx(0, abs=1e-6)
    assert float(soft_dice(image, shifted)) == pytest.approx(0.5, abs=1e-6)
