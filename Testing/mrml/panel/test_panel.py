"""The whole panel on real widgets and a real scene, with a worker that a test drives.

With the real worker it is in Testing/repository/test_packaging.py, as a clinician uses it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.qt_adapter import open_module
from Testing.support.paths import ROOT

pytest.importorskip("slicer")

from PySide6 import QtGui, QtWidgets

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes import result_nodes
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.arrays import to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_volume
from DeepIterRegLib.mrml.overlay.drr_overlay import ROUGH_SCALE
from DeepIterRegLib.mrml.panel import register_section as register_section
from DeepIterRegLib.mrml.panel import slicer_services
from DeepIterRegLib.mrml.panel.help import CHAPTERS, PAGES
from DeepIterRegLib.mrml.panel.result import assumed_text, similarity_text, went_by
from DeepIterRegLib.mrml.panel.verdict import uncertainty_text, verdict_of
from DeepIterRegLib.mrml.views.layout import is_arranged
from DeepIterRegLib.mrml.worker_client.messages import WorkerError
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.report import build_report
from DeepIterRegLib.registration.result import CarriedFrom, Outcome, Progress, outcome_of
from DeepIterRegLib.worker.payload import PreparedPreview
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


class FakeWorker:
    """Implements `WorkerClient`: does nothing until a test says what it heard."""

    device = "CPU, 2 cores"

    def __init__(self, *_: Any, **__: Any) -> None:
        self.requests: list[RegistrationRequest] = []
        self.placed: list[RegistrationRequest] = []
        self.origins: list[CarriedFrom] = []
        self.mapped: list[RegistrationRequest] = []
        self.listener: Any = None
        self.prepared_in_background: list[RegistrationRequest] = []
        self.inspected: list[RegistrationRequest] = []
        self.asked: list[str] = []
        """Other commands."""
        self.preparing: Any = None
        """Who waits for what runs in the background."""
        self.closed = False

    @property
    def state(self) -> str:
        return "warm" if self.listener is None and self.preparing is None else "busy"

    def start(self) -> None: ...

    def register(self, request: RegistrationRequest, listener: Any) -> str:
        assert self.state == "warm", "one job at a time"
        self.requests.append(request)
        self.listener = listener
        listener.started()
        return "job"

    def start_by_hand(self, request: RegistrationRequest, listener: Any) -> str:
        self.placed.append(request)
        self.requests.append(request)
        self.listener = listener
        return "job"

    def carry(self, request: RegistrationRequest, origin: CarriedFrom, listener: Any) -> str:
        self.origins.append(origin)
        return self.register(request, listener)

    def vessel_map(self, request: RegistrationRequest, listener: Any) -> str:
        self.mapped.append(request)
        self.listener = listener
        return "job"

    def prepare(self, request: RegistrationRequest, listener: Any) -> str:
        assert self.state == "warm", "one job at a time"
        self.prepared_in_background.append(request)
        self.preparing = listener
        return "job"

    def inspect(self, request: RegistrationRequest, listener: Any) -> str:
        assert self.state == "warm", "one job at a time"
        self.inspected.append(request)
        self.preparing = listener
        return "job"

    def run(self, command: str, payload: Mapping[str, Any], listener: Any, arrays: Any = None) -> str:
        assert self.state == "warm", "one job at a time"
        self.asked.append(command)
        self.preparing = listener
        return "job"

    def cancel(self) -> None:
        preparing, self.preparing = self.preparing, None
        if preparing is not None:
            preparing.cancelled()
        if self.listener is not None:
            self.end("cancelled")

    def close(self) -> None:
        self.cancel()
        self.closed = True

    def end(self, how: str, *what: Any) -> None:
        """done, failed or cancelled."""
        listener, self.listener = self.listener, None
        getattr(listener, how)(*what)


class Case:
    """The opened module, a CTA and two DSAs in its scene."""

    def __init__(self, opened: Any, worker: FakeWorker) -> None:
        self.opened, self.worker, self.ui, self.scene = opened, worker, opened.ui, opened.scene
        self.cta = add_volume(self.scene, small_volume())
        self.lateral = add_angiogram(self.scene, small_angiogram(LATERAL))
        self.frontal = add_angiogram(self.scene, small_angiogram(FRONTAL, frames=1, shutter_px=0))
        self.ui.ctaSelector.setCurrentNode(self.cta)
        self.ui.dsaSelector.setCurrentNode(self.lateral)

    @property
    def panel(self) -> Any:
        return self.opened.widget.panel

    def click(self) -> None:
        """Press Register, or Cancel as soon as it can be pressed."""
        self.opened.process_events(until=lambda: self.ui.registerButton.enabled)
        self.ui.registerButton.click()

    def register(self, pose: Any = POSE) -> None:
        """From the click to the result."""
        self.click()
        self.worker.listener.prepared(self.preview())
        self.worker.listener.progress(Progress("Registering", 0.8, 0.5, OTHER_POSE))
        self.done(self.outcome(pose))

    def done(self, outcome: Outcome) -> None:
        """The worker has the result, and the panel has shown it."""
        self.worker.end("done", outcome)
        self.opened.process_events(0.1)
        self.opened.process_events(until=self.is_settled)

    def is_settled(self) -> bool:
        """Whether everything is drawn finely and made."""
        views = () if self.panel.case is None else self.panel.case.views
        fine = all(view.drr.GetAttribute(ROUGH_SCALE) is None for view in views)
        return fine and not self.panel.overlay.makes_surfaces

    def preview(self) -> PreparedPreview:
        return PreparedPreview(small_cloud(small_volume()), self.outcome().views, OTHER_POSE)

    def outcome(self, pose: Any = POSE) -> Outcome:
        angiograms = [small_angiogram(LATERAL)]
        if len(self.worker.requests[-1].dsas) == 2:
            angiograms.append(small_angiogram(FRONTAL, frames=1, shutter_px=0))
        registration = FakeRegister(pose)(PatientImages(small_volume(), tuple(angiograms)))
        outcome = outcome_of(registration, build_report(registration, compare_views(registration)))
        given = self.worker.requests[-1].options.given_pose
        return outcome if given is None else dataclasses.replace(outcome, initial_pose=given)

    def snapshot(self) -> dict[str, Any]:
        """What a cancelled run must leave: nodes, transforms, what the views show."""
        nodes = [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]
        kept: dict[str, Any] = {node.GetID(): node.GetName() for node in nodes}
        for node in nodes:
            if node.IsA("vtkMRMLLinearTransformNode"):
                kept[node.GetID()] = to_parent_of(node).tolist()
            if node.IsA("vtkMRMLSliceCompositeNode"):
                kept[node.GetID()] = (node.GetBackgroundVolumeID(), node.GetForegroundVolumeID())
            if node.IsA("vtkMRMLSliceNode"):
                kept[node.GetID()] = (node.GetFieldOfView(), node.GetOrientation())
            if node.IsA("vtkMRMLVolumeNode"):
                kept[node.GetID()] = (node.GetTransformNodeID(), node.GetAttributeNames())
            if node.IsA("vtkMRMLLayoutNode"):
                kept[node.GetID()] = node.GetViewArrangement()
        return kept


@contextmanager
def case_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    workers: list[FakeWorker] = []

    def make(*arguments: Any, **options: Any) -> FakeWorker:
        workers.append(FakeWorker())
        return workers[-1]

    monkeypatch.setattr(slicer_services, "slicer_worker", make)
    monkeypatch.setattr(register_section, "CANCEL_AFTER_MS", 0)
    with open_module() as opened:
        yield Case(opened, workers[-1])


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    with case_in(monkeypatch) as made:
        yield made


def test_register_sends_what_is_selected_and_shows_what_comes_back(case: Case) -> None:
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    case.click()
    request = case.worker.requests[0]
    np.testing.assert_array_equal(request.cta.voxels, small_volume().voxels)
    assert [source.ready and source.ready.carm.primary_angle_deg for source in request.dsas] == [80.0, -10.0]
    assert request.options.given_pose is None
    assert (case.ui.registerButton.text, case.ui.registerButton.enabled) == ("Cancel", False)
    case.opened.process_events(until=lambda: case.ui.registerButton.enabled)
    assert case.ui.stageLabel.text == "Starting … (CPU, 2 cores)"
    case.worker.listener.progress(Progress("Removing bone", 0.4))
    assert case.ui.stageLabel.text == "Removing bone from the CTA … (CPU, 2 cores)"
    assert case.ui.progressBar.value == 40
    case.done(case.outcome())
    assert case.ui.registerButton.text == "Register"
    assert not case.ui.progressBar.visible
    np.testing.assert_allclose(case.panel.case.pose, POSE)
    assert case.cta.GetParentTransformNode().GetName() == "CTA to C-arm"
    assert len(case.panel.case.views) == 2
    assert "DSA 2:" in case.ui.similarityLabel.text
    assert "The shutter hides a part of the DSA." in case.ui.warningsLabel.text
    assert case.ui.verdictLabel.text == "No verdict: judge it by eye.", "nobody assessed the stand-in's pose"


def test_result_says_by_what_the_head_was_registered() -> None:
    vessels = {"term": "vessels", "angiogram": 1, "similarity": 0.71, "seen_in": "contrast"}
    skull = {"term": "skull", "angiogram": 1, "similarity": 0.456, "seen_in": "mask frame"}
    both = {"angiograms": [{"ncc_before": 0.1, "ncc_after": 0.6}], "terms": [vessels, skull]}
    assert similarity_text(both).splitlines() == [
        "Registered by vessels and skull", "0.10 before, 0.60 after", "skull 0.46 (in the mask frame)",
    ]  # fmt: skip
    xray = {"ncc_before": None, "ncc_after": None}
    terms = [{**skull, "seen_in": "native image"}, {**skull, "angiogram": 2, "similarity": None, "seen_in": "noise"}]
    assert similarity_text({"angiograms": [xray, xray], "terms": terms}).splitlines() == [
        "Registered by the skull", "DSA 1: skull 0.46 (in the X-ray)", "DSA 2: skull – (in the noise of the DSA)",
    ]  # fmt: skip
    assert similarity_text({"angiograms": [xray]}) == "– before, – after", "of an earlier version, or by hand"


def test_result_names_what_it_went_by() -> None:
    terms = [{"term": "vessels", "angiogram": 1}, {"term": "skull", "angiogram": 1}]
    assert went_by({"method": "default", "terms": terms}) == "vessels and skull"
    assert went_by({"method": "published", "terms": terms}) == "the vessels"
    assert went_by({"method": "default", "terms": terms[1:]}) == "the skull"
    assert went_by({"method": "by hand", "terms": terms}) == went_by({"method": "default"}) == ""


def test_what_the_geometry_took_for_granted_is_told() -> None:
    middle, upright = "The isocentre was assumed in the image's middle.", "The image was assumed to be upright."
    assert assumed_text({"angiograms": [{"assumed": [middle, upright]}]}) == f"{middle}\n{upright}"
    both = {"angiograms": [{"assumed": []}, {"assumed": [middle]}]}
    assert assumed_text(both) == f"DSA 2: {middle}"
    assert assumed_text({"angiograms": [{}]}) == "", "of an earlier version"


def test_details_name_what_was_assumed_and_nothing_where_all_was_known(case: Case) -> None:
    case.register()
    case.ui.resultDetailsButton.collapsed = False
    assert not case.ui.assumedCaption.visible
    assumed = "The isocentre was assumed in the image's middle."
    case.click()
    outcome = case.outcome()
    report = {**outcome.report, "angiograms": [{**outcome.report["angiograms"][0], "assumed": [assumed]}]}
    case.done(dataclasses.replace(outcome, report=report))
    assert case.ui.assumedLabel.text == assumed
    assert case.ui.assumedCaption.visible


SURE = {
    "verdict": "registered", "probability": 0.97, "reasons": ["Rivals are far."], "across_mm": 0.81, "along_mm": 4.26,
    "rotation_deg": 0.33,
}  # fmt: skip


def test_verdict_is_a_word_a_colour_and_a_number() -> None:
    report = {"method": "default", "confidence": SURE}
    good = verdict_of(report, False)
    assert (good.sentence, good.short) == ("Good: 97 % sure to be within 5\u00a0mm", "Good 97 %")
    assert uncertainty_text(report) == "If right: ± 0.8 mm across, ± 4.3 mm along the beam, ± 0.3°".replace(
        "± ", "±\u00a0"
    ).replace(" mm", "\u00a0mm")
    check = verdict_of({"confidence": {**SURE, "verdict": "check", "probability": 0.42}}, False)
    assert (check.sentence, check.short) == ("Check: 42 % sure to be within 5\u00a0mm", "Check 42 %")
    wrong = {"method": "default", "confidence": {**SURE, "verdict": "wrong", "probability": 0.001}}
    assert verdict_of(wrong, False).short == "Wrong under 1 %"
    assert uncertainty_text(wrong) == "", "of a wrong result it would say nothing"
    assert len({one.ground for one in (good, check, verdict_of(wrong, False), verdict_of(report, True))}) == 4
    assert verdict_of(report, True).sentence.startswith("Moved by hand: judge it by eye.")
    assert verdict_of({"method": "by hand"}, False).short == "Not registered"


def test_a_doubted_result_is_not_called_registered() -> None:
    skull = {"term": "skull", "angiogram": 1, "similarity": 0.3, "seen_in": "native image"}
    view = {"ncc_before": None, "ncc_after": None}
    report = {"angiograms": [view], "terms": [skull], "confidence": {**SURE, "verdict": "check"}}
    assert similarity_text(report).splitlines()[0] == "Compared: the skull"


def test_verdict_comes_first_and_stands_in_the_view_of_the_dsa_while_it_shows_the_result(case: Case) -> None:
    def corners() -> list[str]:
        """What is to be read in the corner of each of Slicer's slice views."""
        windows = [case.panel._services.view_window(name) for name in ("Red", "Yellow", "Green")]
        found = [list(window.renderer.GetActors2D()) for window in windows]
        texts = [[one.GetInput().strip() for one in actors if one.GetVisibility()] for actors in found]
        assert all(sides in ([], ["A", "P"]) for sides in ([text for text in some if len(text) == 1] for some in texts))
        return ["".join(text for text in some if len(text) > 1) for some in texts]

    ui = case.ui
    assert ui.verdictLabel.text == "Nothing is registered yet."
    ui.dsaSelector.setCurrentNode(None)
    assert not ui.startByHandButton.enabled, "nothing is there that could be placed"
    ui.dsaSelector.setCurrentNode(case.lateral)
    assert ui.startByHandButton.enabled
    case.click()
    outcome = case.outcome()
    doubt = {**SURE, "verdict": "check", "probability": 0.42, "reasons": ["The skull does not fit."]}
    warnings = ["It was read from a file.", "CTA and DSA agree poorly at the result."]
    report = {**outcome.report, "confidence": doubt, "warnings": warnings}
    case.done(dataclasses.replace(outcome, report=report))
    assert ui.verdictLabel.text.startswith("Check")
    assert "#fabe28" in ui.verdictLabel.styleSheet
    notes = [ui.warningsLabel.text.index(text) for text in ("does not fit", "agree poorly", "from a file")]
    assert notes == sorted(notes), "what decides comes first"
    assert ui.resultDetailsButton.collapsed
    assert ui.ofLabel.text == "CTA on DSA."
    for name in ("resultDetailsButton", "inputsAdvancedButton", "adjustButton", "landmarksButton", "reviewButton"):
        getattr(ui, name).collapsed = False
    case.opened.process_events(0.05)
    assert case.opened.parent._qt().minimumSizeHint().width() <= 380
    assert corners() == ["Check 42 %", "", ""]
    case.ui.rightSlider.value = 5.0
    assert corners()[0] == "Moved by hand"
    assert ui.verdictLabel.text == "Moved by hand: judge it by eye. The automatic result was: Check."
    assert not ui.uncertaintyLabel.visible
    case.ui.resetButton.click()
    assert corners()[0] == "Check 42 %"
    ui.beforeButton.click()
    assert corners()[0] == "", "of where it started nothing is said"
    ui.beforeButton.click()
    red = case.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    drr = red.GetForegroundVolumeID()
    red.SetForegroundVolumeID(None)
    assert corners()[0] == "", "the view shows something else"
    red.SetForegroundVolumeID(drr)
    ui.dsaSelector.setCurrentNode(case.frontal)
    assert "Another DSA is selected" in ui.ofLabel.text
    ui.dsaSelector.setCurrentNode(case.lateral)
    assert ui.ofLabel.text == "CTA on DSA."
    case.scene.Clear(False)
    case.opened.process_events()
    assert corners() == ["", "", ""]


def test_overlay_moves_while_it_runs_and_the_scene_does_not(case: Case) -> None:
    case.register()
    before = case.snapshot()
    case.click()
    case.worker.listener.prepared(case.preview())
    images = []
    for pose in (POSE, OTHER_POSE):
        case.worker.listener.progress(Progress("Registering", 0.7, 0.5, pose))
        shown = case.scene.GetNodeByID(
            case.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode").GetForegroundVolumeID()
        )
        assert not shown.GetSaveWithScene()
        images.append(voxels_of(shown)[..., 3].copy())
    assert (images[0] != images[1]).any()
    np.testing.assert_allclose(case.panel.case.pose, POSE)
    case.click()
    assert case.snapshot() == before
    assert case.ui.stageLabel.text == "Cancelled; everything is as it was."


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize("end", ["cancel", "worker dies", "module left"])
def test_whatever_ends_a_registration_leaves_scene_and_result(case: Case, registered: bool, end: str) -> None:
    if registered:
        case.register()
        case.ui.rightSlider.value = 4.0
    before = case.snapshot()
    case.click()
    case.worker.listener.prepared(case.preview())
    case.worker.listener.progress(Progress("Registering", 0.7, 0.5, OTHER_POSE))
    if end == "cancel":
        case.click()
    elif end == "worker dies":
        case.worker.end("failed", WorkerError("The worker ended unexpectedly; press Register again."))
        assert "press Register again" in case.ui.stageLabel.text
    else:
        case.opened.exit()
        assert case.worker.listener is None
        case.opened.enter()
    assert case.snapshot() == before
    assert (case.ui.registerButton.text, case.ui.registerButton.enabled) == ("Register", True)
    assert (case.panel.case is not None) == registered
    if registered:
        assert case.ui.rightSlider.value == pytest.approx(4.0)
        assert case.ui.undoButton.enabled


def test_closing_the_scene_ends_a_registration(case: Case) -> None:
    case.register()
    case.click()
    case.worker.listener.prepared(case.preview())
    case.scene.Clear(False)
    case.opened.process_events()
    assert case.worker.listener is None
    assert case.panel.case is None
    assert case.ui.registerButton.text == "Select a CTA and a DSA"
    assert case.scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == 0


def test_quitting_while_registering_ends_the_worker(case: Case) -> None:
    case.click()
    case.opened.close()
    assert case.worker.closed
    assert case.worker.listener is None


def test_images_removed_while_registering_are_not_brought_back(case: Case) -> None:
    case.click()
    outcome = case.outcome()
    case.scene.RemoveNode(case.lateral)
    case.done(outcome)
    assert case.panel.case is None
    assert case.scene.GetFirstNodeByName("CTA to C-arm") is None
    assert "removed" in case.ui.stageLabel.text


def test_result_that_cannot_be_shown_leaves_the_scene(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = case.snapshot()
    case.click()

    def fail(*_: Any) -> None:
        raise RuntimeError("no memory for textures")

    monkeypatch.setattr(result_nodes, "look_from_source", fail)
    with pytest.raises(RuntimeError):
        case.done(case.outcome())
    assert case.snapshot() == before
    assert case.ui.registerButton.text == "Register"
    assert "everything is as it was" in case.ui.stageLabel.text


def test_bad_input_is_said_in_the_panels_words(case: Case) -> None:
    case.click()
    case.worker.end("failed", InputError("The DSA has no SDD; give {sdd}[, or {carm} as a whole]."))
    assert case.ui.stageLabel.text == 'The DSA has no SDD; give "Source to detector".'


@pytest.mark.parametrize("together", [False, True], ids=["alone", "with others"])
def test_deleted_result_leaves_an_empty_panel(case: Case, together: bool) -> None:
    case.register()
    if together:  # as the Data module does with a folder
        case.scene.StartState(case.scene.BatchProcessState)
        case.scene.RemoveNode(case.panel.case.cloud_node)
    case.scene.RemoveNode(case.panel.case.pose_node)
    if together:
        case.scene.EndState(case.scene.BatchProcessState)
    case.opened.process_events()
    assert case.panel.case is None
    assert case.ui.similarityLabel.text == "–"
    assert not case.ui.rightSlider.enabled
    case.register()
    assert case.panel.case is not None


def test_applied_check_box_takes_the_cta_out_and_puts_it_back(case: Case) -> None:
    case.register()
    case.ui.appliedCheckBox.checked = False
    assert case.cta.GetParentTransformNode() is None
    assert case.panel.case is not None
    case.ui.appliedCheckBox.checked = True
    assert case.cta.GetParentTransformNode() is case.panel.case.pose_node


def test_refine_starts_where_the_hand_left_the_cta(case: Case) -> None:
    case.register()
    case.ui.upSlider.value = 6.0
    by_hand = case.panel.case.pose
    case.ui.refineButton.click()
    np.testing.assert_allclose(np.asarray(case.worker.requests[-1].options.given_pose), by_hand)
    case.done(case.outcome(OTHER_POSE))
    np.testing.assert_allclose(case.panel.case.pose, OTHER_POSE)
    case.ui.undoButton.click()
    np.testing.assert_allclose(case.panel.case.pose, by_hand, atol=1e-9)


def test_scene_saved_by_hand_or_by_the_command_fills_the_panel(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.register()
    case.ui.turnSlider.value = 3.0
    case.ui.outlineButton.click()
    case.opened.process_events(0.3)
    moved = case.panel.case.pose
    write_scene(case.scene, tmp_path / "scene.mrb")
    parameters = case.scene.GetSingletonNode("DeepIterReg", "vtkMRMLScriptedModuleNode")
    assert parameters is not None
    case.scene.RemoveNode(parameters)  # a scene of the command line has none
    case.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").SetViewArrangement(3)
    write_scene(case.scene, tmp_path / "command.mrb")
    for name in ("scene.mrb", "command.mrb"):
        case.scene.Clear(False)
        case.opened.process_events()
        assert case.ui.similarityLabel.text == "–"
        if name == "command.mrb":
            case.opened.exit()
        assert case.scene.ReadFromMRB(str(tmp_path / name), True)
        case.opened.process_events(0.3)
        if name == "command.mrb":
            assert not is_arranged(case.scene, "one"), "another module is in front"
            case.opened.enter()
            case.opened.process_events(0.3)
        assert is_arranged(case.scene, "one")
        np.testing.assert_allclose(case.panel.case.pose, moved, atol=1e-9)
        assert case.ui.turnSlider.value == pytest.approx(3.0, abs=0.01)
        assert case.ui.outlineButton.checked
        assert case.ui.dsaSelector.currentNode() is case.panel.case.views[0].dsa


@pytest.mark.parametrize("before", ["SlicerLayoutConventionalView", "SlicerLayoutOneUp3DView"])
def test_views_are_equal_whatever_the_layout_was_and_slicer_does_not_start_in_ours(case: Case, before: str) -> None:
    import qt
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(getattr(slicer.vtkMRMLLayoutNode, before))
    case.ui.secondDsaSelector.setCurrentNode(case.frontal if before.endswith("3DView") else None)
    case.click()
    case.worker.listener.prepared(case.preview())
    assert np.ptp(manager.view_widths()) <= 2, "while it registers"
    case.done(case.outcome())
    assert len(manager.view_widths()) == (3 if before.endswith("3DView") else 2)
    assert np.ptp(manager.view_widths()) <= 2
    manager.viewport()._qt().findChild(QtWidgets.QSplitter).setSizes([100, 1000, 1000])
    case.ui.arrangeButton.click()
    assert np.ptp(manager.view_widths()) <= 2, "arranged again in the same layout"
    settings = qt.QSettings()
    settings.setValue("MainWindow/layout", manager.layout)
    case.opened.page.onAboutToQuit()
    assert int(settings.value("MainWindow/layout")) == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    settings.setValue("MainWindow/layout", 6)
    case.opened.page.onAboutToQuit()
    assert int(settings.value("MainWindow/layout")) == 6, "one of Slicer's own is left alone"


def test_what_another_dsa_left_in_3d_goes_when_a_second_one_is_registered(case: Case) -> None:
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    case.register()
    beams = [view.plane.GetNodeReference("DeepIterReg.frustum") for view in case.panel.case.views]
    yellow = case.scene.GetSingletonNode("Yellow", "vtkMRMLSliceNode")
    assert all(beam.GetDisplayNode().GetVisibility() for beam in beams)
    assert yellow.GetSliceVisible()
    case.ui.secondDsaSelector.setCurrentNode(None)
    case.register()
    assert [bool(beam.GetDisplayNode().GetVisibility()) for beam in beams] == [True, False]
    assert not yellow.GetSliceVisible()
    beams[1].GetDisplayNode().SetVisibility(True)
    case.ui.frustumCheckBox.click()
    assert not any(beam.GetDisplayNode().GetVisibility() for beam in beams), "the box hides all beams"


def test_module_that_is_reloaded_in_front_is_in_front(case: Case) -> None:
    """Slicer makes another widget on the same parent, which was entered, and sets it up; nobody enters it."""
    case.opened.widget.cleanup()
    case.opened.widget = case.opened.page.DeepIterRegWidget(case.opened.parent)
    case.opened.parent._qt().scripted = case.opened.widget
    case.opened.widget.setup()
    assert case.panel._in_front


def test_three_clicks_open_the_module_look_and_register(case: Case) -> None:
    """What is selected is shown before it is registered, and nothing is registered by itself."""
    case.opened.exit()
    case.ui.ctaSelector.setCurrentNode(None)
    case.ui.dsaSelector.setCurrentNode(None)
    case.opened.enter()
    assert (case.ui.ctaSelector.currentNode(), case.ui.dsaSelector.currentNode()) == (case.cta, case.lateral)
    red = case.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    shown = case.scene.GetNodeByID(red.GetBackgroundVolumeID())
    run = small_angiogram(LATERAL).frames
    fullest = int(np.argmax([np.percentile(np.abs(frame - run[0]), 98) for frame in run]))
    assert fullest > 0
    np.testing.assert_array_equal(voxels_of(shown)[0], run[fullest])
    row_mm, column_mm = LATERAL.pixel_spacing_mm
    node = case.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    node.SetFieldOfView(LATERAL.columns * column_mm, LATERAL.rows * row_mm, 1.0)
    dark = slice_view_image(case.scene, "Red", LATERAL.rows, LATERAL.columns)[:, :, 0] < 250
    vessels = run[fullest] < 990
    assert np.corrcoef(dark.ravel(), vessels.ravel())[0, 1] > 0.6, "upright and not mirrored"
    case.opened.process_events(0.1)
    assert case.worker.requests == []
    case.register()
    case.ui.dsaSelector.setCurrentNode(case.frontal)
    assert case.scene.GetNodeByID(red.GetBackgroundVolumeID()) is not case.panel.case.views[0].plane
    case.ui.dsaSelector.setCurrentNode(case.lateral)
    assert case.scene.GetNodeByID(red.GetBackgroundVolumeID()) is case.panel.case.views[0].plane
    case.opened.exit()
    newer = add_angiogram(case.scene, small_angiogram(LATERAL))
    case.ui.dsaSelector.setCurrentNode(None)
    case.opened.enter()
    assert case.ui.dsaSelector.currentNode() is newer, "loaded after the module was last open"


def test_scene_is_saved_with_how_it_was_adjusted(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case.register()
    case.ui.rightSlider.value = 5.0
    path = tmp_path / "patient.mrb"

    monkeypatch.setattr(slicer_services.QtDialogs, "save_file", lambda *_: str(path))
    case.ui.saveSceneButton.click()
    scene = read_scene(path)
    report = json.loads(scene.GetFirstNodeByName("Registration report").GetText())
    assert report["adjustment"]["right_mm"] == pytest.approx(5)


LIGHT = """
import sys
from Testing.qt_adapter import open_module
with open_module() as opened:
    opened.process_events(until=lambda: opened.widget.panel.register_section.is_running is False, timeout=5)
    print(*sorted({name.partition('.')[0] for name in sys.modules}))
"""


def test_opened_module_loads_nothing_heavy_into_the_application() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & {"scipy", "numba", "torch", "safetensors", "pydicom", "rich"}


def test_wheel_over_a_slider_scrolls_the_panel_and_moves_nothing(case: Case) -> None:
    case.register()
    pose = case.panel.case.pose
    for name in ("rightSlider", "turnSlider", "opacitySlider", "ctaSelector"):
        case.opened.scroll(getattr(case.ui, name))
    case.opened.process_events(0.2)
    np.testing.assert_array_equal(case.panel.case.pose, pose)
    assert case.ui.ctaSelector.currentNode() is case.cta


def test_wheel_gives_no_number_or_list_the_focus(case: Case) -> None:
    # A real wheel, which a test cannot turn, moves the focus before anybody is asked; sent events don't.
    from PySide6 import QtCore, QtWidgets

    panel = case.opened.parent._qt()
    parts = [*panel.findChildren(QtWidgets.QAbstractSpinBox), *panel.findChildren(QtWidgets.QComboBox)]
    assert len(parts) > 10
    assert not [part for part in parts if part.focusPolicy() == QtCore.Qt.FocusPolicy.WheelFocus]


def wait_for_preparation(case: Case) -> None:
    case.opened.process_events(until=lambda: case.worker.preparing is not None, timeout=3)


def settle_preparation(case: Case, how: str, *what: Any) -> None:
    preparing, case.worker.preparing = case.worker.preparing, None
    getattr(preparing, how)(*what)


def test_images_are_prepared_while_they_are_looked_at(case: Case) -> None:
    wait_for_preparation(case)
    assert case.ui.registerButton.text == "Register"
    settle_preparation(case, "done", {})
    case.opened.process_events(0.6)
    assert len(case.worker.prepared_in_background) == 1, "prepared once is enough"
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    wait_for_preparation(case)
    assert len(case.worker.prepared_in_background[-1].dsas) == 2


def test_register_waits_for_the_preparation_and_can_be_cancelled_meanwhile(case: Case) -> None:
    wait_for_preparation(case)
    case.click()
    assert not case.worker.requests
    assert case.ui.registerButton.text == "Cancel"
    case.worker.preparing.progress(Progress("Removing bone", 0.3))
    assert case.ui.progressBar.value == 30
    case.click()
    assert case.ui.stageLabel.text == "Cancelled; everything is as it was."
    assert not case.worker.requests
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    wait_for_preparation(case)
    case.click()
    settle_preparation(case, "done", {})
    assert len(case.worker.requests) == 1
    case.done(case.outcome())
    assert case.panel.case is not None


def test_failed_preparation_is_left_to_the_registration(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "failed", InputError("The CTA has no contrast."))
    case.opened.process_events(0.6)
    assert case.ui.stageLabel.text == ""
    assert len(case.worker.prepared_in_background) == 1, "not tried again and again"
    case.click()
    assert len(case.worker.requests) == 1


def test_preparation_of_another_cta_makes_way(case: Case) -> None:
    wait_for_preparation(case)
    other = add_volume(case.scene, dataclasses.replace(small_volume(), name="another CTA"))
    case.ui.ctaSelector.setCurrentNode(other)
    case.click()
    assert len(case.worker.requests) == 1
    case.worker.end("cancelled")


def test_nothing_is_prepared_for_another_module(case: Case) -> None:
    wait_for_preparation(case)
    case.opened.exit()
    assert case.worker.preparing is None
    case.opened.process_events(0.6)
    assert case.worker.preparing is None
    case.opened.enter()
    wait_for_preparation(case)


def wait_for_reading(case: Case, count: int) -> None:
    case.opened.process_events(until=lambda: len(case.worker.inspected) == count, timeout=3)
    assert len(case.worker.inspected) == count


PAGE = "DSA: read as the DSA\n  Geometry\n    SDD  1200 mm  [(0018,1110) Distance Source to Detector]"


def test_what_was_read_is_shown_and_copied_once_the_worker_is_free(case: Case) -> None:
    wait_for_preparation(case)
    case.ui.whatWasReadButton.collapsed = False
    assert case.ui.readingLabel.text == "Reading the images …"
    assert not case.worker.inspected, "the worker does one job at a time"
    settle_preparation(case, "done", {})
    wait_for_reading(case, 1)
    assert len(case.worker.inspected[0].dsas) == 1
    assert not case.ui.copyPageButton.visible
    settle_preparation(case, "done", {"page": PAGE, "images": []})
    assert case.ui.pageText.plainText == PAGE
    assert case.ui.readingLabel.visible is False
    QtGui.QGuiApplication.clipboard().clear()
    case.ui.copyPageButton.click()
    assert QtGui.QGuiApplication.clipboard().text() == PAGE
    case.opened.process_events(0.6)
    assert len(case.worker.inspected) == len(case.worker.prepared_in_background) == 1, "once is enough"
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    wait_for_reading(case, 2)
    assert case.ui.pageText.plainText == "", "the page was of other images"
    settle_preparation(case, "failed", WorkerError("The worker ended."))
    assert case.ui.readingLabel.text == "The worker ended."
    assert not case.ui.copyPageButton.visible
    wait_for_preparation(case)
    assert len(case.worker.prepared_in_background) == 2
    case.opened.process_events(0.6)
    assert len(case.worker.inspected) == 2, "not tried again and again"


def test_a_working_angle_waits_for_the_worker_and_register_for_it(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "done", {})
    case.register()
    # Other images are prepared in the background.
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    wait_for_preparation(case)
    markup = case.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Vessel")
    markup.AddControlPointWorld(1.0, 2.0, 3.0)
    case.ui.workingAngleSelector.setCurrentNode(markup)
    case.ui.workingAngleComputeButton.click()
    assert case.worker.asked == [], "the worker does one job at a time"
    settle_preparation(case, "done", {})
    assert case.worker.asked == ["working_angle"]
    before = len(case.worker.requests)
    case.ui.registerButton.click()
    assert len(case.worker.requests) == before, "a second that is waited for"
    settle_preparation(case, "failed", InputError("The point is none."))
    assert len(case.worker.requests) == before + 1
    assert case.ui.workingAngleNote.text == "", "what was asked before the registration is not answered"
    case.worker.end("cancelled")
    case.ui.workingAngleComputeButton.click()
    case.opened.process_events(until=lambda: len(case.worker.asked) == 2, timeout=3)
    settle_preparation(case, "failed", InputError("The point is none."))
    assert case.ui.workingAngleNote.text == "The point is none."


def test_nothing_is_read_while_its_section_is_closed(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "done", {})
    case.opened.process_events(0.6)
    assert not case.worker.inspected


def test_images_that_cannot_be_registered_yet_are_read_all_the_same(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "done", {})
    dsa = add_volume(case.scene, dataclasses.replace(small_volume(), name="XA without tags"))
    case.ui.dsaSelector.setCurrentNode(dsa)
    assert not case.ui.registerButton.enabled
    case.ui.whatWasReadButton.collapsed = False
    wait_for_reading(case, 1)
    case.worker.cancel()
    case.ui.dsaSelector.setCurrentNode(None)
    case.opened.process_events(until=lambda: case.ui.readingLabel.text == "Select a CTA and a DSA", timeout=3)
    assert len(case.worker.inspected) == 1


def test_register_waits_until_the_images_are_read_and_what_it_ended_is_read_again(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "done", {})
    case.ui.whatWasReadButton.collapsed = False
    wait_for_reading(case, 1)
    case.click()
    assert not case.worker.requests
    settle_preparation(case, "done", {"page": PAGE, "images": []})
    assert len(case.worker.requests) == 1
    assert case.ui.pageText.plainText == PAGE
    case.worker.end("cancelled")
    case.ui.secondDsaSelector.setCurrentNode(case.frontal)
    wait_for_reading(case, 2)
    case.click()
    case.click()
    assert case.ui.stageLabel.text == "Cancelled; everything is as it was."
    wait_for_reading(case, 3)
    other = add_volume(case.scene, dataclasses.replace(small_volume(), name="another CTA"))
    case.ui.ctaSelector.setCurrentNode(other)
    wait_for_reading(case, 4)
    assert case.worker.inspected[-1].cta_key != case.worker.inspected[-2].cta_key
    settle_preparation(case, "done", {"page": "of the other CTA", "images": []})
    assert case.ui.pageText.plainText == "of the other CTA"


def test_nothing_is_read_for_another_module(case: Case) -> None:
    wait_for_preparation(case)
    settle_preparation(case, "done", {})
    case.ui.whatWasReadButton.collapsed = False
    wait_for_reading(case, 1)
    case.opened.exit()
    assert case.worker.preparing is None
    case.opened.process_events(0.6)
    assert len(case.worker.inspected) == 1
    case.opened.enter()
    wait_for_reading(case, 2)


def test_head_can_be_placed_by_hand_where_registering_fails(case: Case) -> None:
    case.click()
    case.worker.end("failed", InputError("At the starting pose no vessel of the CTA is projected onto the DSA."))
    assert case.panel.case is None
    case.ui.adjustButton.collapsed = False
    assert case.ui.startByHandButton.visible
    case.ui.startByHandButton.click()
    assert len(case.worker.placed) == 1
    case.done(case.outcome(OTHER_POSE))
    assert case.panel.case is not None
    assert case.ui.rightSlider.enabled
    assert not case.ui.startByHandButton.visible


def test_second_click_of_a_double_click_does_not_cancel(case: Case) -> None:
    case.click()
    case.ui.registerButton.click()
    assert case.worker.listener is not None
    case.click()
    assert case.worker.listener is None


def test_what_is_chosen_can_be_told_in_a_dark_theme(case: Case) -> None:
    assert case.ui.filledButton.styleSheet
    assert case.ui.beforeButton.styleSheet
    dark = QtGui.QPalette(QtGui.QColor("#353535"))
    dark.setColor(QtGui.QPalette.ColorRole.Highlight, QtGui.QColor("#308cc6"))
    button = QtWidgets.QPushButton()
    button.setPalette(dark)
    button.setCheckable(True)
    button.setStyleSheet(case.ui.filledButton.styleSheet)
    shades = []
    for checked in (False, True):
        button.setChecked(checked)
        image = button.grab().toImage()
        shades.append(image.pixelColor(image.width() // 2, image.height() // 2))
    assert abs(shades[0].blue() - shades[1].blue()) > 60


def test_every_section_opens_its_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(slicer_services, "open_page", opened.append)
    with case_in(monkeypatch) as case:
        press_every_help(case)
    assert opened == [PAGES + chapter for chapter in CHAPTERS.values()]
    for chapter in CHAPTERS.values():
        page, _, anchor = chapter.partition("#")
        titles = [line.lstrip("# ") for line in (ROOT / "docs" / page).read_text().splitlines() if line[:1] == "#"]
        anchors = ["".join(c for c in title.lower() if c.isalnum() or c in " -").replace(" ", "-") for title in titles]
        assert anchor in anchors
    assert PAGES.startswith(json.loads((ROOT / "DeepIterReg.json").read_text())["scm_url"])


def press_every_help(case: Case) -> None:
    import qt

    assert callable(qt.QDesktopServices.openUrl)
    sections = [found for found in vars(case.ui).values() if type(found).__name__ == "ctkCollapsibleButton"]
    for section in sections:
        section.collapsed = False
    case.opened.process_events()
    for name in CHAPTERS:
        section = getattr(case.ui, name)._qt()
        button = section.findChild(QtWidgets.QToolButton, f"{name}Help")
        assert button.isVisibleTo(section)
        assert section.width() - 30 < button.geometry().right() < section.width(), "at the right of its head"
        button.click()
