""" "Targets" on the real form, real Qt widgets and a real scene; the worker's part is done at once, or later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import ROOT

pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply, se3_exp
from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.mrml.nodes.scene import new_scene
from DeepIterRegLib.mrml.panel.targets import TargetsSection
from DeepIterRegLib.mrml.targets.centreline_node import kept_centreline
from DeepIterRegLib.mrml.targets.mark_nodes import MARKS_REFERENCE, outline_nodes
from DeepIterRegLib.mrml.targets.target_nodes import path_nodes, placed_targets, points_of
from DeepIterRegLib.worker.payload import centreline_to_json
from Testing.qt_adapter import installed
from Testing.support.fake_services import FakeDialogs, Later, fake_services
from Testing.support.overlay_case import artery_mm, tubes_cloud
from Testing.support.target_case import case_with_uncertainty

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Targets.ui"
CENTRELINE = centreline_to_json(traced(tubes_cloud()))
CLOT, START = artery_mm()[150], artery_mm()[60]


class AtOnce(Later):
    """No time passes."""

    def __call__(self, callback: Any, ms: int) -> None:
        callback()


class Panel:
    """The section on its form. answers: whether the worker answers at once."""

    def __init__(self, answers: bool = True, known: bool = True) -> None:
        import slicer

        self.scene = new_scene()
        # An application has them, and with them a click's meaning.
        for name in ("vtkMRMLSelectionNode", "vtkMRMLInteractionNode"):
            self.scene.AddNewNodeByClass(name)
        self.case = case_with_uncertainty(self.scene, known=known)
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(self.scene)
        self.answers, self.asked, self.shown = answers, 0, 0
        self.listener: Any = None
        self.section = TargetsSection(
            self.ui, fake_services(self.scene, FakeDialogs(), AtOnce()), self._find, self._show
        )
        self.section.show(self.case)
        self.ui.targetsButton.collapsed = False

    def _find(self, begin: Any, listener: Any) -> None:
        self.asked += 1
        self.listener = listener
        if self.answers:
            listener.done(CENTRELINE)

    def _show(self) -> None:
        self.shown += 1

    def click(self, *places_mm: Any) -> None:
        """Click on places of the CTA, patient frame, into whatever is being placed."""
        selection = self.scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        node = self.scene.GetNodeByID(selection.GetActivePlaceNodeID())
        for place in places_mm:
            node.AddControlPointWorld(*map(float, apply(self.case.pose, np.asarray(place))))

    def point(self, place_mm: Any, name: str = "occlusion") -> None:
        self.ui.targetNameEdit.text = name
        self.ui.placePointButton.click()
        self.click(place_mm)
        self.ui.placePointButton.click()

    def path(self, *places_mm: Any, name: str = "wire") -> None:
        self.ui.targetNameEdit.text = name
        self.ui.placePathButton.click()
        self.click(*places_mm)
        self.ui.placePathButton.click()

    def choose(self, name: str, row: int) -> None:
        getattr(self.ui, name).currentRow = row

    @property
    def targets(self) -> dict[str, Any]:
        return {target.name: target for target in placed_targets(self.case.pose_node)}

    @property
    def text(self) -> str:
        return str(self.ui.targetLabel.text)

    def marks(self, view: int = 0) -> list[str]:
        return [label for label, _ in points_of(self.case.views[view].plane.GetNodeReference(MARKS_REFERENCE))]


@pytest.fixture
def panel(request: pytest.FixtureRequest) -> Iterator[Panel]:
    options = getattr(request, "param", {})
    scene = new_scene()
    with installed(scene):
        made = Panel(**options)
        yield made
        made.section.close()


def test_a_point_goes_into_the_vessel_gets_its_name_and_is_seen_on_both_dsas(panel):
    panel.point(CLOT + [0.5, 0.5, 1.5])
    (target,) = panel.targets.values()
    assert target.name == "occlusion"
    assert np.linalg.norm(artery_mm() - target.points_mm, axis=1).min() < 0.5
    assert panel.marks(0) == panel.marks(1) == ["occlusion"]
    assert len(outline_nodes(panel.case.views[0].plane)) == 1
    assert "On a vessel of 2." in panel.text
    assert "On the DSA within" in panel.text
    assert "second DSA within" in panel.text
    assert panel.shown == 1
    assert not panel.ui.placePointButton.checked


def test_the_centrelines_are_found_once_and_kept_in_the_scene(panel):
    panel.point(CLOT)
    panel.point(START, "aneurysm")
    assert panel.asked == 1
    assert kept_centreline(panel.case.pose_node, panel.case.vessels) is not None
    panel.section.show(panel.case)
    assert panel.asked == 1
    assert list(panel.targets) == ["occlusion", "aneurysm"]


def test_a_path_follows_the_vessel(panel):
    panel.path(START, CLOT)
    (target,) = panel.targets.values()
    assert target.name == "wire"
    assert len(target.points_mm) > 8
    assert np.linalg.norm(artery_mm()[:, None] - target.points_mm, axis=2).min(axis=0).max() < 0.8
    assert target.points_mm[0] == pytest.approx(START, abs=1.0)
    assert "mm along the vessels" in panel.text
    kinds = [node.GetClassName() for node in outline_nodes(panel.case.views[0].plane)]
    assert kinds[-1] == "vtkMRMLMarkupsCurveNode"


def test_a_path_of_one_point_is_given_up(panel):
    panel.path(START)
    assert path_nodes(panel.case.pose_node) == []
    assert "two points" in panel.text


def test_a_point_outside_the_cta_is_taken_back(panel):
    panel.point([0, 0, 500.0])
    assert panel.targets == {}
    assert "outside the CTA" in panel.text
    assert panel.marks() == []


def test_a_point_far_from_all_vessels_stays_where_it_is(panel):
    panel.point([-20.0, 30.0, 20.0], "lesion")
    assert panel.targets["lesion"].points_mm[0] == pytest.approx([-20, 30, 20], abs=1e-3)
    assert "No vessel is near" in panel.text


def test_names_are_told_apart_and_can_be_changed(panel):
    panel.point(CLOT)
    panel.point(START)
    assert list(panel.targets) == ["occlusion", "occlusion 2"]
    panel.choose("targetList", 0)
    panel.ui.targetNameEdit.text = "clot"
    panel.ui.renameTargetButton.click()
    assert list(panel.targets) == ["clot", "occlusion 2"]
    assert panel.marks() == ["clot", "occlusion 2"]
    assert panel.ui.targetList.currentRow == 0


def test_what_is_removed_is_gone_from_the_dsas_too(panel):
    panel.point(CLOT)
    panel.path(START, CLOT)
    panel.choose("targetList", 1)
    panel.ui.removeTargetButton.click()
    assert list(panel.targets) == ["occlusion"]
    assert panel.marks() == ["occlusion"]
    panel.ui.removeTargetButton.click()
    assert outline_nodes(panel.case.views[0].plane) == []


def test_how_far_behind_another_target_it_lies(panel):
    panel.point(CLOT)
    panel.point(START, "aneurysm")
    panel.choose("targetList", 0)
    panel.choose("behindList", 1)
    carm = panel.case.views[0].carm
    clot, aneurysm = (apply(panel.case.pose, target.points_mm[0]) for target in panel.targets.values())
    ray = (clot - carm.source_mm) / np.linalg.norm(clot - carm.source_mm)
    deeper = float(ray @ (clot - aneurysm))
    where = "behind" if deeper >= 0 else "in front of"
    assert f"On the DSA {abs(deeper):.0f} mm {where} aneurysm" in panel.text
    assert "second DSA" in panel.text


def test_marks_vanish_when_the_head_is_moved_by_hand_and_come_back_with_the_pose(panel):
    panel.point(CLOT)
    found = panel.case.pose
    panel.case.set_pose(se3_exp(np.array([0, 0, 0, 2.0, 0, 0])) @ found)
    assert panel.marks() == []
    assert "not drawn" in panel.text
    panel.case.set_pose(found)
    assert panel.marks() == ["occlusion"]


@pytest.mark.parametrize("panel", [{"known": False}], indirect=True)
def test_without_a_confidence_the_target_is_placed_and_not_drawn(panel):
    panel.point(CLOT)
    assert list(panel.targets) == ["occlusion"]
    assert panel.marks() == []
    assert "not drawn" in panel.text


@pytest.mark.parametrize("panel", [{"answers": False}], indirect=True)
def test_what_is_placed_before_the_centrelines_are_found_goes_onto_them_then(panel):
    panel.point(CLOT + [0, 0, 1.5])
    panel.path(START + [0, 0, 1.5], CLOT)
    assert panel.asked == 1
    assert "being found" in panel.text
    assert panel.targets["occlusion"].points_mm[0] == pytest.approx(CLOT + [0, 0, 1.5], abs=1e-3)
    panel.listener.done(CENTRELINE)
    assert np.linalg.norm(artery_mm() - panel.targets["occlusion"].points_mm, axis=1).min() < 0.5
    assert len(panel.targets["wire"].points_mm) > 8


@pytest.mark.parametrize("panel", [{"answers": False}], indirect=True)
def test_where_no_centreline_can_be_found_the_reason_is_told(panel):
    panel.point(CLOT + [0, 0, 1.5])
    panel.listener.failed(InputError("The worker is gone."))
    assert "The worker is gone." in panel.text
    assert panel.targets["occlusion"].points_mm[0] == pytest.approx(CLOT + [0, 0, 1.5], abs=1e-3)
    assert panel.marks() == ["occlusion"]


def test_a_point_that_is_dragged_goes_back_onto_the_vessel(panel):
    panel.point(CLOT)
    node = panel.scene.GetFirstNodeByName("Targets")
    node.SetNthControlPointPosition(0, *map(float, START + [0, 0, 1.5]))
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert np.linalg.norm(artery_mm() - panel.targets["occlusion"].points_mm, axis=1).min() < 0.5
    assert panel.targets["occlusion"].points_mm[0] == pytest.approx(START, abs=1.6)


def test_nothing_can_be_placed_without_a_registration_or_while_one_runs(panel):
    panel.section.busy(True)
    assert not panel.ui.placePointButton.enabled
    panel.section.busy(False)
    assert panel.ui.placePointButton.enabled
    panel.section.show(None)
    assert not panel.ui.placePathButton.enabled
    assert panel.text == ""


def test_the_section_is_no_wider_than_slicers_panel(panel):
    panel.point(CLOT)
    panel.path(START, CLOT)
    assert panel.form._qt().minimumSizeHint().width() <= 380
