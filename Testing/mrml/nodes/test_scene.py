"""What is seen in a registered scene, where DSAs come from, and scenes on disk."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.images.test_pixel_shift import frames_of
from Testing.support.paths import ROOT

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.arrays import image_data, voxels_of
from DeepIterRegLib.mrml.nodes.dsa_node import angiogram_of
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import close_scene, new_scene, open_scenes, read_scene
from DeepIterRegLib.mrml.nodes.volume_node import volume_of
from DeepIterRegLib.mrml.views.frames_view import moving_frames
from DeepIterRegLib.render.choose import splat_renderer
from Testing.support.cases import CASES, needs_cases
from Testing.support.slice_view import slice_view_image
from Testing.support.small_registration import (
    FRONTAL,
    LATERAL,
    OTHER_POSE,
    POSE,
    FakeRegister,
    small_angiogram,
    small_cloud,
    small_volume,
)

MARGIN = 1.02


def registered_logic(carm: CArm = LATERAL) -> DeepIterRegLogic:
    logic = DeepIterRegLogic(new_scene(), FakeRegister())
    logic.register(logic.load_cta(small_volume()), [logic.load_dsa(small_angiogram(carm))])
    return logic


def detector_as_viewed(scene: Any, carm: CArm) -> Any:
    """(rows, columns, 3) what the red slice view shows at the centre of every detector pixel."""
    node = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    row_mm, column_mm = carm.pixel_spacing_mm
    node.SetFieldOfView(carm.columns * column_mm, carm.rows * row_mm, 1.0)
    # A view of 4 x 4 pixels per detector pixel: VTK counts from the bottom left, and from pixel corners.
    return slice_view_image(scene, "Red", 4 * carm.rows, 4 * carm.columns)[1::4, 2::4]


def redness(view: Any) -> Any:
    return view[..., 0].astype(int) - view[..., 1]


def test_slice_view_shows_the_dsa_upright_with_the_drr_in_red_where_it_projects() -> None:
    logic = registered_logic()
    view = detector_as_viewed(logic.scene, LATERAL)
    drr = splat_renderer(small_cloud(small_volume()), LATERAL, resample=False).render(POSE[None])[0]
    thick, empty = drr > 0.5 * drr.max(), drr == 0
    assert (redness(view)[thick] > 60).all()
    assert (redness(view)[empty] == 0).all()
    # The image, not its mirror.
    assert (redness(view[:, ::-1])[thick] > 60).mean() < 0.6
    assert (redness(view[::-1])[thick] > 60).mean() < 0.6


def test_without_the_drr_the_slice_view_shows_the_grey_values_of_the_minip() -> None:
    logic = registered_logic()
    logic.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode").SetForegroundOpacity(0)
    view = detector_as_viewed(logic.scene, LATERAL).astype(int)
    minip = small_angiogram(LATERAL).frames.min(axis=0)
    low, high = np.percentile(minip[:, 6:], (0.2, 99.5))
    expected = 255 * np.clip((minip - low) / (high - low), 0, 1)
    # Slicer maps 256 grey levels.
    assert np.abs(view[..., 0] - expected).max() <= 2
    assert (view[..., 0] == view[..., 1]).all()


def test_thin_vessels_are_tinted_less_than_thick_ones() -> None:
    logic = registered_logic()
    view = redness(detector_as_viewed(logic.scene, LATERAL))
    drr = splat_renderer(small_cloud(small_volume()), LATERAL, resample=False).render(POSE[None])[0]
    thin = (drr > 0.05 * drr.max()) & (drr < 0.15 * drr.max())
    assert 0 < view[thin].mean() < 0.7 * view[drr > 0.5 * drr.max()].mean()


def test_redrawn_overlay_is_seen_at_the_new_pose() -> None:
    logic = registered_logic()
    detector_as_viewed(logic.scene, LATERAL)
    logic.update_overlay(OTHER_POSE)
    view = detector_as_viewed(logic.scene, LATERAL)
    drr = splat_renderer(small_cloud(small_volume()), LATERAL, resample=False).render(OTHER_POSE[None])[0]
    assert (redness(view)[drr > 0.5 * drr.max()] > 60).all()
    assert (redness(view)[drr == 0] == 0).all()


def test_opened_scene_shows_the_whole_detector_frontally(tmp_path: Path) -> None:
    registered_logic(FRONTAL).save_scene(tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    node = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    size = 256
    view = slice_view_image(scene, "Red", size, size)
    assert redness(view).max() > 60
    height_mm, width_mm = FRONTAL.rows * 1.2, FRONTAL.columns * 1.5
    assert node.GetFieldOfView()[1] == pytest.approx(MARGIN * max(height_mm, width_mm), rel=1e-4)
    grey_rows, grey_columns = np.nonzero(view.max(axis=-1) > 0)
    mm_per_px = MARGIN * max(height_mm, width_mm) / size
    assert np.ptp(grey_rows) + 1 == pytest.approx(height_mm / mm_per_px, abs=2)
    assert np.ptp(grey_columns) + 1 == pytest.approx(width_mm / mm_per_px, abs=2)


def test_camera_stands_at_the_source_and_sees_the_detectors_height() -> None:
    camera = registered_logic().scene.GetSingletonNode("1", "vtkMRMLCameraNode")
    np.testing.assert_allclose(camera.GetPosition(), LATERAL.source_mm)
    focal_mm = np.array(camera.GetFocalPoint())
    half_height_mm = LATERAL.rows * 1.5 / 2
    np.testing.assert_allclose(
        focal_mm - half_height_mm * LATERAL.row_direction,
        LATERAL.detector_origin_mm + 63.5 * 1.5 * LATERAL.column_direction - 0.75 * LATERAL.row_direction,
    )
    assert np.tan(np.radians(camera.GetViewAngle() / 2)) == pytest.approx(half_height_mm / LATERAL.sdd_mm)
    np.testing.assert_allclose(camera.GetViewUp(), -LATERAL.row_direction)


def no_database(uid: str) -> str:
    return ""


def volume_node(scene: Any, voxels: Any, name: str = "run") -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image_data(voxels))
    return node


def raw_run() -> Any:
    """(T, rows, columns) uint16 as a scanner stores a subtracted run: noise, and a vessel that fills."""
    rng = np.random.default_rng(0)
    vessel = 40 * np.exp(-(((np.arange(200) - 90) / 6.0) ** 2))[None, None]
    filling = np.array([0.1, 0.6, 1.0, 0.7])[:, None, None]
    return (2000 + rng.normal(0, 3, (4, 160, 200)) - 10 * filling * vessel).astype(np.uint16)


GEOMETRY = GeometryOptions(30.0, -10.0, 1200.0, 760.0, 0.8)


def test_plain_volume_is_a_run_whose_third_axis_is_time() -> None:
    scene = new_scene()
    angiogram = angiogram_of(volume_node(scene, raw_run()), GEOMETRY, no_database)
    assert angiogram.frames.shape == (4, 160, 200)
    np.testing.assert_allclose(angiogram.frames[2] - angiogram.frames[0], raw_run()[2] - raw_run()[0].astype(float))
    assert (angiogram.carm.primary_angle_deg, angiogram.carm.sdd_mm) == (30.0, pytest.approx(1200.0))


def sequence_and_proxy(scene: Any, frames: Any) -> tuple[Any, Any]:
    """A run as Slicer loads it: a sequence of slices, a browser, and the proxy volume that shows one of them."""
    import slicer

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "XA")
    for index, frame in enumerate(frames):
        sequence.SetDataNodeAtValue(volume_node(slicer.vtkMRMLScene(), frame[None]), str(index))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "XA browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    logic.UpdateProxyNodesFromSequences(browser)
    proxy = browser.GetProxyNode(sequence)
    assert voxels_of(proxy).shape == (1, *frames.shape[1:])
    return sequence, proxy


@pytest.mark.parametrize("which", [0, 1], ids=["sequence", "proxy"])
def test_sequence_and_its_proxy_volume_are_the_same_run(which: int) -> None:
    scene = new_scene()
    node = sequence_and_proxy(scene, raw_run())[which]
    angiogram = angiogram_of(node, GEOMETRY, no_database)
    plain = angiogram_of(volume_node(scene, raw_run()), GEOMETRY, no_database)
    np.testing.assert_array_equal(angiogram.frames, plain.frames)


def test_registering_a_proxy_volume_shows_the_planes_of_its_sequence() -> None:
    logic = DeepIterRegLogic(new_scene(), FakeRegister(), no_database)
    sequence, proxy = sequence_and_proxy(logic.scene, raw_run())
    logic.register(logic.load_cta(small_volume()), [proxy], geometry=GEOMETRY)
    assert sequence.GetNodeReference("DeepIterReg.plane").GetName() == "XA MinIP"


def test_how_the_head_lies_in_raw_frames_of_another_reader_is_known_once_they_are_registered() -> None:
    logic = DeepIterRegLogic(new_scene(), FakeRegister(), no_database)
    frames = frames_of([(0.0, 0.0)] * 5 + [(3.0, -2.0)]).astype(np.uint16)
    _, proxy = sequence_and_proxy(logic.scene, frames)
    logic.register(logic.load_cta(small_volume()), [proxy], geometry=GEOMETRY)
    (case,) = registered_cases(logic.scene)
    motions = moving_frames(case, case.views[0])
    assert motions is not None
    np.testing.assert_allclose(motions, [(0.0, 0.0, 0.0)] * 5 + [(3.0, -2.0, 0.0)], atol=0.05)


def test_run_without_geometry_names_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"^The DSA .*source-to-detector"):
        angiogram_of(volume_node(new_scene(), raw_run()), None, no_database)


def test_typed_in_geometry_wins_over_that_of_a_loaded_run() -> None:
    logic = DeepIterRegLogic(new_scene(), FakeRegister())
    dsa = logic.load_dsa(small_angiogram(FRONTAL))
    carm = angiogram_of(dsa, GeometryOptions(primary_angle_deg=-25.0, sdd_mm=1000.0), no_database).carm
    assert (carm.primary_angle_deg, carm.secondary_angle_deg) == (-25.0, 20.0)
    assert carm.sdd_mm == pytest.approx(1000)
    assert carm.sid_mm == pytest.approx(750)
    assert carm.pixel_spacing_mm == (1.2, 1.5)


@needs_cases
def test_run_from_the_dicom_database_has_the_geometry_of_its_tags() -> None:
    path = sorted((CASES / "rotational-head").rglob("*.dcm"))[0]
    from DeepIterRegLib.images.dsa_files import read_angiogram

    expected = read_angiogram(path)
    scene = new_scene()
    node = volume_node(scene, expected.frames[:1])
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    angiogram = angiogram_of(node, None, {"1.2.3": str(path)}.__getitem__)
    np.testing.assert_array_equal(angiogram.frames, expected.frames)
    np.testing.assert_array_equal(angiogram.carm.source_mm, expected.carm.source_mm)
    assert not any(path.name in warning for warning in angiogram.warnings)


def test_frames_of_several_dicom_files_take_the_geometry_of_the_first(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    header = pydicom.Dataset()
    header.Rows, header.Columns = 160, 200
    header.PositionerPrimaryAngle, header.PositionerSecondaryAngle = "-35.5", "12"
    header.DistanceSourceToDetector, header.DistanceSourceToPatient = "1180", "765"
    header.ImagerPixelSpacing = ["0.6", "0.6"]
    for name in ("a", "b"):
        pydicom.dcmwrite(tmp_path / name, header, implicit_vr=True, little_endian=True)
    node = volume_node(new_scene(), raw_run())
    node.SetAttribute("DICOM.instanceUIDs", "a b")
    angiogram = angiogram_of(node, None, lambda uid: str(tmp_path / uid))
    assert angiogram.frames.shape == (4, 160, 200)
    assert angiogram.carm.primary_angle_deg == -35.5
    assert angiogram.carm.sid_mm == pytest.approx(765)


def test_cta_node_of_unknown_kind_is_judged_by_its_values() -> None:
    scene = new_scene()
    vessels = np.zeros((30, 40, 50), dtype=np.float64)
    vessels[10:12, :, 20] = 900
    volume = volume_of(volume_node(scene, vessels))
    assert (volume.kind, volume.name) == ("3dra", "3DRA")
    assert volume.voxels.dtype in (np.float32, np.int16)
    vessels[0, 0, 0] = np.nan
    with pytest.raises(InputError, match=r"^The CTA .*NaN"):
        volume_of(volume_node(scene, vessels))


@pytest.mark.parametrize("carm", [LATERAL, CArm(
    np.array([0.0, -700.0, 3.0]), np.array([-80.0, 400.0, 81.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, -1.0]),
    (0.5, 0.5), 300, 320,
)], ids=["angles", "calibrated"])  # fmt: skip
def test_carm_survives_as_text_to_the_last_digit(carm: CArm) -> None:
    back = carm_from_json(carm_to_json(carm), "The DSA")
    for field in ("source_mm", "detector_origin_mm", "column_direction", "row_direction"):
        np.testing.assert_array_equal(getattr(back, field), getattr(carm, field))
    assert (back.pixel_spacing_mm, back.rows, back.columns) == (carm.pixel_spacing_mm, carm.rows, carm.columns)
    assert (back.primary_angle_deg, back.secondary_angle_deg) == (carm.primary_angle_deg, carm.secondary_angle_deg)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"source_mm": 3}'])
def test_damaged_carm_text_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"^The DSA has a C-arm geometry that cannot be read"):
        carm_from_json(text, "The DSA")


def test_file_that_is_no_scene_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mrb").write_bytes(b"")
    (tmp_path / "text.mrb").write_bytes(b"no zip")
    for name in ("missing", "empty", "text"):
        with pytest.raises(InputError, match=rf"^{name}\.mrb is not a Slicer scene"):
            read_scene(tmp_path / f"{name}.mrb")


def test_closed_scene_is_freed_even_while_layouts_slices_and_python_listen() -> None:
    import slicer

    scene = new_scene()
    layouts, slices = slicer.vtkMRMLLayoutLogic(), slicer.vtkMRMLSliceLogic()
    layouts.SetMRMLScene(scene)
    layouts.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    slices.SetMRMLScene(scene)
    slices.SetSliceNode(scene.GetSingletonNode("Red", "vtkMRMLSliceNode"))
    scene.deepiterreg_logics += [layouts, slices]
    node = volume_node(scene, raw_run())
    heard: list[Any] = []
    node.AddObserver("ModifiedEvent", lambda *_: heard.append(str(slices)))
    freed: list[str] = []
    for part in (scene, node.GetImageData()):
        part.part_of_the_test = _Part()
        weakref.finalize(part.part_of_the_test, freed.append, part.GetClassName())
    close_scene(scene)
    assert scene not in open_scenes()
    del scene, node, part
    gc.collect()
    assert sorted(freed) == ["vtkImageData", "vtkMRMLScene"]
    assert heard == []


class _Part:
    """Goes with the VTK object whose attribute it is."""


def test_mrml_torch_and_simpleitk_live_in_one_process() -> None:
    pytest.importorskip("torch")
    import subprocess
    import sys

    code = (
        "import slicer, torch, SimpleITK as sitk\n"
        "from DeepIterRegLib.mrml.nodes.scene import new_scene\n"
        "scene = new_scene(); scene.AddNewNodeByClass('vtkMRMLScalarVolumeNode')\n"
        "assert float(torch.ones(3).sum()) == 3 and sitk.Image(4, 4, sitk.sitkFloat32).GetSize() == (4, 4)\n"
        "del scene\n"
        "print('alive')"
    )
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
