"""The Working angle section on real Qt widgets: a marked vessel, the worker's command, a click on an angle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import OUTPUT, ROOT

pytest.importorskip("slicer")

from Testing.qt_adapter import grab, installed  # isort: skip  (skips where PySide6 is missing)

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.nodes.marked_vessel import marked_points_mm
from DeepIterRegLib.mrml.panel.working_angle import WorkingAngleSection, reach_of, reach_text
from DeepIterRegLib.worker.working_angle import picture_from_json, working_angle
from Testing.support.overlay_case import artery_mm, registered_tubes
from Testing.support.small_registration import POSE

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "WorkingAngle.ui"


class Reply:
    """The worker's, with the application's arrays at hand."""

    def __init__(self, folder: Path, arrays: Any) -> None:
        self.folder, self.arrays = folder, arrays

    def progress(self, step: Any) -> None: ...

    def ask(self, names: Any) -> dict[str, Path]:
        paths = {name: self.folder / f"{name}.npy" for name in names}
        for name, path in paths.items():
            np.save(path, self.arrays[name]())
        return paths


class Panel:
    """The section at work. The worker answers when a test says so."""

    def __init__(self, scene: Any, folder: Path) -> None:
        import slicer

        self.case = registered_tubes(scene=scene)
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(scene)
        self.folder = folder
        self.jobs: list[tuple[Any, Any, Any]] = []
        self.looked: list[CArm] = []
        self.settings: dict[str, str] = {}
        worker = SimpleNamespace(
            run=lambda command, payload, listener, arrays: self.jobs.append((payload, listener, arrays))
        )
        settings = SimpleNamespace(get=self.settings.get, set=self.settings.__setitem__)
        services: Any = SimpleNamespace(scene=scene, translate=str, worker=worker, settings=settings)
        self.section = WorkingAngleSection(self.ui, services, self._ask, self.looked.append)
        self.section.show(self.case)
        self.ui.workingAngleButton.collapsed = False

    @staticmethod
    def _ask(begin: Any, listener: Any) -> None:
        begin(listener)

    def mark(self, *points_mm: Any) -> Any:
        """Points of the CTA, placed where the scene shows it."""
        import slicer

        node = self.case.cta.GetScene().AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Vessel")
        assert isinstance(node, slicer.vtkMRMLMarkupsFiducialNode)
        for point in apply(POSE, np.array(points_mm)):
            node.AddControlPointWorld(*point)
        self.ui.workingAngleSelector.setCurrentNode(node)
        return node

    def answer(self) -> None:
        payload, listener, arrays = self.jobs.pop()
        try:
            result = working_angle(payload, Reply(self.folder, arrays))  # type: ignore[arg-type]
        except InputError as error:
            listener.failed(error)
        else:
            listener.done(result)


@pytest.fixture
def panel(tmp_path: Path) -> Iterator[Panel]:
    with installed() as around:
        made = Panel(around.scene, tmp_path)
        yield made
        made.section.close()


def shown(panel: Panel, name: str) -> bool:
    return not getattr(panel.ui, name)._qt().isHidden()


def test_a_marked_vessel_gives_a_map_and_three_angles(panel):
    assert not panel.ui.workingAngleComputeButton.enabled
    panel.mark(artery_mm()[200])
    assert panel.ui.workingAngleComputeButton.enabled
    panel.ui.workingAngleComputeButton.click()
    assert not panel.ui.workingAngleComputeButton.enabled, "one question at a time"
    np.testing.assert_allclose(panel.jobs[0][0]["points_mm"], [artery_mm()[200]], atol=1e-6)
    panel.answer()
    assert panel.ui.workingAngle1Button.text.startswith("1:  ")
    assert "foreshortened" in panel.ui.workingAngle3Button.text
    # The test's run lies prone (HFP): both readings are told.
    assert "(patient)" in panel.ui.workingAngle1Button.text
    assert "(table)" in panel.ui.workingAngle1Button.text
    assert shown(panel, "workingAngleMapLabel")
    assert not shown(panel, "workingAngleExpectedLabel")
    assert "assumption" in panel.ui.workingAngleNote.text


def test_a_click_turns_the_view_there_and_shows_what_to_expect(panel):
    panel.mark(artery_mm()[200])
    panel.ui.workingAngleComputeButton.click()
    panel.answer()
    panel.ui.workingAngle2Button.click()
    there = panel.looked[-1]
    assert shown(panel, "workingAngleExpectedLabel")
    assert there.sid_mm == pytest.approx(panel.case.views[0].carm.sid_mm)
    panel.ui.workingAngleTodayButton.click()
    np.testing.assert_allclose(panel.looked[-1].source_mm, panel.case.views[0].carm.source_mm, atol=1e-6)
    panel.form._qt().resize(400, 900)
    panel.form._qt().show()
    OUTPUT.mkdir(exist_ok=True)
    grab(panel.form._qt(), OUTPUT / "working_angle_panel.png")


def test_a_point_beside_the_vessels_is_refused_in_a_sentence(panel):
    panel.mark([200.0, 0, 0])
    panel.ui.workingAngleComputeButton.click()
    panel.answer()
    assert "from the nearest vessel" in panel.ui.workingAngleNote.text
    assert panel.ui.workingAngleComputeButton.enabled


def test_an_answer_about_another_registration_is_not_shown(panel):
    panel.mark(artery_mm()[200])
    panel.ui.workingAngleComputeButton.click()
    assert panel.jobs
    panel.section.busy(True)
    panel.section.busy(False)
    panel.answer()
    assert not shown(panel, "workingAngleMapLabel")


def test_points_are_the_ctas_wherever_their_node_lies(panel):
    node = panel.mark(artery_mm()[100])
    np.testing.assert_allclose(marked_points_mm(node, panel.case), [artery_mm()[100]], atol=1e-6)
    node.SetAndObserveTransformNodeID(panel.case.pose_node.GetID())
    node.SetNthControlPointPosition(0, *artery_mm()[100])
    np.testing.assert_allclose(marked_points_mm(node, panel.case), [artery_mm()[100]], atol=1e-6)
    node.RemoveAllControlPoints()
    with pytest.raises(InputError, match="no point yet"):
        marked_points_mm(node, panel.case)


def test_what_the_c_arm_reaches_is_remembered_and_checked(panel):
    edit = panel.ui.workingAngleReachEdit
    edit.text = "rao 100, lao 110°, cau 40, cra 50"
    edit._qt().editingFinished.emit()
    assert edit.text == "RAO 100, LAO 110, CAU 40, CRA 50"
    assert reach_of(panel.settings["reach"]).lao_deg == 110
    edit.text = "RAO 100"
    edit._qt().editingFinished.emit()
    assert "as in RAO 90" in panel.ui.workingAngleNote.text
    assert reach_text(reach_of(panel.settings["reach"])) == "RAO 100, LAO 110, CAU 40, CRA 50"


def test_a_damaged_picture_is_an_error():
    with pytest.raises(InputError, match="damaged"):
        picture_from_json({"rows": 2, "columns": 2, "pixels": "AAAA"})
