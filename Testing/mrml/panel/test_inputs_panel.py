"""The Inputs section on real widgets and a real scene: select, type, clear, and what the Register button asks for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.support.inputs_panel import NODES, InputsPanel, Machine, inputs_panel
from Testing.support.paths import OUTPUT

pytest.importorskip("slicer")

from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.arrays import image_data
from DeepIterRegLib.mrml.nodes.carm_values import TYPED
from DeepIterRegLib.mrml.nodes.volume_node import add_image
from Testing.mrml.nodes.test_inputs_carm import sequence_of_dicom
from Testing.support.dicom_files import write_xa
from Testing.support.small_registration import FRONTAL, LATERAL, POSE, FakeRegister, small_angiogram, small_volume

ROWS = ("PrimaryAngle", "SecondaryAngle", "Sdd", "Sid", "PixelSpacing")


@pytest.fixture
def panel() -> Any:
    with inputs_panel() as opened:
        yield opened


def plain_run(panel: InputsPanel, name: str = "frames") -> Any:
    """A volume whose third axis is time, of which nobody knows the C-arm."""
    return add_image(panel.scene, name, np.random.default_rng(1).normal(1000, 9, (4, 32, 32)), np.eye(4))


def test_button_asks_for_one_thing_after_the_other(panel: InputsPanel) -> None:
    cta, run = panel.logic.load_cta(small_volume()), plain_run(panel)
    assert panel.button == "Select a CTA and a DSA"
    panel.ui.dsaSelector.setCurrentNode(run)
    assert panel.button == "Select a CTA"
    panel.ui.ctaSelector.setCurrentNode(cta)
    for name, text, before in (
        ("PrimaryAngle", "LAO 30", "Enter the C-arm's angles"),
        ("SecondaryAngle", "CAU 5", "Enter the C-arm's angles"),
        ("Sdd", "1200", "Enter the source-to-detector distance"),
        ("Sid", "80 cm", "Enter the source-to-isocentre distance"),
        ("PixelSpacing", "0.3", "Enter the detector's pixel size"),
    ):
        assert panel.button == before
        assert panel.row(name) == ("", "missing", False)
        panel.type(f"dsa{name}Edit", text)
        assert panel.row(name)[1:] == ("typed", True)
    assert panel.button == "Register"
    assert [panel.row(name)[0] for name in ROWS] == ["LAO 30°", "CAU 5°", "1200 mm", "800 mm", "0.3 mm"]
    request = panel.section.request()
    geometry = request.dsas[0].geometry
    assert (geometry.primary_angle_deg, geometry.secondary_angle_deg, geometry.sid_mm) == (30, -5, 800)
    assert (request.options.method, request.options.device, request.cta_vessels) == ("default", "auto", None)


def test_dicom_values_are_shown_typed_over_and_come_back(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", np.full((2, 8, 8), 1000, np.uint16), ImagerPixelSpacing=["0.3", "0.4"])
    with inputs_panel(files={"1.2": path}) as panel:
        sequence, proxy = sequence_of_dicom(panel.scene, "1.2")
        panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
        panel.given("dsa", proxy)
        assert panel.ui.dsaSelector.currentNode() is sequence
        assert [panel.row(name) for name in ROWS] == [
            ("LAO 30°", "from DICOM", False),
            ("CAU 10°", "from DICOM", False),
            ("1200 mm", "from DICOM", False),
            ("800 mm", "from DICOM", False),
            ("0.3 × 0.4 mm", "from DICOM", False),
        ]
        assert panel.button == "Register"
        panel.type("dsaSddEdit", "1100 mm")
        panel.type("dsaPrimaryAngleEdit", "RAO 12.5")
        assert panel.row("Sdd") == ("1100 mm", "typed", True)
        assert panel.row("PrimaryAngle") == ("RAO 12.5°", "typed", True)
        assert panel.ui.dsaSddUndo.toolTip == "Forget what was typed and go back to 1200 mm."
        panel.ui.dsaSelector.setCurrentNode(sequence)
        assert panel.row("Sdd") == ("1100 mm", "typed", True)
        panel.ui.dsaSddUndo.click()
        assert panel.row("Sdd") == ("1200 mm", "from DICOM", False)
        panel.type("dsaPrimaryAngleEdit", "")
        assert panel.row("PrimaryAngle") == ("LAO 30°", "from DICOM", False)
        assert sequence.GetAttribute(TYPED) is None
        assert panel.section.nodes()[1] == [sequence]


def test_what_is_not_understood_stays_and_blocks(panel: InputsPanel) -> None:
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    assert panel.row("PrimaryAngle") == ("LAO 80°", "from scene", False)
    panel.type("dsaPrimaryAngleEdit", "30")
    assert panel.row("PrimaryAngle") == ("30", "unclear", True)
    assert panel.button == "Correct the LAO/RAO angle"
    assert panel.ui.dsaCArmNote.text == "LAO/RAO: write LAO or RAO with the angle."
    assert panel.shown("dsaCArmNote")
    panel.ui.dsaPrimaryAngleUndo.click()
    assert panel.row("PrimaryAngle") == ("LAO 80°", "from scene", False)
    assert panel.button == "Register"
    assert not panel.shown("dsaCArmNote")


def test_every_key_counts_before_the_field_is_left(panel: InputsPanel) -> None:
    """On macOS a click on Register does not take the focus from the field."""
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    changes = panel.changes
    panel.type("dsaSddEdit", "1100", finish=False)
    assert panel.changes > changes
    assert panel.ui.dsaSddEdit.text == "1100"
    assert panel.section.request().dsas[0].geometry.sdd_mm == 1100


def test_contradicting_distances_are_told(panel: InputsPanel) -> None:
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    panel.type("dsaSidEdit", "1300")
    assert panel.button == "Correct the C-arm's distances"
    assert "behind the detector" in panel.ui.dsaCArmNote.text


def test_each_dsa_has_a_c_arm_of_its_own(panel: InputsPanel) -> None:
    lateral, frontal = (panel.logic.load_dsa(small_angiogram(carm)) for carm in (LATERAL, FRONTAL))
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(lateral)
    assert not panel.shown("secondDsaCArmGroup")
    assert not panel.shown("secondDsaVeinsSelector")
    panel.ui.secondDsaSelector.setCurrentNode(frontal)
    assert panel.shown("secondDsaCArmGroup")
    assert panel.shown("secondDsaVeinsSelector")
    assert panel.row("PrimaryAngle", "secondDsa")[0] == "RAO 10°"
    panel.type("secondDsaSddEdit", "1111")
    assert panel.row("Sdd")[1] == "from scene"
    geometries = [source.geometry.sdd_mm for source in panel.section.request().dsas]
    assert geometries == [None, 1111]
    # What was typed follows the run, not the place.
    panel.ui.secondDsaSelector.setCurrentNode(None)
    panel.ui.dsaSelector.setCurrentNode(frontal)
    assert panel.row("Sdd") == ("1111 mm", "typed", True)
    panel.ui.dsaSelector.setCurrentNode(lateral)
    assert panel.row("Sdd") == ("1150 mm", "from scene", False)


def test_second_dsa_is_another_one(panel: InputsPanel) -> None:
    sequence, proxy = sequence_of_dicom(panel.scene, "1")
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(sequence)
    panel.given("secondDsa", proxy)
    assert panel.button == "Select a second DSA that is not the first"
    assert not panel.shown("secondDsaCArmGroup")
    panel.ui.secondDsaSelector.setCurrentNode(plain_run(panel))
    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    assert panel.button == "Enter the C-arm's angles (second DSA)"


def test_each_run_is_offered_once_and_only_what_can_be_one(panel: InputsPanel) -> None:
    """As in an examination of seven runs: Slicer has a sequence and a volume of the same name for each."""
    runs = [sequence_of_dicom(panel.scene, str(number))[0] for number in range(7)]
    cta = panel.logic.load_cta(small_volume())
    unknown = add_image(panel.scene, "unknown", np.zeros((9, 9, 9)), np.eye(4))
    odd = odd_dsas(panel)
    ready = panel.logic.load_dsa(small_angiogram(LATERAL))
    DeepIterRegLogic(panel.scene, FakeRegister(POSE)).register(cta, [ready])
    panel.ui.ctaSelector.setCurrentNode(cta)
    assert panel.button == "Select a DSA"

    def offered(name: str) -> list[Any]:
        selector = getattr(panel.ui, f"{name}Selector")
        nodes = [selector.nodeFromIndex(index) for index in range(selector.nodeCount())]
        return [node for node in nodes if node is not odd["no frames"]]

    assert offered("cta") == [cta, unknown]
    assert offered("dsa") == [*runs, unknown, ready]
    panel.ui.dsaSelector.setCurrentNode(runs[3])
    panel.ui.ctaSelector.setCurrentNode(unknown)
    assert offered("secondDsa") == [run for run in (*runs, ready) if run is not runs[3]]


def test_the_likeliest_images_are_proposed_and_what_was_selected_stays(panel: InputsPanel) -> None:
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(panel.scene)

    def loaded(node: Any, name: str, modality: str) -> Any:
        node.SetName(name)
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        hierarchy.SetItemAttribute(item, "DICOM.Modality", modality)
        return node

    panel.section.propose()
    assert panel.button == "Select a CTA and a DSA"
    volume = np.zeros((9, 9, 9))
    loaded(add_image(panel.scene, "", volume, np.eye(4)), "3: Thorax", "CT")
    cta = loaded(add_image(panel.scene, "", volume, np.eye(4)), "4: CTA Head 0.6", "CT")
    loaded(add_image(panel.scene, "", volume, np.eye(4)), "5: T1", "MR")
    plain_run(panel)
    earlier, last = (loaded(sequence_of_dicom(panel.scene, uid)[0], "Run", "XA") for uid in "12")
    loaded(sequence_of_dicom(panel.scene, "3")[0], "Echo", "US")
    panel.section.propose()
    assert (panel.ui.ctaSelector.currentNode(), panel.ui.dsaSelector.currentNode()) == (cta, last)
    panel.ui.dsaSelector.setCurrentNode(earlier)
    panel.section.propose()
    assert panel.ui.dsaSelector.currentNode() is earlier


def odd_dsas(panel: InputsPanel) -> dict[str, Any]:
    """Nodes that nobody should select as a DSA, and somebody will."""
    import slicer

    scene = panel.scene
    models, colours = scene.AddNewNodeByClass("vtkMRMLSequenceNode"), scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    volumes = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
    model, colour, volume = (
        slicer.vtkMRMLModelNode(),
        slicer.vtkMRMLVectorVolumeNode(),
        slicer.vtkMRMLScalarVolumeNode(),
    )
    colour.SetAndObserveImageData(image_data(np.zeros((1, 8, 8, 3), np.uint8)))
    volume.SetAndObserveImageData(image_data(np.zeros((6, 8, 8), np.uint8)))
    for number in ("0", "1"):
        models.SetDataNodeAtValue(model, number)
        colours.SetDataNodeAtValue(colour, number)
        volumes.SetDataNodeAtValue(volume, number)
    return {
        "no frames": scene.AddNewNodeByClass("vtkMRMLSequenceNode"),
        "models": models,
        "colours": colours,
        "volumes": volumes,
        "empty volume": scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"),
    }


@pytest.mark.parametrize("what", ["no frames", "models", "colours", "volumes", "empty volume"])
def test_odd_dsas_get_a_sentence(panel: InputsPanel, what: str) -> None:
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.given("dsa", odd_dsas(panel)[what])
    assert panel.button == "Select another DSA"
    assert panel.ui.dsaNote.text.endswith(".")
    assert panel.shown("dsaNote")
    assert not panel.shown("dsaCArmGroup")
    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    assert not panel.shown("dsaNote")
    assert panel.button == "Register"


def test_cta_is_no_dsa_and_a_dsa_no_cta(panel: InputsPanel) -> None:
    cta = panel.logic.load_cta(small_volume())
    sequence, proxy = sequence_of_dicom(panel.scene, "1")
    panel.ui.ctaSelector.setCurrentNode(cta)
    panel.given("dsa", cta)
    assert panel.button == "Select a DSA that is not the CTA"
    panel.ui.dsaSelector.setCurrentNode(sequence)
    panel.given("cta", proxy)
    assert panel.button == "Select another CTA"
    assert panel.shown("ctaNote")
    panel.given("cta", panel.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
    assert panel.button == "Select another CTA"
    warp = panel.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
    import vtk

    warp.SetAndObserveTransformToParent(vtk.vtkThinPlateSplineTransform())
    cta.SetAndObserveTransformNodeID(warp.GetID())
    panel.ui.ctaSelector.setCurrentNode(cta)
    assert panel.button == "Select another CTA"
    assert "not a linear transform" in panel.ui.ctaNote.text


def test_rotational_runs_are_refused(tmp_path: Path) -> None:
    path = write_xa(
        tmp_path / "a.dcm", np.full((2, 8, 8), 1000, np.uint16), PositionerPrimaryAngleIncrement=["0", "90"]
    )
    with inputs_panel(files={"1.2": path}) as panel:
        panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
        panel.ui.dsaSelector.setCurrentNode(sequence_of_dicom(panel.scene, "1.2")[0])
        assert panel.button == "Select another DSA"
        assert "moves during this run" in panel.ui.dsaCArmNote.text


def test_selectors_offer_what_they_should(panel: InputsPanel) -> None:
    panel.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    panel.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "segments")
    panel.scene.AddNewNodeByClass("vtkMRMLModelNode", "model")
    run = plain_run(panel)
    sequence, _ = sequence_of_dicom(panel.scene, "1")

    def offered(selector: Any) -> set[str]:
        return {selector.nodeFromIndex(index).GetName() for index in range(selector.nodeCount())}

    sequence.SetName("sequence")
    assert run.GetName() in offered(panel.ui.ctaSelector)
    assert not offered(panel.ui.ctaSelector) & {"labels", "segments", "model", "sequence"}
    assert {run.GetName(), "sequence"} <= offered(panel.ui.dsaSelector)
    assert not offered(panel.ui.dsaSelector) & {"labels", "segments", "model"}
    assert offered(panel.ui.ctaVesselsSelector) == {"labels", "segments"}
    assert "labels" in offered(panel.ui.dsaVesselsSelector)


def test_panel_follows_the_parameter_node(panel: InputsPanel) -> None:
    cta, dsa = panel.logic.load_cta(small_volume()), panel.logic.load_dsa(small_angiogram(LATERAL))
    panel.parameters.cta, panel.parameters.dsa = cta, dsa
    panel.parameters.method, panel.parameters.device = "published", "cpu"
    changes = panel.changes
    assert panel.button == "Register"
    assert panel.changes == changes, "what the panel shows is no change of the user's"
    assert panel.ui.ctaSelector.currentNode() is cta
    assert (panel.ui.methodPublishedRadio.checked, panel.ui.methodDefaultRadio.checked) == (True, False)
    assert panel.ui.deviceCpuRadio.checked
    panel.ui.deviceCudaRadio.click()
    panel.ui.methodDefaultRadio.click()
    assert (panel.parameters.method, panel.parameters.device) == ("default", "cuda")
    assert panel.section.request().options.device == "cuda"
    panel.section.set_parameters(None)
    assert panel.ui.ctaSelector.currentNode() is None
    assert panel.button == "Select a CTA and a DSA"
    assert panel.parameters.cta is cta, "a parameter node that was let go is left alone"
    panel.section.set_parameters(panel.parameters)
    assert panel.button == "Register"


def test_removed_nodes_are_asked_for_again(panel: InputsPanel) -> None:
    cta, dsa = panel.logic.load_cta(small_volume()), panel.logic.load_dsa(small_angiogram(LATERAL))
    panel.ui.ctaSelector.setCurrentNode(cta)
    panel.ui.dsaSelector.setCurrentNode(dsa)
    panel.scene.RemoveNode(dsa)
    assert panel.button == "Select a DSA"
    assert panel.parameters.dsa is None
    assert not panel.shown("dsaCArmGroup")


def test_masks_reach_the_request(panel: InputsPanel) -> None:
    volume = small_volume()
    cta, dsa = panel.logic.load_cta(volume), panel.logic.load_dsa(small_angiogram(LATERAL))
    labels = panel.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode")
    labels.CopyContent(cta)
    labels.SetAndObserveImageData(image_data((volume.voxels > 300).astype(np.uint8)))
    marked = np.zeros((1, LATERAL.rows, LATERAL.columns), np.uint8)
    marked[0, 5:9] = 1
    detector = add_image(panel.scene, "mask", marked, np.eye(4))
    for name, node in (("cta", cta), ("dsa", dsa), ("ctaVessels", labels), ("dsaVeins", detector)):
        getattr(panel.ui, f"{name}Selector").setCurrentNode(node)
    request = panel.section.request()
    assert request.cta_vessels is not None
    np.testing.assert_array_equal(request.cta_vessels.array() > 0, volume.voxels > 300)
    assert request.dsa_vessels == (None,)
    (veins,) = request.dsa_veins
    assert veins is not None
    np.testing.assert_array_equal(veins.array(), marked[0])


def test_wheel_over_the_c_arm_changes_nothing(panel: InputsPanel) -> None:
    from PySide6 import QtCore, QtGui, QtWidgets

    panel.ui.dsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(LATERAL)))
    panel.form._qt().show()
    before = [panel.row(name) for name in ROWS]
    for widget in panel.form._qt().findChildren(QtWidgets.QWidget):
        if isinstance(widget, QtWidgets.QLineEdit | QtWidgets.QRadioButton):
            for down in (QtCore.QPoint(0, 120), QtCore.QPoint(0, -120)):
                event = QtGui.QWheelEvent(
                    QtCore.QPointF(5, 5), QtCore.QPointF(5, 5), QtCore.QPoint(), down, QtCore.Qt.MouseButton.NoButton,
                    QtCore.Qt.KeyboardModifier.NoModifier, QtCore.Qt.ScrollPhase.NoScrollPhase, False,
                )  # fmt: skip
                QtWidgets.QApplication.sendEvent(widget, event)
    assert [panel.row(name) for name in ROWS] == before
    assert panel.parameters.method == "default"
    panel.form._qt().hide()


def test_nothing_can_be_changed_while_a_registration_runs(panel: InputsPanel) -> None:
    panel.section.busy(True)
    assert not panel.ui.ctaSelector._qt().isEnabled()
    panel.section.busy(False)
    assert panel.ui.ctaSelector._qt().isEnabled()


def test_pytorch_is_offered_at_the_first_registration_only() -> None:
    with inputs_panel(machine=Machine()) as panel:
        assert panel.shown("installTorchButton")
        assert panel.section.offer_packages()
        assert len(panel.dialogs.asked) == 1
        assert panel.section.offer_packages()
        assert len(panel.dialogs.asked) == 1
        panel.dialogs.answer = True
        panel.ui.installTorchButton.click()
        assert panel.machine.installed == [">=2.4"]
        assert panel.closed_workers == 1, "a worker that runs does not know of PyTorch"
        assert not panel.shown("installTorchButton")
        assert panel.ui.deviceStatusLabel.text == "PyTorch is installed, and the NVIDIA graphics card can be used."


def test_showing_a_run_of_100_frames_takes_no_time(panel: InputsPanel) -> None:
    sequence, _ = sequence_of_dicom(panel.scene, "1", frames=100, rows=256)
    panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
    panel.ui.dsaSelector.setCurrentNode(sequence)
    began = time.thread_time()
    for _ in range(5):
        panel.section.missing()
    assert (time.thread_time() - began) / 5 < 0.1


def test_section_looks_like_this(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", np.full((2, 8, 8), 1000, np.uint16), DistanceSourceToDetector="90000")
    with inputs_panel(files={"1.2": path}) as panel:
        panel.screenshot(OUTPUT / "inputs_empty.png")
        panel.ui.ctaSelector.setCurrentNode(panel.logic.load_cta(small_volume()))
        panel.ui.dsaSelector.setCurrentNode(sequence_of_dicom(panel.scene, "1.2")[0])
        panel.type("dsaSidEdit", "75 cm")
        panel.ui.secondDsaSelector.setCurrentNode(panel.logic.load_dsa(small_angiogram(FRONTAL)))
        panel.ui.inputsAdvancedButton.collapsed = False
        panel.screenshot(OUTPUT / "inputs.png")
        assert panel.form._qt().minimumSizeHint().width() <= 380
        assert all(getattr(panel.ui, f"{name}Selector") for name in NODES)
