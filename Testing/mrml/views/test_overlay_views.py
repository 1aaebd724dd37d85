"""The views: layouts, whole detectors, the source's view in 3D, beam, frames, and a preview that leaves no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.geometry.carm import CArm, angles_of_direction
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.nodes.arrays import to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene, write_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_image
from DeepIterRegLib.mrml.overlay.drr_overlay import draw_drr
from DeepIterRegLib.mrml.overlay.live_preview import LivePreview
from DeepIterRegLib.mrml.review.views import ReviewViews, view_name
from DeepIterRegLib.mrml.views.captions import ViewWindow
from DeepIterRegLib.mrml.views.case_views import arrange_case, fit_case
from DeepIterRegLib.mrml.views.frames_view import FRAME_REFERENCE, frame_count, frame_seconds, show_frame
from DeepIterRegLib.mrml.views.frustum import detector_corners_mm, frustum_of, frustums_are_shown, show_frustums
from DeepIterRegLib.mrml.views.layout import DESCRIPTIONS, arrange, layout_number, register_layouts
from DeepIterRegLib.mrml.views.source_view import SourceView
from DeepIterRegLib.mrml.views.surfaces import show_surfaces, surface_of, surfaces_are_shown, vessel_surface
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.result import OutcomeView
from Testing.support.overlay_case import empty_angiogram, layout, registered_tubes, surface, tubes_cloud, vein_mm
from Testing.support.slice_view import ThreeDView, resized_slice_view_image, slice_logic, slice_view_image
from Testing.support.small_registration import FRONTAL, LATERAL, OTHER_POSE, POSE, small_angiogram


def scene_with_views() -> Any:
    """A scene that Slicer's layout logic has given its views, as in the application."""
    import slicer

    scene = new_scene()
    layouts = slicer.vtkMRMLLayoutLogic()
    layouts.SetMRMLScene(scene)
    scene.deepiterreg_logics.append(layouts)
    return scene


def slice_node(scene: Any, name: str = "Red") -> Any:
    return scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def composite(scene: Any, name: str = "Red") -> Any:
    return scene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode")


@pytest.mark.parametrize(("arrangement", "shown", "hidden"), [
    ("one", {"Red", "1"}, {"Yellow", "Green"}),
    ("two", {"Red", "Yellow", "1"}, {"Green"}),
])  # fmt: skip
def test_layouts_show_the_views_they_are_for(arrangement: Any, shown: set[str], hidden: set[str]) -> None:
    scene = scene_with_views()
    assert arrange(scene, arrangement)
    views = {name: scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in ("Red", "Yellow", "Green")}
    views["1"] = scene.GetSingletonNode("1", "vtkMRMLViewNode")
    found = scene.deepiterreg_logics[-1].GetViewNodes()
    in_layout = {found.GetItemAsObject(index).GetID() for index in range(found.GetNumberOfItems())}
    assert {name for name, node in views.items() if node.GetID() in in_layout} == shown
    assert hidden == set(views) - shown


def test_layout_numbers_lie_above_slicers_and_spare_those_of_others() -> None:
    scene = scene_with_views()
    node = layout(scene)
    ours = DESCRIPTIONS["one"][0]
    assert ours > 500
    node.AddLayoutDescription(ours, "<viewports/>")
    number = layout_number(scene, "one")
    assert number is not None
    assert number not in {ours, *(preferred for preferred, _ in DESCRIPTIONS.values())}
    assert node.GetLayoutDescription(ours) == "<viewports/>"
    assert layout_number(scene, "one") == number, "found again"
    register_layouts(scene)
    numbers = {layout_number(scene, arrangement) for arrangement in DESCRIPTIONS}
    assert len(numbers) == 2


def test_scene_without_a_window_is_not_arranged() -> None:
    assert not arrange(new_scene(), "one")


def test_arranged_scene_shows_the_dsa_and_no_cta_over_it() -> None:
    case = registered_tubes(scene=scene_with_views())
    scene, view = case.cta.GetScene(), case.views[0]
    composite(scene).SetForegroundVolumeID(case.cta.GetID())
    composite(scene).SetLabelVolumeID(case.cta.GetID())
    arrange_case(case, "one", OverlayLook())
    shown = composite(scene)
    assert (shown.GetBackgroundVolumeID(), shown.GetForegroundVolumeID()) == (view.plane.GetID(), view.drr.GetID())
    assert shown.GetLabelVolumeID() is None
    assert layout(scene).GetViewArrangement() == layout_number(scene, "one")
    assert surfaces_are_shown(case)
    assert frustums_are_shown(case)


def test_what_the_user_hides_in_3d_stays_hidden_when_the_views_are_arranged_again() -> None:
    case = registered_tubes()
    arrange_case(case, "one", OverlayLook())
    show_surfaces(case, OverlayLook(), visible=False)
    show_frustums(case, visible=False)
    arrange_case(case, "one", OverlayLook())
    assert not surfaces_are_shown(case)
    assert not frustums_are_shown(case)


def grey_extent(picture: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(picture.max(axis=-1) > 0)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize("size", [(300, 900), (700, 400)])
def test_views_are_fitted_to_the_size_that_they_get_afterwards(size: tuple[int, int]) -> None:
    case = registered_tubes()
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook(arteries=False, veins=False))
    resized_slice_view_image(scene, "Red", *size)
    fit_case(case)
    height, width = grey_extent(slice_view_image(scene, "Red", *size))
    expected = min(size[0] / LATERAL.rows, size[1] / LATERAL.columns) / 1.02
    assert height == pytest.approx(LATERAL.rows * expected, abs=3)
    assert width == pytest.approx(LATERAL.columns * expected, abs=3)


def test_fitting_leaves_a_view_alone_that_shows_something_else() -> None:
    case = registered_tubes()
    scene = case.cta.GetScene()
    composite(scene).SetForegroundVolumeID(None)
    composite(scene).SetBackgroundVolumeID(case.cta.GetID())
    slice_node(scene).SetFieldOfView(50.0, 50.0, 1.0)
    fit_case(case)
    assert slice_node(scene).GetFieldOfView()[0] == 50.0


def test_zooming_and_panning_moves_neither_the_pose_nor_the_plane_in_3d() -> None:
    case = registered_tubes()
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook())
    logic = slice_logic(scene, "Red")
    node = slice_node(scene)

    def corners() -> np.ndarray:
        logic.UpdatePipeline()
        bounds = np.zeros((4, 3))
        matrix = node.GetUVWToRAS()
        extent = np.array(node.GetUVWDimensions()) - 1
        for row, (i, j) in enumerate(((0, 0), (extent[0], 0), (0, extent[1]), tuple(extent[:2]))):
            bounds[row] = matrix.MultiplyPoint((float(i), float(j), 0.0, 1.0))[:3]
        return bounds

    before = corners()
    field = node.GetFieldOfView()
    node.SetFieldOfView(field[0] / 4, field[1] / 4, field[2])
    node.SetSliceOrigin(12.0, -7.0, 0.0)
    camera = scene.GetSingletonNode("1", "vtkMRMLCameraNode")
    camera.SetPosition(0.0, 10.0, 0.0)
    camera.SetViewAngle(5.0)
    np.testing.assert_allclose(corners(), before, atol=1e-9)
    np.testing.assert_array_equal(to_parent_of(case.pose_node), POSE)
    # As large as the detector, up to half a pixel of the picture in 3D.
    width_mm = np.linalg.norm(before[1] - before[0])
    assert width_mm == pytest.approx(LATERAL.columns * 1.5, abs=2)


@pytest.mark.parametrize("carm", [LATERAL, FRONTAL])
def test_beam_goes_from_the_source_through_the_corners_of_the_detector(carm: CArm) -> None:
    corners = detector_corners_mm(carm)
    expected = np.array([[0, 0], [carm.columns, 0], [carm.columns, carm.rows], [0, carm.rows]]) - 0.5
    np.testing.assert_allclose(project(corners, carm), expected, atol=1e-6)
    halfway = carm.source_mm + 0.5 * (corners - carm.source_mm)
    np.testing.assert_allclose(project(halfway, carm), expected, atol=1e-6)
    case = registered_tubes([carm])
    show_frustums(case)
    node = frustum_of(case.views[0])
    assert node is not None
    polydata = node.GetPolyData()
    points = np.array([polydata.GetPoint(index) for index in range(5)])
    np.testing.assert_allclose(points[0], carm.source_mm, atol=1e-3)
    np.testing.assert_allclose(points[1:], corners, atol=1e-3)
    ball = np.array([polydata.GetPoint(index) for index in range(5, polydata.GetNumberOfPoints())])
    assert ((ball - carm.source_mm) @ carm.normal < 0).all(), "a camera at the source must not see it"


def test_surface_lies_around_its_points_and_moves_with_the_pose() -> None:
    case = registered_tubes()
    show_surfaces(case, OverlayLook(vein_colour=(0.0, 1.0, 0.5)))
    node = surface(case, "veins")
    wall = np.array([node.GetPolyData().GetPoint(index) for index in range(node.GetPolyData().GetNumberOfPoints())])
    course = vein_mm()
    inner = course[40:-40]
    distance = np.linalg.norm(wall[:, None] - course[None], axis=2).min(axis=1)
    near_ends = np.minimum(*(np.linalg.norm(wall - course[end], axis=1) for end in (0, -1))) < 8
    assert abs(np.median(distance[~near_ends]) - 4.0) < 0.8, "the vein's radius"
    assert np.linalg.norm(wall[:, None] - inner[None], axis=2).min(axis=0).max() < 6, "all along the course"
    assert node.GetParentTransformNode() is case.pose_node
    assert node.GetDisplayNode().GetColor() == (0.0, 1.0, 0.5)
    assert node.GetName() == "CTA veins"


def test_surface_is_made_once_and_again_when_the_vessels_change() -> None:
    case = registered_tubes()
    show_surfaces(case, OverlayLook())
    first = surface(case, "arteries").GetPolyData()
    show_surfaces(case, OverlayLook(artery_colour=(0.0, 1.0, 0.0)))
    assert surface(case, "arteries").GetPolyData() is first
    weights = case.cloud_node.GetPolyData().GetPointData().GetArray("weights_mm3")
    weights.SetTuple1(0, 9.0)
    (again,) = registered_cases(case.cta.GetScene())
    show_surfaces(again, OverlayLook())
    assert surface(again, "arteries").GetPolyData() is not first


def test_no_vessels_make_no_surface() -> None:
    nothing = np.zeros(0, dtype=np.float32)
    cloud = VesselCloud(nothing.reshape(0, 3), nothing, nothing > 0, 1.0, np.zeros(3))
    assert vessel_surface(cloud).GetNumberOfPoints() == 0


def test_surfaces_and_beam_are_found_again_in_a_saved_scene(tmp_path: Path) -> None:
    case = registered_tubes()
    arrange_case(case, "one", OverlayLook(veins=False))
    points = surface(case, "arteries").GetPolyData().GetNumberOfPoints()
    write_scene(case.cta.GetScene(), tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    (opened,) = registered_cases(scene)
    assert surface(opened, "arteries").GetPolyData().GetNumberOfPoints() == points
    assert surface_of(opened, "veins") is None
    assert frustums_are_shown(opened)
    polydata = surface(opened, "arteries").GetPolyData()
    show_surfaces(opened, OverlayLook(veins=False))
    assert surface(opened, "arteries").GetPolyData() is polydata, "made again for nothing"


@pytest.mark.parametrize("carm", [LATERAL, FRONTAL], ids=["lateral", "frontal"])
def test_vessels_seen_from_the_source_cover_the_mirrored_drr(carm: CArm) -> None:
    square = CArm.from_angles(
        float(carm.primary_angle_deg or 0), float(carm.secondary_angle_deg or 0), 1150.0, 750.0, 1.0, 200, 200
    )
    case = registered_tubes([square])
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook())
    show_frustums(case, visible=False)
    slice_node(scene).SetSliceVisible(False)
    view = ThreeDView(scene, 400, 400)
    try:
        silhouette = view.image().max(axis=-1) > 20
    finally:
        view.close()
    drr = voxels_of(case.views[0].drr)[0, ..., 3] > 40
    scale = 400 // drr.shape[0]
    expected = np.kron(drr[:, ::-1], np.ones((scale, scale), dtype=bool))
    overlap = (silhouette & expected).sum() / (silhouette | expected).sum()
    mirrored = (silhouette & expected[:, ::-1]).sum() / (silhouette | expected[:, ::-1]).sum()
    assert overlap > 0.85
    assert mirrored < 0.6


def test_plane_fills_the_3d_view_from_the_source() -> None:
    square = CArm.from_angles(20.0, -10.0, 1150.0, 750.0, 1.0, 200, 200)
    case = registered_tubes([square])
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook())
    show_surfaces(case, OverlayLook(), visible=False)
    logic = slice_logic(scene, "Red")
    plain = slice_view_image(scene, "Red", 204, 204)[2:-2, 2:-2].astype(int)
    view = ThreeDView(scene, 200, 200)
    try:
        picture = view.image().astype(int)
    finally:
        view.close()
        del logic
    difference = np.abs(picture[5:-5, 5:-5] - plain[:, ::-1][5:-5, 5:-5])
    assert np.median(difference) < 12
    assert (difference.max(axis=-1) < 60).mean() > 0.9


def test_frame_lies_where_the_minip_does_and_has_its_window() -> None:
    case = registered_tubes()
    scene, view = case.cta.GetScene(), case.views[0]
    frames = small_angiogram(LATERAL).frames
    assert frame_count(view.dsa) == 3
    assert frame_seconds(view.dsa, 1) == pytest.approx(1 / 3)
    assert show_frame(view, 1)
    node = view.plane.GetNodeReference(FRAME_REFERENCE)
    assert composite(scene).GetBackgroundVolumeID() == node.GetID()
    np.testing.assert_array_equal(voxels_of(node)[0], frames[1])
    image = node.GetImageData()
    assert show_frame(view, 0)
    assert node.GetImageData() is image, "filled in place"
    np.testing.assert_array_equal(voxels_of(node)[0], frames[0])
    display, minip = node.GetDisplayNode(), view.plane.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (minip.GetWindow(), minip.GetLevel())
    assert node.GetHideFromEditors()
    assert show_frame(view, None)
    assert composite(scene).GetBackgroundVolumeID() == view.plane.GetID()


def test_frame_that_the_run_does_not_have_is_the_minip() -> None:
    view = registered_tubes().views[0]
    assert not show_frame(view, 3)
    assert composite(view.plane.GetScene()).GetBackgroundVolumeID() == view.plane.GetID()


def test_frames_of_a_volume_whose_third_axis_is_time_are_shown_between_their_own_extremes() -> None:
    case = registered_tubes()
    frames = np.random.default_rng(0).integers(300, 900, (5, 48, 64)).astype(np.uint16)
    run = add_image(case.cta.GetScene(), "run", frames, np.eye(4))
    object.__setattr__(case.views[0], "dsa", run)
    assert frame_count(run) == 5
    assert frame_seconds(run, 2) is None
    assert show_frame(case.views[0], 4)
    node = case.views[0].plane.GetNodeReference(FRAME_REFERENCE)
    np.testing.assert_array_equal(voxels_of(node)[0], frames[4])
    assert 300 <= node.GetDisplayNode().GetWindowLevelMin() < node.GetDisplayNode().GetWindowLevelMax() <= 900
    picture = slice_view_image(case.cta.GetScene(), "Red", 200, 200)
    assert (picture.max(axis=-1) > 0).mean() > 0.5, "smaller frames cover the same detector"


def everything(scene: Any) -> tuple[str, list[bytes], list[float]]:
    """All that a scene holds and shows."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    pictures = [voxels_of(n).tobytes() for n in nodes if n.IsA("vtkMRMLVolumeNode") and n.GetImageData() is not None]
    views = [n for n in nodes if n.IsA("vtkMRMLSliceNode")]
    fields = [value for n in views for value in (*n.GetFieldOfView(), *n.GetXYZOrigin(), *n.GetUVWExtents())]
    return scene.GetSceneXMLString(), pictures, fields


def outcome_views(carms: list[CArm]) -> list[OutcomeView]:
    angiograms = [empty_angiogram(carm) for carm in carms]
    return [OutcomeView(a.carm, a.frames.min(axis=0), a.valid) for a in angiograms]


def test_preview_shows_the_vessels_at_the_pose_before_there_is_a_result() -> None:
    scene = scene_with_views()
    preview = LivePreview(scene, tubes_cloud(), outcome_views([LATERAL]), OverlayLook(arteries=False))
    preview.show(POSE)
    first = slice_view_image(scene, "Red", 200, 200).astype(int)
    preview.show(OTHER_POSE)
    second = slice_view_image(scene, "Red", 200, 200).astype(int)
    for picture in (first, second):
        assert (picture[..., 2] - picture[..., 0] > 40).sum() > 300
    assert np.abs(first - second).max() > 60
    preview.close()


def test_preview_is_fitted_to_the_size_that_its_window_gets() -> None:
    scene = scene_with_views()
    preview = LivePreview(scene, tubes_cloud(), outcome_views([LATERAL]))
    resized_slice_view_image(scene, "Red", 300, 500)
    preview.show(POSE)
    height, width = grey_extent(slice_view_image(scene, "Red", 300, 500))
    slice_node(scene).SetFieldOfView(30.0, 20.0, 1.0)
    preview.show(OTHER_POSE)
    assert slice_node(scene).GetFieldOfView()[0] == 30.0, "the user's own zoom stays"
    preview.close()
    assert max(height / 300, width / 500) == pytest.approx(1 / 1.02, abs=0.03)


@pytest.mark.parametrize("count", [1, 2])
def test_closed_preview_leaves_scene_and_views_exactly_as_they_were(count: int) -> None:
    carms = [LATERAL, FRONTAL][:count]
    case = registered_tubes(carms, scene=scene_with_views())
    scene = case.cta.GetScene()
    for name, size in (("Red", (321, 517)), ("Yellow", (411, 222)))[:count]:
        slice_view_image(scene, name, *size)
    slice_node(scene).SetFieldOfView(77.0, 55.5, 1.0)
    slice_node(scene).SetSliceOrigin(3.0, -4.0, 0.0)
    composite(scene).SetForegroundOpacity(0.31)
    layout(scene).SetViewArrangement(layout(scene).SlicerLayoutFourUpView)
    before = everything(scene)
    preview = LivePreview(scene, tubes_cloud(), outcome_views(carms))
    preview.show(OTHER_POSE)
    assert everything(scene) != before
    preview.close()
    assert everything(scene) == before
    preview.show(POSE)
    preview.close()
    assert everything(scene) == before, "closed twice"


def test_preview_is_not_saved_and_not_offered_in_selectors(tmp_path: Path) -> None:
    scene = scene_with_views()
    preview = LivePreview(scene, tubes_cloud(), outcome_views([LATERAL]))
    preview.show(POSE)
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    assert all(node.GetHideFromEditors() for node in nodes if node.IsA("vtkMRMLVolumeNode"))
    write_scene(scene, tmp_path / "scene.mrb")
    assert read_scene(tmp_path / "scene.mrb").GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0
    preview.close()


def test_preview_survives_a_scene_that_is_closed_under_it() -> None:
    scene = scene_with_views()
    preview = LivePreview(scene, tubes_cloud(), outcome_views([LATERAL]))
    preview.show(POSE)
    scene.Clear(False)
    preview.show(OTHER_POSE)
    preview.close()
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0


def test_window_that_changed_its_size_during_the_preview_keeps_its_scale() -> None:
    case = registered_tubes(scene=scene_with_views())
    scene = case.cta.GetScene()
    slice_view_image(scene, "Red", 300, 400)
    node = slice_node(scene)
    node.SetFieldOfView(80.0, 60.0, 1.0)
    preview = LivePreview(scene, tubes_cloud(), outcome_views([LATERAL]))
    resized_slice_view_image(scene, "Red", 600, 500)
    preview.close()
    np.testing.assert_allclose(node.GetFieldOfView()[:2], (100.0, 120.0))


def test_case_is_a_case() -> None:
    """What the fixtures promise the other tests."""
    case = registered_tubes([LATERAL, FRONTAL])
    assert isinstance(case, RegisteredCase)
    assert [view.carm.rows for view in case.views] == [96, 120]


def test_no_view_is_ever_given_an_image_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    """VTK fills the application's log then: whatever changes a node that is on show, somebody draws at once."""
    case = registered_tubes(scene=scene_with_views())
    scene, view = case.cta.GetScene(), case.views[0]
    arrange_case(case, "one", OverlayLook())
    red = slice_logic(scene, "Red")
    tag = view.drr.AddObserver("AnyEvent", lambda *_: (red.UpdatePipeline(), red.GetBlend().Update()))
    draw_drr(view.drr, case.cloud, view.carm, OTHER_POSE)
    view.drr.RemoveObserver(tag)
    assert "0 connections" not in capfd.readouterr().err
    reviewed = ReviewViews(case)
    logics = [slice_logic(scene, view_name(0, side)) for side in ("left", "right")]
    for logic in logics:
        logic.GetBlend().Update()
    reviewed.close()
    assert "0 connections" not in capfd.readouterr().err


@pytest.mark.parametrize(("carm", "letters"), [(LATERAL, ("A", "P")), (FRONTAL, ("R", "L"))], ids=["lateral", "ap"])
def test_3d_view_along_the_beam_shows_what_the_dsa_shows_lit_as_before(carm: CArm, letters: tuple[str, str]) -> None:
    square = CArm.from_angles(
        float(carm.primary_angle_deg or 0), float(carm.secondary_angle_deg or 0), 1150.0, 750.0, 1.0, 200, 200
    )
    case = registered_tubes([square], scene=scene_with_views())
    scene = case.cta.GetScene()
    arrange_case(case, "one", OverlayLook())
    show_frustums(case, visible=False)
    slice_node(scene).SetSliceVisible(False)
    view = ThreeDView(scene, 200, 200)
    from_source = view.image().astype(int)
    camera = scene.GetSingletonNode("1", "vtkMRMLCameraNode")
    source_view = SourceView(ViewWindow(view.renderer, lambda: None), camera, square, lambda: case.pose)
    assert source_view.is_mirrored
    assert source_view._sides.text == letters
    # A known point is in both views at the same place.
    point_mm = apply(case.pose, vein_mm()[30:31])[0]
    column, row = project(point_mm[None], square)[0]
    view.renderer.SetWorldPoint(*point_mm, 1.0)
    view.renderer.WorldToView()
    right, up, _ = view.renderer.GetViewPoint()
    np.testing.assert_allclose([right, up], [(column + 0.5) / 100 - 1, 1 - (row + 0.5) / 100], atol=2e-3)
    source_view._sides.close()
    mirrored = view.image().astype(int)
    difference = np.abs(mirrored[:, ::-1] - from_source).max(axis=-1)
    assert (difference > 40).mean() < 0.03, "lit, and in the colours of before"
    # Seen from the side the head must not be mirrored.
    camera.GetCamera().Azimuth(60)
    camera.Modified()
    assert not source_view.is_mirrored
    # Where another C-arm stands, the view may stand for that one.
    towards = np.array(camera.GetFocalPoint()) - np.array(camera.GetPosition())
    source_view.stand_for(square.at_angles(*angles_of_direction(towards / np.linalg.norm(towards))))
    assert source_view.is_mirrored
    source_view.stand_for(square)
    assert not source_view.is_mirrored
    assert camera.GetCamera().GetUserTransform() is None
    source_view.close()
    camera.GetCamera().Azimuth(-60)
    as_from_source = SourceView(ViewWindow(view.renderer, lambda: None), camera, square.mirrored(), lambda: case.pose)
    assert not as_from_source.is_mirrored, "an image that is stored as it is seen from the source"
    as_from_source.close()
    view.close()
