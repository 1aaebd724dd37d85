"""The overlay follows the pose, in the slice view, in every look, and after the scene was saved and read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import ROOT

pytest.importorskip("slicer")

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.plane_motion import pose_in_frame
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array, voxels_of
from DeepIterRegLib.mrml.nodes.node_attributes import CARM
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.overlay.drr_overlay import draw_drr
from DeepIterRegLib.mrml.overlay.live_overlay import LiveOverlay
from DeepIterRegLib.mrml.overlay.look_attribute import LOOK, look_of
from DeepIterRegLib.mrml.views.views import show_behind
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.render.vessel_images import VesselRenderer, coarsened, hole_free_carm, subdivided
from Testing.support.overlay_case import artery_mm, empty_angiogram, registered_tubes, tubes_cloud, vein_mm
from Testing.support.slice_view import slice_view_image
from Testing.support.small_registration import FRONTAL, LATERAL, OTHER_POSE, POSE, small_volume

VEINS = OverlayLook(arteries=False)
HEAD_MOTION = np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (5.0, -7.0, 6.0)])
MOVED_POSE = pose_in_frame(POSE, HEAD_MOTION[2], small_volume().centre_mm, LATERAL)


class Later:
    """Stands in for the application's clock: what is to happen later happens when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], None], int]] = []

    def __call__(self, callback: Callable[[], None], ms: int) -> None:
        self.waiting.append((callback, ms))

    def passes(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback, _ in waiting:
            callback()


def seen(case: RegisteredCase, carm: CArm = LATERAL) -> np.ndarray:
    """(rows, columns, 3) what the red slice view shows at the centre of every detector pixel."""
    scene = case.cta.GetScene()
    row_mm, column_mm = carm.pixel_spacing_mm
    node = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    node.SetFieldOfView(carm.columns * column_mm, carm.rows * row_mm, 1.0)
    return slice_view_image(scene, "Red", 4 * carm.rows, 4 * carm.columns)[1::4, 2::4].astype(int)


def pixels_on(course_mm: np.ndarray, pose: np.ndarray, carm: CArm = LATERAL) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels that a vessel's centreline falls on, at least two pixels inside the image."""
    columns, rows = np.rint(project(apply(pose, course_mm), carm)).astype(int).T
    inside = (columns > 8) & (columns < carm.columns - 2) & (rows > 2) & (rows < carm.rows - 2)
    return rows[inside], columns[inside]


def tubes_on_grey() -> RegisteredCase:
    return registered_tubes(angiograms=[empty_angiogram(LATERAL)])


def is_red(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] - pixels[..., 2] > 40


def is_blue(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 2] - pixels[..., 0] > 40


@pytest.fixture
def case() -> RegisteredCase:
    return tubes_on_grey()


def test_arteries_are_red_and_veins_blue_where_they_project(case: RegisteredCase) -> None:
    picture = seen(case)
    artery, vein = pixels_on(artery_mm(), POSE), pixels_on(vein_mm(), POSE)
    assert is_red(picture[artery]).mean() > 0.8, "all but where the vein crosses"
    assert is_blue(picture[vein]).mean() > 0.8
    assert len(artery[0]) > 200
    assert len(vein[0]) > 200


def test_arteries_or_veins_can_be_hidden(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    live.set_look(OverlayLook(veins=False))
    assert not is_blue(seen(case)).any()
    live.set_look(OverlayLook(arteries=False))
    assert not is_red(seen(case)).any()
    assert is_blue(seen(case)[pixels_on(vein_mm(), POSE)]).all()


def test_overlay_follows_whoever_moves_the_pose(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    live.set_look(VEINS)
    for move in (
        lambda: case.set_pose(OTHER_POSE),
        lambda: case.pose_node.SetMatrixTransformToParent(matrix_of_array(OTHER_POSE)),
    ):
        case.set_pose(POSE)
        assert not is_blue(seen(case)[pixels_on(vein_mm(), OTHER_POSE)]).all()
        move()
        assert is_blue(seen(case)[pixels_on(vein_mm(), OTHER_POSE)]).mean() > 0.9
    live.close()
    case.set_pose(POSE)
    assert is_blue(seen(case)[pixels_on(vein_mm(), OTHER_POSE)]).mean() > 0.9, "closed"


def moving_tubes(raw: bool) -> RegisteredCase:
    """Of a run in which the head moved. raw: another reader loaded its frames, so that they still show it."""
    angiogram = replace(empty_angiogram(LATERAL), head_motion=HEAD_MOTION)
    case = registered_tubes(angiograms=[angiogram])
    if raw:
        case.views[0].dsa.RemoveAttribute(CARM)
    return case


def test_overlay_follows_the_head_through_raw_frames() -> None:
    case = moving_tubes(raw=True)
    live = LiveOverlay(case)
    for frame, pose in ((1, POSE), (2, MOVED_POSE), (7, MOVED_POSE), (None, POSE)):
        live.set_look(replace(VEINS, frame=frame))
        assert is_blue(seen(case)[pixels_on(vein_mm(), pose)]).mean() > 0.95
    live.set_look(replace(VEINS, frame=2))
    case.set_pose(OTHER_POSE)
    moved = pose_in_frame(OTHER_POSE, HEAD_MOTION[2], case.centre_mm, LATERAL)
    assert is_blue(seen(case)[pixels_on(vein_mm(), moved)]).mean() > 0.95


def test_overlay_stays_where_frames_have_been_moved_back() -> None:
    case = moving_tubes(raw=False)
    LiveOverlay(case).set_look(replace(VEINS, frame=2))
    assert is_blue(seen(case)[pixels_on(vein_mm(), POSE)]).mean() > 0.95
    assert is_blue(seen(case)[pixels_on(vein_mm(), MOVED_POSE)]).mean() < 0.8


def test_moving_pose_is_drawn_quickly_and_a_resting_one_finely() -> None:
    sharp = CArm.from_angles(80.0, 5.0, 1150.0, 750.0, 0.5, 288, 384, principal_point_px=(180.0, 150.0))
    case = registered_tubes([sharp])
    later = Later()
    down = [False]
    live = LiveOverlay(case, later, button_is_down=lambda: down[0])
    live.redraw()
    fine = voxels_of(case.views[0].drr).shape
    case.set_pose(OTHER_POSE)
    quick = voxels_of(case.views[0].drr).shape
    assert quick[1] < fine[1]
    assert [ms for _, ms in later.waiting] == [100]
    case.set_pose(POSE)
    later.passes()
    assert voxels_of(case.views[0].drr).shape == quick, "it has moved since"
    down[0] = True
    later.passes()
    assert voxels_of(case.views[0].drr).shape == quick, "the mouse still drags"
    down[0] = False
    later.passes()
    assert voxels_of(case.views[0].drr).shape == fine
    assert later.waiting == []
    case.set_pose(OTHER_POSE)
    live.close()
    later.passes()
    assert voxels_of(case.views[0].drr).shape == quick, "closed"


def test_scale_of_a_coarse_picture_holds_until_a_fine_one_is_drawn() -> None:
    sharp = CArm.from_angles(80.0, 5.0, 1150.0, 750.0, 0.5, 288, 384, principal_point_px=(180.0, 150.0))
    case = registered_tubes([sharp])
    drr = case.views[0].drr
    fine, picture = drr.GetAttribute("DeepIterReg.full-red-mm"), voxels_of(drr).copy()
    draw_drr(drr, case.cloud, sharp, POSE, "quick")
    assert drr.GetAttribute("DeepIterReg.full-red-mm") != fine
    LiveOverlay(case).redraw()
    assert drr.GetAttribute("DeepIterReg.full-red-mm") == fine
    np.testing.assert_array_equal(voxels_of(drr), picture)
    case.set_pose(OTHER_POSE)
    assert drr.GetAttribute("DeepIterReg.full-red-mm") == fine, "chosen once"


def test_picture_at_a_pose_does_not_depend_on_where_it_came_from(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    live.redraw()
    first = voxels_of(case.views[0].drr).copy()
    case.set_pose(OTHER_POSE)
    assert not np.array_equal(voxels_of(case.views[0].drr), first)
    case.set_pose(POSE)
    np.testing.assert_array_equal(voxels_of(case.views[0].drr), first)


def test_second_dsa_follows_too() -> None:
    case = registered_tubes([LATERAL, FRONTAL])
    live = LiveOverlay(case)
    before = [voxels_of(view.drr).copy() for view in case.views]
    case.set_pose(OTHER_POSE)
    assert all(not np.array_equal(voxels_of(view.drr), old) for view, old in zip(case.views, before, strict=True))
    live.close()


def test_before_shows_the_start_until_somebody_moves_the_cta(case: RegisteredCase) -> None:
    told: list[OverlayLook] = []
    live = LiveOverlay(case, on_look=told.append)
    live.set_look(replace(VEINS, moment="before"))
    picture = seen(case)
    assert is_blue(picture[pixels_on(vein_mm(), case.initial_pose)]).all()
    assert not is_blue(picture[pixels_on(vein_mm(), POSE)]).all()
    case.set_pose(OTHER_POSE)
    assert is_blue(seen(case)[pixels_on(vein_mm(), OTHER_POSE)]).mean() > 0.9
    assert live.look.moment == "after"
    assert [look.moment for look in told] == ["after"]


def test_opacity_is_that_of_the_look_and_full_where_things_are_compared(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    composite = case.cta.GetScene().GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    live.set_look(OverlayLook(opacity=0.25))
    assert composite.GetForegroundOpacity() == 0.25
    live.set_look(OverlayLook(opacity=0.25, comparison="swipe"))
    assert composite.GetForegroundOpacity() == 1.0
    live.apply_opacity(visible=False)
    assert composite.GetForegroundOpacity() == 0.0


def test_swiped_view_shows_the_dsa_on_the_right_and_dark_vessels_on_the_left(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    without = seen_without_overlay(case)
    live.set_look(OverlayLook(comparison="swipe", swipe=0.5))
    picture = seen(case)
    np.testing.assert_array_equal(picture[:, 66:], without[:, 66:])
    rows, columns = pixels_on(vein_mm(), POSE)
    left = columns < 60
    assert (picture[rows[left], columns[left]] < 0.8 * without[rows[left], columns[left]]).all()
    np.testing.assert_array_equal(picture[:, :6], without[:, :6], "the shutter")


def seen_without_overlay(case: RegisteredCase) -> np.ndarray:
    composite = case.cta.GetScene().GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    opacity = composite.GetForegroundOpacity()
    composite.SetForegroundOpacity(0)
    picture = seen(case)
    composite.SetForegroundOpacity(opacity)
    return picture


def test_squares_alternate_between_dsa_and_cta_in_the_view(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    without = seen_without_overlay(case)
    live.set_look(OverlayLook(comparison="checkerboard", tile_mm=24.0))
    changed = np.abs(seen(case) - without).max(axis=-1) > 0
    # 96 x 128 pixels of 1.5 mm: 16 pixels a square; the borders themselves are soft.
    squares = changed.reshape(6, 16, 8, 16)[:, 1:-1, :, 1:-1].any(axis=(1, 3))
    row, column = np.indices(squares.shape)
    opaque = (row + column) % 2 == (3 + 4) % 2
    assert not squares[~opaque].any()
    assert squares[opaque].sum() >= 6, "the vessels pass through many squares"


def test_outline_is_thin_and_leaves_the_vessels_inside_to_the_dsa(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    without = seen_without_overlay(case)
    live.set_look(OverlayLook(style="outline", opacity=1.0, arteries=False))
    picture = seen(case)
    rows, columns = pixels_on(vein_mm(), POSE)
    np.testing.assert_array_equal(picture[rows, columns], without[rows, columns])
    blue = is_blue(picture)
    assert blue.any()
    live.set_look(OverlayLook(opacity=1.0, arteries=False))
    assert blue.sum() < 0.7 * is_blue(seen(case)).sum()


def test_pose_that_is_no_rigid_motion_leaves_the_overlay_as_it_was(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    live.redraw()
    before = voxels_of(case.views[0].drr).copy()
    case.pose_node.SetMatrixTransformToParent(matrix_of_array(np.diag([2.0, 2, 2, 1])))
    np.testing.assert_array_equal(voxels_of(case.views[0].drr), before)
    case.set_pose(OTHER_POSE)
    assert not np.array_equal(voxels_of(case.views[0].drr), before)


def test_look_and_picture_survive_a_saved_scene(tmp_path: Path, case: RegisteredCase) -> None:
    look = OverlayLook(True, True, (0.0, 0.8, 0.2), (0.9, 0.5, 0.0), 0.45, "outline", "none", 0.2, 20.0)
    live = LiveOverlay(case)
    live.set_look(look)
    picture = seen(case)
    write_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    (opened,) = registered_cases(scene)
    assert look_of(opened.pose_node) == look
    pixels = voxels_of(case.views[0].drr)
    np.testing.assert_array_equal(voxels_of(opened.views[0].drr), pixels)
    # MRML writes a slice view's matrix with six digits.
    assert np.abs(seen(opened) - picture).mean() < 0.3
    again = LiveOverlay(opened)
    assert again.look == look
    again.redraw()
    difference = np.abs(voxels_of(opened.views[0].drr).astype(int) - pixels)
    assert difference.mean() < 0.1


def test_unreadable_look_in_a_scene_is_the_default(case: RegisteredCase) -> None:
    case.pose_node.SetAttribute(LOOK, "{damaged")
    assert look_of(case.pose_node) == OverlayLook()


def test_overlay_of_a_registration_that_was_done_again_is_another(case: RegisteredCase) -> None:
    live = LiveOverlay(case)
    live.redraw()
    assert live.draws(registered_cases(case.cta.GetScene())[0])
    voxels_of(case.views[0].plane)[0] = 0
    case.views[0].plane.GetImageData().Modified()
    assert not live.draws(case)


def test_frame_behind_the_overlay_keeps_it_in_front(case: RegisteredCase) -> None:
    scene, view = case.cta.GetScene(), case.views[0]
    composite = scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    show_behind(scene, view.drr, case.cta)
    assert composite.GetBackgroundVolumeID() == case.cta.GetID()
    assert composite.GetForegroundVolumeID() == view.drr.GetID()


@pytest.mark.parametrize("detail", ["quick", "fine"])
def test_both_levels_hold_the_same_vessel(detail: Any) -> None:
    """What a pixel misses or has twice shows as a hole or a stripe; the sum over the image is the vessel's volume."""
    sharp = CArm.from_angles(80.0, 5.0, 1150.0, 750.0, 0.4, 400, 480)
    exact = VesselRenderer(subdivided(tubes_cloud(), 4), sharp).draw(POSE, "fine")
    found = VesselRenderer(tubes_cloud(), sharp).draw(POSE, detail)
    pixel_mm2 = np.prod(found.carm.pixel_spacing_mm)
    for name in ("arteries", "veins"):
        got, expected = getattr(found, name), getattr(exact, name)
        assert got.sum() * pixel_mm2 == pytest.approx(expected.sum() * np.prod(exact.carm.pixel_spacing_mm), rel=0.01)
    rows, columns = pixels_on(vein_mm(), POSE, found.carm)
    along = found.veins[rows, columns]
    assert along.min() > 0.5 * np.median(along), "a hole"


def test_cloud_of_too_many_points_keeps_its_weight_and_its_place() -> None:
    cloud = subdivided(tubes_cloud(), 2)
    fewer = coarsened(cloud, len(cloud) // 4)
    assert len(fewer) < len(cloud) / 2
    assert fewer.cell_mm > cloud.cell_mm
    for part in ("arteries", "veins"):
        ours, theirs = getattr(fewer, part), getattr(cloud, part)
        assert ours.weights_mm3.sum() == pytest.approx(theirs.weights_mm3.sum(), rel=1e-5)
        np.testing.assert_allclose(
            np.average(ours.positions_mm, axis=0, weights=ours.weights_mm3),
            np.average(theirs.positions_mm, axis=0, weights=theirs.weights_mm3),
            atol=1e-3,
        )


def test_detector_is_never_drawn_with_more_pixels_than_it_has() -> None:
    assert hole_free_carm(LATERAL, 0.01, 1024) is LATERAL
    coarse = hole_free_carm(LATERAL, 4.0, 1024)
    assert coarse.columns < LATERAL.columns / 3
    np.testing.assert_allclose(
        coarse.columns * coarse.pixel_spacing_mm[1], LATERAL.columns * LATERAL.pixel_spacing_mm[1]
    )


def test_application_draws_the_overlay_without_scipy_or_anything_heavier() -> None:
    code = (
        "import sys, numpy as np\n"
        "from DeepIterRegLib.mrml.overlay.drr_overlay import OverlayPainter\n"
        "from DeepIterRegLib.registration.overlay_look import OverlayLook\n"
        "from DeepIterRegLib.mrml.nodes.scene import new_scene\n"
        "from DeepIterRegLib.geometry.carm import CArm\n"
        "from DeepIterRegLib.preparation.cloud import VesselCloud\n"
        "import DeepIterRegLib.mrml.panel.overlay, DeepIterRegLib.mrml.overlay.live_preview\n"
        "scene = new_scene()\n"
        "node = scene.AddNewNodeByClass('vtkMRMLVectorVolumeNode')\n"
        "ones = np.ones(50, np.float32)\n"
        "cloud = VesselCloud(np.eye(3, dtype=np.float32)[[0] * 50], ones, ones > 0, 1.0, np.zeros(3))\n"
        "carm = CArm.from_angles(0, 0, 1000, 500, 1.0, 32, 32)\n"
        "OverlayPainter(node, cloud, carm, np.ones((32, 32), bool)).paint(np.eye(4), OverlayLook(style='outline'))\n"
        "heavy = {'scipy', 'numba', 'torch', 'matplotlib', 'PIL', 'pydicom'}\n"
        "print(*sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_tubes_are_what_the_tests_think_they_are() -> None:
    """The courses lie well inside their tubes, and the DSA under them is empty."""
    cloud = tubes_cloud()
    for course, part in ((artery_mm(), cloud.arteries), (vein_mm(), cloud.veins)):
        nearest = np.linalg.norm(part.positions_mm[None] - course[::40, None], axis=2).min(axis=1)
        assert nearest.max() < 1
    assert empty_angiogram(LATERAL).frames[:, 3:].std() == 0
