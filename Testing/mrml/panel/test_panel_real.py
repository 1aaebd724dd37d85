"""The panel on images that this project did not make, as Slicer loads them, and on scenes that users have edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.qt_adapter import open_module

pytest.importorskip("slicer")

from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.arrays import image_data, matrix_of_array
from DeepIterRegLib.mrml.nodes.carm_values import carm_values, set_typed, typed_geometry
from DeepIterRegLib.mrml.nodes.dsa_node import dsa_source_of
from DeepIterRegLib.mrml.nodes.input_check import missing_cta, missing_dsa
from DeepIterRegLib.mrml.nodes.new_node import new_node
from DeepIterRegLib.mrml.nodes.node_attributes import PLANE_REFERENCE
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, pose_node_of, registered_case
from DeepIterRegLib.mrml.nodes.scene import new_scene, write_scene
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.nodes.volume_node import add_image
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.worker.failures import failure
from Testing.mrml.panel.test_panel import Case, case_in
from Testing.support.cases import CASES, needs_cases
from Testing.support.registered_scene import registered_scene
from Testing.support.slicer_loading import load_volume, load_xa
from Testing.support.small_registration import OTHER_POSE, FakeRegister, small_volume

HEAD = CASES / "rotational-head"
FIELDS = ("PrimaryAngle", "SecondaryAngle", "Sdd", "Sid", "PixelSpacing")


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    with case_in(monkeypatch) as made:
        yield made


def no_files(uid: str) -> str:
    return ""


def shown(opened: Any, what: str) -> list[str]:
    return [getattr(opened.ui, f"dsa{field}{what}").text for field in FIELDS]


def errors_mm(case: RegisteredCase) -> list[float]:
    """How far the pose is from the identity, on each detector."""
    return [mean_projection_error_mm(case.pose, np.eye(4), case.centre_mm, view.carm) for view in case.views]


@needs_cases
def test_real_run_is_registered_and_opens_again_on_another_computer(tmp_path: Path) -> None:
    """A rotational run lies where its volume was made from it: the true pose is the identity."""
    with open_module() as opened:
        import slicer

        opened.ui.ctaSelector.setCurrentNode(load_volume(opened.scene, HEAD / "volume.nrrd", "3DRA"))
        runs = [
            load_xa(opened.scene, HEAD / f"frame_{number:03d}.dcm", slicer.dicomDatabase, f"XA {number}")
            for number in (48, 120)
        ]
        opened.ui.dsaSelector.setCurrentNode(runs[0][1])
        assert shown(opened, "Edit") == ["RAO 26.45°", "0°", "1200 mm", "785 mm", "0.374 mm"]
        assert set(shown(opened, "Origin")) == {"from DICOM"}
        assert opened.ui.registerButton.text == "Register"
        opened.ui.secondDsaSelector.setCurrentNode(runs[1][0])
        press(opened)
        assert max(errors_mm(opened.widget.panel.case)) < 0.5
        write_scene(opened.scene, tmp_path / "head.mrb")
        opened.scene.Clear(False)
        slicer.dicomDatabase.files.clear()
        assert opened.scene.ReadFromMRB(str(tmp_path / "head.mrb"), True)
        opened.process_events(0.2)
        # The scene keeps the angles that explain both runs.
        primary, *others = shown(opened, "Edit")
        assert float(primary.removeprefix("RAO ").removesuffix("°")) == pytest.approx(26.45, abs=0.2)
        assert others[1:] == ["1200 mm", "785 mm", "0.374 mm"]
        assert set(shown(opened, "Origin")) == {"from scene"}
        assert opened.ui.registerButton.text == "Register"
        press(opened)
        assert max(errors_mm(opened.widget.panel.case)) < 0.5


def press(opened: Any) -> None:
    opened.ui.registerButton.click()
    opened.process_events(until=lambda: not opened.widget.panel.register_section.is_running, timeout=120)
    opened.process_events(0.1)
    assert opened.ui.stageLabel.text == ""


@needs_cases
@pytest.mark.parametrize(
    ("file", "frames", "asks", "origins"),
    [
        ("multiframe_with_geometry", 8, "Register", ["from DICOM"] * 5),
        ("multiframe_no_pixel_spacing", 10, "Enter the detector's pixel size", ["from DICOM"] * 4 + ["missing"]),
        ("coronary_jpeg_96frames", 96, "Enter the source-to-detector distance", ["from DICOM"] * 2 + ["missing"] * 3),
        ("single_uncompressed", 1, "Enter the C-arm's angles", ["missing"] * 5),
        ("XA1_J2KR", 1, "Enter the C-arm's angles", ["missing"] * 5),
    ],
)
def test_what_a_real_file_lacks_is_asked_for(case: Case, file: str, frames: int, asks: str, origins: list[str]) -> None:
    import slicer

    sequence, proxy = load_xa(case.scene, CASES / "xa-dicom" / f"{file}.dcm", slicer.dicomDatabase)
    assert sequence.GetNumberOfDataNodes() == frames
    case.ui.dsaSelector.setCurrentNode(proxy)
    assert case.ui.registerButton.text == asks
    assert shown(case.opened, "Origin") == origins


def test_nodes_of_a_closed_scene_are_let_go(case: Case) -> None:
    case.register()
    gone: list[str] = []
    for name, node in (("CTA", case.cta), ("DSA", case.lateral), ("plane", case.panel.case.views[0].plane)):
        node.AddObserver("DeleteEvent", lambda *_, name=name: gone.append(name))
    node = case.cta = case.lateral = case.frontal = None
    case.worker.requests.clear()
    case.scene.Clear(False)
    case.opened.process_events(0.3)
    assert sorted(gone) == ["CTA", "DSA", "plane"]


def test_refine_takes_the_dsas_of_the_result_on_show(case: Case) -> None:
    case.register()
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    case.ui.refineButton.click()
    assert [source.ready and source.ready.carm.primary_angle_deg for source in case.worker.requests[-1].dsas] == [80.0]
    case.worker.end("cancelled")
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    case.ui.refineButton.click()
    assert len(case.worker.requests[-1].dsas) == 2, "a view that was added counts"


def test_hardened_cta_is_not_moved_a_second_time(case: Case) -> None:
    case.register()
    assert case.ui.appliedCheckBox.enabled
    assert case.cta.HardenTransform()
    case.opened.exit()
    case.opened.enter()
    assert "hardened" in case.ui.warningsLabel.text
    assert not case.ui.appliedCheckBox.checked
    assert not case.ui.appliedCheckBox.enabled


def test_copy_of_a_registered_cta_has_a_registration_of_its_own() -> None:
    case = registered_scene(1)
    scene, pose = case.cta.GetScene(), case.pose
    copy = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "copy")
    copy.Copy(case.cta)
    assert copy.GetParentTransformNode() is case.pose_node
    assert registered_case(copy) is None
    DeepIterRegLogic(scene, FakeRegister(OTHER_POSE)).register(copy, [case.views[0].dsa])
    assert pose_node_of(copy) is not case.pose_node
    np.testing.assert_array_equal(case.pose, pose)
    assert registered_case(case.cta) is not None


def test_run_without_its_dicom_file_keeps_the_carm_that_it_was_registered_with() -> None:
    case = registered_scene(1)
    carm = case.views[0].carm
    frames = np.zeros((3, carm.rows, carm.columns), dtype=np.float32)
    run = add_image(case.cta.GetScene(), "run", frames, np.eye(4))
    assert carm_values(run, no_files).missing
    run.SetNodeReferenceID(PLANE_REFERENCE, case.views[0].plane.GetID())
    values = carm_values(run, no_files)
    assert not values.missing
    assert values.values["primary_angle_deg"].number == pytest.approx(80.0)
    assert {value.origin for value in values.values.values()} == {"scene"}
    set_typed(run, "primary_angle_deg", 70.0)
    source = dsa_source_of(run, typed_geometry(run), no_files)
    assert source.geometry.carm is not None
    assert source.geometry.carm.primary_angle_deg == pytest.approx(70.0)
    assert source.geometry.carm.sdd_mm == pytest.approx(carm.sdd_mm)


def test_image_without_values_is_refused_in_a_sentence() -> None:
    import vtk

    scene = new_scene()
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    node.SetAndObserveImageData(vtk.vtkImageData())
    cta, dsa = missing_cta(node), missing_dsa(node, None, no_files)
    assert cta is not None
    assert told(cta.reason, str) == 'The CTA has no voxels; select a loaded scalar volume for "CTA".'
    assert dsa is not None
    assert told(dsa.reason, str) == 'The DSA has no frames; select a loaded angiographic run for "DSA".'


def test_what_is_replaced_or_removed_goes_from_memory() -> None:
    scene = new_scene()
    node = add_image(scene, "image", small_volume().voxels, np.eye(4))
    gone: list[str] = []
    node.GetImageData().AddObserver("DeleteEvent", lambda *_: gone.append("replaced image"))
    with SceneTransaction(scene) as transaction:
        transaction.remember(node)
        node.SetAndObserveImageData(image_data(small_volume().voxels))
    del transaction
    assert gone == ["replaced image"]
    preview = scene.AddNode(new_node(scene, "vtkMRMLScalarVolumeNode"))
    preview.AddObserver("DeleteEvent", lambda *_: gone.append("removed node"))
    scene.RemoveNode(preview)
    del preview
    assert gone[1:] == ["removed node"]


def test_library_that_finds_no_memory_is_not_a_mistake_of_ours() -> None:
    assert failure(ImportError("x.so: failed to map segment from shared object"))["kind"] == "memory"
    assert failure(ImportError("no module named x"))["kind"] == "internal"


def test_users_own_transform_that_moves_later_is_noticed() -> None:
    case = registered_scene(1)
    assert not case.cta_has_moved
    own = case.cta.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode", "own")
    own.SetAndObserveTransformNodeID(case.pose_node.GetID())
    case.cta.SetAndObserveTransformNodeID(own.GetID())
    assert not case.cta_has_moved
    moved = np.eye(4)
    moved[0, 3] = 3.0
    own.SetMatrixTransformToParent(matrix_of_array(moved))
    assert case.cta_has_moved
