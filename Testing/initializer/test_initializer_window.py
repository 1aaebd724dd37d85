"""What the network sees is the same for every C-arm, and its six numbers move a pose as they say."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg, se3_exp
from DeepIterRegLib.initializer.correction import corrected_pose, correction_between
from DeepIterRegLib.initializer.window import FIELD_MM, PIXEL_MM, SIZE_PX, UNSEEN, FixedMasks, MovingVessels, window_of
from DeepIterRegLib.preparation.cloud import VesselCloud

CENTRE_MM = np.array([3.0, -130.0, -500.0])
CARMS = {
    "left lateral": CArm.from_angles(92, 3, 1100, 750, 0.3, 1024, 1024),
    "right lateral, coarse": CArm.from_angles(-88, 0, 1000, 720, 0.8, 400, 300, (120.0, 180.0)),
    "frontal, oblong pixels": CArm.from_angles(2, 14, 1250, 800, (0.4, 0.2), 800, 1600),
}


def start(carm: CArm) -> np.ndarray:
    return se3_exp(np.array([0.02, 0.03, -0.05, 12.0, 20.0, 5.0])) @ radiological_pose(CENTRE_MM)


def cloud_about(centre: np.ndarray, seed: int = 0) -> VesselCloud:
    rng = np.random.default_rng(seed)
    points = (centre + rng.normal(0, 22, (300, 3))).astype(np.float32)
    return VesselCloud(points, np.full(300, 40, np.float32), np.ones(300, bool), PIXEL_MM, CENTRE_MM)


@pytest.mark.parametrize("name", CARMS)
def test_corrected_and_between_are_inverse(name: str) -> None:
    carm = CARMS[name]
    correction = np.array([0.1, -0.2, 0.05, 12.0, -7.0, 0.03])
    moved = corrected_pose(start(carm), CENTRE_MM, carm, correction)
    np.testing.assert_allclose(correction_between(start(carm), moved, CENTRE_MM, carm), correction, atol=1e-9)


@pytest.mark.parametrize("name", CARMS)
def test_shift_moves_the_centre_across_the_window_and_leaves_the_depth(name: str) -> None:
    carm = CARMS[name]
    pose = start(carm)
    window = window_of(pose, CENTRE_MM, carm)
    moved = corrected_pose(pose, CENTRE_MM, carm, np.array([0, 0, 0, 10.0, -4.0, 0]))
    middle = (SIZE_PX - 1) / 2
    before, after = (project(apply(each, CENTRE_MM)[None], window)[0] for each in (pose, moved))
    np.testing.assert_allclose(before, [middle, middle], atol=1e-9)
    np.testing.assert_allclose(after, [middle + 10.0 / PIXEL_MM, middle - 4.0 / PIXEL_MM], atol=1e-9)
    assert carm.normal @ (apply(moved, CENTRE_MM) - apply(pose, CENTRE_MM)) == pytest.approx(0, abs=1e-9)


def test_depth_moves_along_the_ray_and_rotation_leaves_the_centre() -> None:
    carm = CARMS["left lateral"]
    pose = start(carm)
    deeper = corrected_pose(pose, CENTRE_MM, carm, np.array([0, 0, 0, 0, 0, np.log(1.1)]))
    ray = apply(pose, CENTRE_MM) - carm.source_mm
    np.testing.assert_allclose(apply(deeper, CENTRE_MM) - carm.source_mm, 1.1 * ray, atol=1e-9)
    turned = corrected_pose(pose, CENTRE_MM, carm, np.array([0, 0, 0.3, 0, 0, 0]))
    np.testing.assert_allclose(apply(turned, CENTRE_MM), apply(pose, CENTRE_MM), atol=1e-9)
    assert rotation_angle_deg(turned @ np.linalg.inv(pose)) == pytest.approx(np.degrees(0.3))


@pytest.mark.parametrize("name", CARMS)
def test_mask_of_the_same_vessels_lies_where_they_are_drawn(name: str) -> None:
    """The mask is painted on the detector pixel by pixel; both channels must show its vessels in one place."""
    carm = CARMS[name]
    pose = start(carm)
    # A ball, off the centre.
    ball = cloud_about(CENTRE_MM + [5, 12, -9])
    places = project(apply(pose, ball.positions_mm), carm)
    mask = np.zeros((carm.rows, carm.columns), bool)
    columns, rows = np.round(places).astype(int).T
    inside = (columns >= 0) & (columns < carm.columns) & (rows >= 0) & (rows < carm.rows)
    mask[rows[inside], columns[inside]] = True
    assert inside.all()
    window = window_of(pose, CENTRE_MM, carm)
    fixed = FixedMasks([mask], np.ones_like(mask), carm).seen_in(window)[0]
    expected = project(apply(pose, ball.positions_mm), window).mean(axis=0)
    shares = np.maximum(fixed, 0)
    steps = np.arange(SIZE_PX)
    found = [(shares.sum(axis=0) @ steps) / shares.sum(), (shares.sum(axis=1) @ steps) / shares.sum()]
    # Two points in one pixel count once: not exact.
    np.testing.assert_allclose(found, expected, atol=0.25)
    moving = MovingVessels(ball).seen_in(window, pose)
    assert np.corrcoef(moving[fixed > 0.001], fixed[fixed > 0.001])[0, 1] > 0.3


def test_area_is_kept_and_what_the_detector_did_not_see_is_marked() -> None:
    carm = CARMS["right lateral, coarse"]
    pose = start(carm)
    window = window_of(pose, CENTRE_MM, carm)
    everything = np.ones((carm.rows, carm.columns), bool)
    fixed = FixedMasks([everything], everything, carm).seen_in(window)[0]
    assert set(np.unique(fixed)) == {UNSEEN, 1.0}
    magnification = carm.sdd_mm / window.sdd_mm
    detector_mm2 = carm.rows * carm.columns * 0.8**2 / magnification**2
    inside = project(apply(pose, CENTRE_MM)[None], carm)[0]
    assert 0 < inside[0] < carm.columns
    assert 0 < inside[1] < carm.rows
    assert (fixed == 1).sum() * PIXEL_MM**2 == pytest.approx(
        min(detector_mm2, FIELD_MM**2), rel=0.35
    )  # part of the detector is beyond the window
    half = everything.copy()
    half[:, carm.columns // 2 :] = False
    seen_half = FixedMasks([everything], half, carm).seen_in(window)[0]
    assert 0 < (seen_half == 1).sum() < (fixed == 1).sum()


def test_two_carms_that_see_the_same_show_the_same() -> None:
    """Another SDD with pixels to match, and a detector twice as fine: the same window, the same images."""
    pose = start(CARMS["left lateral"])
    one = CArm.from_angles(92, 3, 1100, 750, 0.4, 512, 512)
    other = CArm.from_angles(92, 3, 1320, 750, 0.4 * 1320 / 1100 / 2, 1024, 1024)
    rng = np.random.default_rng(0)
    mask = rng.random((512, 512)) < 0.2
    finer = mask.repeat(2, axis=0).repeat(2, axis=1)
    views = []
    for carm, image in ((one, mask), (other, finer)):
        window = window_of(pose, CENTRE_MM, carm)
        veins = MovingVessels(cloud_about(CENTRE_MM)).seen_in(window, pose)
        views.append((veins, FixedMasks([image], np.ones_like(image), carm).seen_in(window)[0]))
    np.testing.assert_allclose(views[0][0], views[1][0], atol=1e-5)
    np.testing.assert_allclose(views[0][1], views[1][1], atol=1e-5)
