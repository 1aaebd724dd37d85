"""The logic on real MRML nodes in plain Python: nodes in, pose, planes, overlay, provenance and a scene file out."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError, RegistrationCancelled
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.geometry.projection import detector_points_mm
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.arrays import ijk_to_ras_of, matrix_of_array, to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene
from DeepIterRegLib.mrml.saving.save_images import save_images
from DeepIterRegLib.mrml.views.surfaces import show_surfaces
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.report import rounded_pose, shows_skull
from DeepIterRegLib.render.choose import splat_renderer
from Testing.support.small_registration import (
    FRONTAL,
    LATERAL,
    OTHER_POSE,
    POSE,
    FakeRegister,
    plain,
    raw_angiogram,
    same_native,
    small_angiogram,
    small_cloud,
    small_volume,
    small_xray,
)


class Case:
    """A scene with a CTA and two DSAs, registered on demand."""

    def __init__(self) -> None:
        self.registering = FakeRegister()
        self.scene = new_scene()
        self.logic = DeepIterRegLogic(self.scene, self.registering)
        self.cta = self.logic.load_cta(small_volume())
        self.lateral = self.logic.load_dsa(small_angiogram(LATERAL))
        self.frontal = self.logic.load_dsa(small_angiogram(FRONTAL, frames=1, shutter_px=0))

    def register(self, pose: Any = POSE, dsas: list[Any] | None = None, **options: Any) -> Any:
        self.registering.pose = pose
        progress = options.pop("progress", None)
        return self.logic.register(self.cta, dsas or [self.lateral], Options(**options), progress=progress)


@pytest.fixture
def case() -> Case:
    return Case()


def named(scene: Any, name: str) -> Any:
    node = scene.GetFirstNodeByName(name)
    assert node is not None, f"no node {name!r} in the scene"
    return node


def everything(scene: Any) -> tuple[str, list[bytes]]:
    """All that a scene holds: the nodes' XML and the images' bytes."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    images = [voxels_of(n).tobytes() for n in nodes if n.IsA("vtkMRMLVolumeNode") and n.GetImageData() is not None]
    return scene.GetSceneXMLString(), images


def test_registration_gets_exactly_the_images_that_were_loaded(case: Case) -> None:
    case.register(dsas=[case.lateral, case.frontal], device="cpu", seed=3)
    volume, angiogram = small_volume(), small_angiogram(LATERAL)
    assert case.registering.volume is not None
    np.testing.assert_array_equal(case.registering.volume.voxels, volume.voxels)
    np.testing.assert_allclose(case.registering.volume.ijk_to_ras, volume.ijk_to_ras, rtol=0, atol=1e-12)
    assert (case.registering.volume.kind, case.registering.volume.warnings) == ("cta", volume.warnings)
    assert len(case.registering.angiograms) == 2
    given = case.registering.angiograms[0]
    np.testing.assert_array_equal(given.frames, angiogram.frames)
    np.testing.assert_array_equal(given.valid, angiogram.valid)
    assert given.frame_times_s is not None
    np.testing.assert_array_equal(given.frame_times_s, angiogram.frame_times_s)
    assert (given.patient_position, given.name, given.warnings) == ("HFP", "DSA", angiogram.warnings)
    for field in ("source_mm", "detector_origin_mm", "column_direction", "row_direction"):
        np.testing.assert_array_equal(getattr(given.carm, field), getattr(LATERAL, field))
    assert given.carm.pixel_spacing_mm == LATERAL.pixel_spacing_mm
    assert case.registering.angiograms[1].frame_times_s is None
    assert case.registering.angiograms[1].valid.all()
    assert case.registering.options is not None
    assert case.registering.options.to_json() == Options(device="cpu", seed=3).to_json()


def test_pose_becomes_the_to_parent_matrix_above_the_cta_with_its_centre(case: Case) -> None:
    registration = case.register()
    node = case.cta.GetParentTransformNode()
    assert node.GetName() == "CTA to C-arm"
    assert node.GetClassName() == "vtkMRMLLinearTransformNode"
    np.testing.assert_array_equal(to_parent_of(node), registration.pose)
    np.testing.assert_array_equal(node.GetCenterOfTransformation(), small_volume().centre_mm)
    assert case.logic.pose_node(case.cta) is node


def test_every_pixel_of_the_dsa_plane_lies_where_the_detector_has_it(case: Case) -> None:
    case.register(dsas=[case.lateral, case.frontal])
    for dsa, carm in ((case.lateral, LATERAL), (case.frontal, FRONTAL)):
        plane = dsa.GetNodeReference("DeepIterReg.plane")
        assert voxels_of(plane).shape == (1, carm.rows, carm.columns)
        assert plane.GetParentTransformNode() is None
        rows, columns = np.mgrid[: carm.rows : 7, : carm.columns : 5]
        pixels = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
        ijk = np.column_stack([pixels, np.zeros(len(pixels))])
        placed_mm = apply(ijk_to_ras_of(plane), ijk)
        np.testing.assert_allclose(placed_mm, detector_points_mm(pixels, carm), rtol=0, atol=1e-9)
        assert np.linalg.det(ijk_to_ras_of(plane)) > 0, "Slicer keeps volumes right-handed"


def test_plane_shows_the_minip_and_the_overlay_the_drr_at_the_pose(case: Case) -> None:
    registration = case.register()
    plane = named(case.scene, "DSA MinIP")
    np.testing.assert_array_equal(voxels_of(plane)[0], registration.angiograms[0].minip)
    drr = plane.GetNodeReference("DeepIterReg.drr")
    expected = splat_renderer(small_cloud(small_volume()), LATERAL, resample=False).render(POSE[None])[0]
    assert expected.max() > 1
    full_red_mm = np.percentile(expected[expected > 0], 98)
    opacity = 255 * np.sqrt(np.clip(expected / full_red_mm, 0, 1))
    np.testing.assert_allclose(voxels_of(drr)[0, ..., 3], opacity, atol=0.51)
    np.testing.assert_allclose(ijk_to_ras_of(drr), ijk_to_ras_of(plane), atol=1e-9)


def test_overlay_is_redrawn_in_place_at_another_pose(case: Case) -> None:
    case.register(dsas=[case.lateral, case.frontal])
    drrs = [named(case.scene, "DSA DRR"), named(case.scene, "DSA_1 DRR")]
    images = [node.GetImageData() for node in drrs]
    times = [image.GetMTime() for image in images]
    case.logic.update_overlay(OTHER_POSE)
    for node, image, time, carm in zip(drrs, images, times, (LATERAL, FRONTAL), strict=True):
        assert node.GetImageData() is image
        assert image.GetMTime() > time, "the views would not notice"
        first, expected = splat_renderer(small_cloud(small_volume()), carm, resample=False).render(
            np.stack([POSE, OTHER_POSE])
        )
        opacity = 255 * np.sqrt(np.clip(expected / np.percentile(first[first > 0], 98), 0, 1))
        np.testing.assert_allclose(voxels_of(node)[0, ..., 3], opacity, atol=0.51)


def test_second_registration_updates_the_nodes_of_the_first(case: Case) -> None:
    case.register()
    count = case.scene.GetNumberOfNodes()
    node = case.cta.GetParentTransformNode()
    case.register(OTHER_POSE)
    assert case.scene.GetNumberOfNodes() == count
    assert case.cta.GetParentTransformNode() is node
    np.testing.assert_array_equal(to_parent_of(node), OTHER_POSE)
    assert case.registering.volume is not None
    np.testing.assert_allclose(case.registering.volume.ijk_to_ras, small_volume().ijk_to_ras, atol=1e-12)


def test_a_transform_of_the_users_counts_and_stays_below_the_pose(case: Case) -> None:
    theirs = case.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved by hand")
    shift = rigid(translation_mm=np.array([10.0, 0.0, -5.0]))
    theirs.SetMatrixTransformToParent(matrix_of_array(shift))
    case.cta.SetAndObserveTransformNodeID(theirs.GetID())
    for _ in range(2):  # the second time the pose is there already and must not count
        case.register()
        assert case.registering.volume is not None
        np.testing.assert_allclose(case.registering.volume.ijk_to_ras, shift @ small_volume().ijk_to_ras, atol=1e-12)
    assert case.cta.GetParentTransformNode() is theirs
    np.testing.assert_array_equal(to_parent_of(theirs), shift)
    assert theirs.GetParentTransformNode().GetName() == "CTA to C-arm"
    centre_mm = theirs.GetParentTransformNode().GetCenterOfTransformation()
    np.testing.assert_allclose(centre_mm, small_volume().centre_mm + [10, 0, -5])


@pytest.mark.parametrize("registered_before", [False, True])
@pytest.mark.parametrize("error", [InputError("no vessels"), RegistrationCancelled(), MemoryError()])
def test_failed_or_cancelled_registration_leaves_the_scene_as_it_was(
    case: Case, registered_before: bool, error: BaseException
) -> None:
    if registered_before:
        case.register()
    before = everything(case.scene)
    case.registering.error = error
    with pytest.raises(type(error)):
        case.register(OTHER_POSE)
    assert everything(case.scene) == before


def test_progress_is_passed_on_and_can_cancel(case: Case) -> None:
    before = everything(case.scene)
    seen = []

    def cancel(step: Progress) -> None:
        seen.append(step.stage)
        raise RegistrationCancelled

    with pytest.raises(RegistrationCancelled):
        case.register(progress=cancel)
    assert seen == ["Registering"]
    assert everything(case.scene) == before


@pytest.mark.parametrize("registered_before", [False, True])
@pytest.mark.parametrize("step", ["look_from_source", "store_provenance", "draw_drr"])
def test_failure_while_writing_the_scene_is_undone(
    case: Case, monkeypatch: pytest.MonkeyPatch, registered_before: bool, step: str
) -> None:
    if registered_before:
        case.register()
    before = everything(case.scene)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(f"DeepIterRegLib.mrml.nodes.result_nodes.{step}", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        case.register(OTHER_POSE, dsas=[case.frontal, case.lateral])
    assert everything(case.scene) == before
    if registered_before:
        np.testing.assert_array_equal(to_parent_of(case.cta.GetParentTransformNode()), POSE)


def test_provenance_is_kept_beside_the_pose(case: Case) -> None:
    case.register(method="published", seed=5)
    node = case.cta.GetParentTransformNode()
    assert node.GetAttribute("DeepIterReg.method") == "published"
    assert node.GetAttribute("DeepIterReg.similarity-name") == "NCC"
    assert float(node.GetAttribute("DeepIterReg.similarity")) == 0.8125
    assert json.loads(node.GetAttribute("DeepIterReg.warnings")) == ["The shutter hides a part of the DSA."]
    report = json.loads(node.GetNodeReference("DeepIterReg.report").GetText())
    assert report["pose"] == rounded_pose(POSE)
    assert [stage["name"] for stage in report["stages"]] == ["Radiological pose", "Vessel masks"]
    assert report["angiograms"][0]["carm"]["sdd_mm"] == pytest.approx(1150)
    assert (report["seed"], report["method"]) == (5, "published")
    assert report["software"]["packages"]["numpy"] == np.__version__


def test_saved_scene_read_back_has_the_same_pose_images_and_report(case: Case, tmp_path: Path) -> None:
    case.register(dsas=[case.lateral, case.frontal])
    case.logic.save_scene(tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    cta = named(scene, "CTA")
    node = cta.GetParentTransformNode()
    assert node.GetName() == "CTA to C-arm"
    np.testing.assert_allclose(to_parent_of(node), POSE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(node.GetCenterOfTransformation(), small_volume().centre_mm, atol=1e-10)
    np.testing.assert_array_equal(voxels_of(cta), small_volume().voxels)
    text = node.GetNodeReference("DeepIterReg.report").GetText()
    assert text == case.cta.GetParentTransformNode().GetNodeReference("DeepIterReg.report").GetText()
    for index, carm in enumerate((LATERAL, FRONTAL)):
        plane = scene.GetNthNodeByClass(index, "vtkMRMLSequenceNode").GetNodeReference("DeepIterReg.plane")
        corner = apply(ijk_to_ras_of(plane), np.array([[carm.columns - 1, carm.rows - 1, 0.0]]))
        far = detector_points_mm(np.array([[carm.columns - 1.0, carm.rows - 1.0]]), carm)
        np.testing.assert_allclose(corner, far, atol=1e-9)
        drr = plane.GetNodeReference("DeepIterReg.drr")
        np.testing.assert_array_equal(voxels_of(drr), voxels_of(case.scene.GetNodeByID(drr.GetID())))
    composite = scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == named(scene, "DSA DRR").GetID()
    assert composite.GetBackgroundVolumeID() == named(scene, "DSA MinIP").GetID()


def test_saved_scene_can_be_registered_again_after_reading_it(case: Case, tmp_path: Path) -> None:
    case.register()
    case.logic.save_scene(tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    registering = FakeRegister(OTHER_POSE)
    DeepIterRegLogic(scene, registering).register(
        named(scene, "CTA"), [scene.GetFirstNodeByClass("vtkMRMLSequenceNode")]
    )
    angiogram = small_angiogram(LATERAL)
    assert registering.volume is not None
    np.testing.assert_array_equal(registering.volume.voxels, small_volume().voxels)
    np.testing.assert_allclose(registering.volume.ijk_to_ras, small_volume().ijk_to_ras, atol=1e-12)
    assert registering.volume.warnings == small_volume().warnings
    np.testing.assert_array_equal(registering.angiograms[0].frames, angiogram.frames)
    np.testing.assert_array_equal(registering.angiograms[0].valid, angiogram.valid)
    assert registering.angiograms[0].warnings == angiogram.warnings
    np.testing.assert_array_equal(registering.angiograms[0].carm.source_mm, LATERAL.source_mm)
    np.testing.assert_allclose(to_parent_of(named(scene, "CTA").GetParentTransformNode()), OTHER_POSE, atol=1e-12)
    assert scene.GetNumberOfNodesByClass("vtkMRMLLinearTransformNode") == 1


@pytest.mark.parametrize("angiogram", [raw_angiogram(), small_xray()], ids=["mask frame", "X-ray"])
def test_the_head_without_contrast_is_kept_with_the_scene(tmp_path: Path, angiogram: Angiogram) -> None:
    case = Case()
    case.register(dsas=[case.logic.load_dsa(angiogram)])
    assert same_native(case.registering.angiograms[0], angiogram)
    case.logic.save_scene(tmp_path / "scene.mrb")
    scene, registering = read_scene(tmp_path / "scene.mrb"), FakeRegister()
    dsa = next(node for node in nodes_of(scene, "vtkMRMLSequenceNode") if node.GetNodeReference("DeepIterReg.native"))
    DeepIterRegLogic(scene, registering).register(named(scene, "CTA"), [dsa])
    assert same_native(registering.angiograms[0], angiogram)
    assert registering.angiograms[0].frames.shape == angiogram.frames.shape
    hidden = dsa.GetNodeReference("DeepIterReg.native")
    assert hidden.GetHideFromEditors()
    assert hidden.GetNodeReference("DeepIterReg.valid").GetHideFromEditors()


def test_an_xray_lies_in_the_scene_as_a_sequence_of_one_frame_with_dark_bone(case: Case) -> None:
    angiogram = small_xray()
    case.register(dsas=[dsa := case.logic.load_dsa(angiogram)])
    assert angiogram.native is not None
    assert dsa.GetNumberOfDataNodes() == 1
    np.testing.assert_array_equal(voxels_of(dsa.GetNthDataNode(0))[0], -angiogram.native.attenuation)
    plane = dsa.GetNodeReference("DeepIterReg.plane")
    np.testing.assert_array_equal(voxels_of(plane)[0], -angiogram.native.attenuation)
    assert voxels_of(plane.GetNodeReference("DeepIterReg.drr"))[0, ..., 3].any(), "vessels before the first injection"


def test_an_xray_that_was_taken_out_of_the_scene_is_missed_in_a_sentence(case: Case) -> None:
    dsa = case.logic.load_dsa(small_xray())
    case.scene.RemoveNode(dsa.GetNodeReference("DeepIterReg.native"))
    with pytest.raises(InputError, match="X-ray for the DSA is missing from the scene"):
        case.register(dsas=[dsa])


def test_of_a_ct_without_contrast_the_skull_is_shown_and_said(case: Case, tmp_path: Path) -> None:
    logic = DeepIterRegLogic(case.scene, lambda *arguments: plain(case.registering(*arguments)))
    logic.register(case.cta, [case.lateral])
    assert case.scene.GetFirstNodeByName("CTA vessel points") is None
    points = named(case.scene, "CT skull points")
    assert points.GetPolyData().GetNumberOfPoints() == len(small_cloud(small_volume()))
    drr = case.lateral.GetNodeReference("DeepIterReg.plane").GetNodeReference("DeepIterReg.drr")
    assert voxels_of(drr)[0, ..., 3].any()
    registered = registered_case(case.cta)
    assert registered is not None
    assert shows_skull(registered.report)
    show_surfaces(registered, OverlayLook())
    assert named(case.scene, "CT skull").GetPolyData().GetNumberOfPoints() > 0
    assert case.scene.GetFirstNodeByName("CTA veins") is None
    assert len(save_images(registered, tmp_path)) == 3
    logic.update_overlay(OTHER_POSE)


def nodes_of(scene: Any, class_name: str) -> list[Any]:
    return [scene.GetNthNodeByClass(n, class_name) for n in range(scene.GetNumberOfNodesByClass(class_name))]


def test_scene_file_is_compressed_and_names_no_folder_of_this_machine(case: Case, tmp_path: Path) -> None:
    case.register()
    case.logic.save_scene(tmp_path / "scene.mrb")
    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        sizes = {Path(info.filename).name: info.file_size for info in archive.infolist()}
        scene_xml = next(archive.read(name).decode() for name in archive.namelist() if name.endswith(".mrml"))
    assert sizes["CTA.nrrd"] < 0.8 * small_volume().voxels.nbytes
    assert sizes["DSA.seq.nrrd"] < 0.8 * small_angiogram(LATERAL).frames.nbytes
    assert str(tmp_path) not in scene_xml
    assert "/tmp" not in scene_xml


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        (lambda case: (None, [case.lateral]), "The CTA has no voxels"),
        (lambda case: (case.cta, []), "There is no DSA"),
        (lambda case: (case.cta, [None]), "There is no DSA"),
        (lambda case: (case.cta, [case.lateral, case.lateral]), "The same DSA was given twice"),
        (lambda case: (case.lateral, [case.cta]), "The CTA has no voxels"),
        (lambda case: (empty_volume(case.scene), [case.lateral]), "The CTA has no voxels"),
        (lambda case: (case.cta, [empty_volume(case.scene)]), "The DSA has no frames"),
    ],
)
def test_unusable_nodes_are_refused_in_one_sentence(case: Case, pick: Any, message: str) -> None:
    cta, dsas = pick(case)
    with pytest.raises(InputError, match=f"^{message}"):
        case.logic.register(cta, dsas)
    assert case.registering.volume is None


def empty_volume(scene: Any) -> Any:
    return scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")


def test_cta_under_a_deforming_transform_is_refused(case: Case) -> None:
    import vtk

    grid = case.scene.AddNewNodeByClass("vtkMRMLTransformNode", "warp")
    spline = vtk.vtkThinPlateSplineTransform()
    grid.SetAndObserveTransformToParent(spline)
    case.cta.SetAndObserveTransformNodeID(grid.GetID())
    with pytest.raises(InputError, match="not a linear transform"):
        case.register()


def test_read_only_folder_is_an_input_error(case: Case, tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "scene.mrb", tmp_path / "scene.txt"):
        with pytest.raises(InputError, match=rf"^{path.name} "):
            case.logic.save_scene(path)
