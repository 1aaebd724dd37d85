"""The blind comparison on its form and in real slice views: what the reader sees, and what she does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import ROOT

pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.panel.review import ReviewSection
from DeepIterRegLib.mrml.review.table import last_table
from DeepIterRegLib.mrml.review.views import LAYOUTS, view_name
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from Testing.qt_adapter import grab, installed
from Testing.support.fake_services import FakeDialogs, Later, fake_services
from Testing.support.registered_scene import registered_scene
from Testing.support.slice_view import slice_view_image
from Testing.support.small_registration import LATERAL, OTHER_POSE, POSE, small_cloud, small_volume

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Review.ui"
OUTPUT = ROOT / "Testing" / "output"
LEFT_IS_AUTOMATIC, LEFT_IS_NOW = 2, 0
"""Seeds."""


class Panel:
    """The section on its form, with a case whose pose was moved by hand."""

    def __init__(self, case: RegisteredCase) -> None:
        import slicer

        self.case = case
        self.scene = case.pose_node.GetScene()
        self.dialogs, self.later = FakeDialogs(), Later()
        self.seed = LEFT_IS_AUTOMATIC
        self.now_s = 0.0
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(self.scene)
        services = fake_services(self.scene, self.dialogs, self.later)
        self.section = ReviewSection(self.ui, services, lambda: self.seed, lambda: self.now_s)
        self.ui.reviewButton.collapsed = False
        self.form.show()
        case.set_pose(OTHER_POSE)
        self.section.show(case)

    @property
    def layout(self) -> int:
        return int(self.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement())

    def choice(self, number: int) -> Any:
        return getattr(self.ui, f"reviewChoice{number}Button")

    def answer(self, number: int) -> None:
        self.choice(number).click()
        self.ui.reviewNextButton.click()

    def transform(self, name: str, pose: FloatArray) -> Any:
        node = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", name)
        node.SetMatrixTransformToParent(matrix_of_array(pose))
        return node

    def seen(self, row: int, side: str) -> Any:
        """(rows, columns, 3) of the detector's pixels as the slice view shows them."""
        carm = self.case.views[row].carm
        node = self.scene.GetSingletonNode(view_name(row, side), "vtkMRMLSliceNode")
        row_mm, column_mm = carm.pixel_spacing_mm
        node.SetFieldOfView(carm.columns * column_mm, carm.rows * row_mm, 1.0)
        return slice_view_image(self.scene, view_name(row, side), 4 * carm.rows, 4 * carm.columns)[1::4, 2::4]

    def shows(self, row: int, side: str, pose: FloatArray) -> bool:
        """Whether the vessels there are those of a pose, and of no other."""
        drr = SplatNumpy(small_cloud(small_volume()), self.case.views[row].carm).render(pose[None])[0]
        image = self.seen(row, side).astype(int)
        redness = image[..., 0] - image[..., 1]
        valid = self.case.views[row].valid
        return bool((redness[(drr > 0.5 * drr.max()) & valid] > 60).all() and (redness[drr == 0] == 0).all())


@pytest.fixture
def panel() -> Iterator[Panel]:
    case = registered_scene()
    with installed(case.pose_node.GetScene()):
        made = Panel(case)
        yield made
        made.section.close()


def test_automatic_result_and_present_pose_are_shown_side_by_side_for_every_dsa(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    for row in (0, 1):
        assert panel.shows(row, "left", POSE)
        assert panel.shows(row, "right", OTHER_POSE)
        assert not panel.shows(row, "left", OTHER_POSE)
    assert panel.layout == LAYOUTS[2][0]
    # L and R would be the patient's sides.
    nodes = [panel.scene.GetSingletonNode(view_name(0, side), "vtkMRMLSliceNode") for side in ("left", "right")]
    assert [node.GetLayoutLabel() for node in nodes] == ["A", "B"]


def test_another_seed_shows_them_the_other_way_round(panel: Panel) -> None:
    panel.seed = LEFT_IS_NOW
    panel.ui.reviewStartButton.click()
    assert panel.shows(0, "left", OTHER_POSE)
    assert panel.shows(0, "right", POSE)


def test_nothing_tells_the_reader_which_is_which(panel: Panel) -> None:
    """But for what the images show: same colours, same scale, no names in form, views or scene."""
    panel.ui.reviewStartButton.click()
    ui = panel.ui
    assert not ui.reviewSetup.visible
    texts = [ui.reviewProgressLabel.text, ui.reviewQuestionLabel.text, ui.reviewLabel.text]
    composites = [panel.scene.GetSingletonNode(view_name(0, side), "vtkMRMLSliceCompositeNode") for side in
                  ("left", "right")]  # fmt: skip
    drrs = [panel.scene.GetNodeByID(composite.GetForegroundVolumeID()) for composite in composites]
    assert [drr.GetName() for drr in drrs] == ["left", "right"]
    assert len({drr.GetAttribute("DeepIterReg.full-red-mm") for drr in drrs}) == 1
    for text in texts:
        for name in ("Automatic", "now", panel.case.pose_node.GetName()):
            assert name not in text
    assert last_table(panel.scene) is None


def test_linked_views_are_those_of_one_dsa(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    groups = {
        (row, side): panel.scene.GetSingletonNode(view_name(row, side), "vtkMRMLSliceNode").GetViewGroup()
        for row in (0, 1)
        for side in ("left", "right")
    }
    assert groups[0, "left"] == groups[0, "right"]
    assert groups[0, "left"] != groups[1, "left"]
    red = panel.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    assert red.GetViewGroup() not in groups.values()


def test_vessels_can_be_taken_away_to_see_what_is_below(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    panel.ui.reviewVesselsCheckBox.click()
    for side in ("left", "right"):
        image = panel.seen(0, side)
        np.testing.assert_array_equal(image[..., 0], image[..., 1])
    panel.ui.reviewVesselsCheckBox.click()
    assert panel.shows(0, "left", POSE)


def test_answer_becomes_a_table_and_tells_what_was_where(panel: Panel, tmp_path: Path) -> None:
    panel.ui.reviewStartButton.click()
    assert not panel.ui.reviewNextButton.enabled, "first an answer"
    panel.choice(5).click()
    panel.ui.reviewCommentEdit.text = "carotid"
    panel.now_s = 7.25
    assert panel.ui.reviewNextButton.text == "Finish"
    panel.ui.reviewNextButton.click()
    assert panel.ui.reviewLabel.text == (
        "Finished. The answers are in the table “Registration review”.\n"
        "1. “Automatic result” on the left, “Pose as it is now” on the right: “Pose as it is now” is definitely better."
    )
    panel.dialogs.path = str(tmp_path / "review.csv")
    panel.ui.reviewSaveButton.click()
    assert (tmp_path / "review.csv").read_text(encoding="utf-8-sig").splitlines() == [
        "comparison,left,right,choice,words,preferred,comment,seconds,seed",
        "1,Automatic result,Pose as it is now,5,right definitely better than left,Pose as it is now,carotid,7.2,2",
    ]
    assert panel.ui.reviewLabel.text.startswith("Saved review.csv in ")


def test_three_transforms_make_three_comparisons(panel: Panel) -> None:
    third = POSE.copy()
    third[2, 3] += 8
    panel.ui.reviewThirdSelector.setCurrentNode(panel.transform("by a colleague", third))
    panel.ui.reviewStartButton.click()
    for number in (1, 2, 3):
        assert panel.ui.reviewProgressLabel.text == f"Comparison {number} of 3"
        assert not any(panel.choice(point).checked for point in range(1, 6)), "the last answer is not proposed"
        assert not panel.ui.reviewNextButton.enabled
        assert panel.ui.reviewCommentEdit.text == ""
        panel.answer(3)
    table = last_table(panel.scene)
    assert table is not None
    assert table.GetNumberOfRows() == 3
    assert panel.ui.reviewLabel.text.count("no difference") == 3
    assert panel.ui.reviewLabel.text.count("“by a colleague”") == 2


def test_any_transforms_of_the_scene_can_be_compared(panel: Panel) -> None:
    parent = panel.transform("parent", np.diag([1.0, 1.0, 1.0, 1.0]))
    shift = np.eye(4)
    shift[0, 3] = 12
    parent.SetMatrixTransformToParent(matrix_of_array(shift))
    child = panel.transform("child", POSE)
    child.SetAndObserveTransformNodeID(parent.GetID())
    panel.ui.reviewFirstSelector.setCurrentNode(child)
    panel.ui.reviewStartButton.click()
    assert panel.shows(0, "left", shift @ POSE)
    assert panel.shows(0, "right", OTHER_POSE)


def test_what_cannot_be_compared_is_said_in_a_sentence(panel: Panel) -> None:
    panel.case.set_pose(panel.case.automatic_pose)
    before = panel.layout
    panel.ui.reviewStartButton.click()
    assert panel.ui.reviewLabel.text == (
        "“Automatic result” and “Pose as it is now” are the same transform; choose two that differ."
    )
    panel.ui.reviewSecondSelector.setCurrentNode(panel.transform("squeezed", np.diag([0.5, 1.0, 1.0, 1.0])))
    panel.ui.reviewStartButton.click()
    assert panel.ui.reviewLabel.text.startswith("The transform “squeezed” scales")
    assert not panel.section.is_running
    assert panel.layout == before


def nodes(scene: Any) -> list[str]:
    return sorted(scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes()))


@pytest.mark.parametrize("end", ["finish", "cancel", "close", "other case"])
def test_views_and_scene_are_as_they_were_afterwards(panel: Panel, end: str) -> None:
    panel.ui.reviewStartButton.click()
    panel.section.cancel()
    before, layout = nodes(panel.scene), panel.layout
    red = panel.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode").GetForegroundVolumeID()
    panel.ui.reviewStartButton.click()
    assert panel.layout != layout
    {
        "finish": lambda: panel.answer(2),
        "cancel": panel.ui.reviewCancelButton.click,
        "close": panel.section.close,
        "other case": lambda: panel.section.show(None),
    }[end]()
    table = last_table(panel.scene)
    assert (table is not None) == (end == "finish")
    assert nodes(panel.scene) == sorted([*before, table.GetID()] if table is not None else before)
    assert panel.layout == layout
    assert panel.scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode").GetForegroundVolumeID() == red
    assert panel.ui.reviewSetup.visible or end in ("close", "other case")
    assert not panel.section.is_running


def test_layout_that_the_reader_chose_meanwhile_is_left_alone(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    panel.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").SetViewArrangement(6)
    panel.answer(2)
    assert panel.layout == 6


def test_cancel_asks_when_answers_would_be_lost(panel: Panel) -> None:
    third = POSE.copy()
    third[2, 3] += 8
    panel.ui.reviewThirdSelector.setCurrentNode(panel.transform("third", third))
    panel.ui.reviewStartButton.click()
    panel.answer(1)
    panel.dialogs.yes = False
    panel.ui.reviewCancelButton.click()
    assert len(panel.dialogs.asked) == 1
    assert panel.section.is_running
    panel.dialogs.yes = True
    panel.ui.reviewCancelButton.click()
    assert not panel.section.is_running
    assert last_table(panel.scene) is None


def test_scene_saved_during_a_comparison_holds_nothing_of_it(panel: Panel, tmp_path: Path) -> None:
    panel.ui.reviewStartButton.click()
    write_scene(panel.scene, tmp_path / "scene.mrb")
    back = read_scene(tmp_path / "scene.mrb")
    for name in ("left", "right", "ReviewLeft", "ReviewRight2"):
        assert back.GetFirstNodeByName(name) is None, name


def test_scene_closed_during_a_comparison_ends_it(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    panel.scene.Clear(False)
    panel.section.show(None)
    panel.later.pass_time()
    assert not panel.section.is_running
    assert not panel.ui.reviewStartButton.enabled


def test_no_comparison_begins_while_a_registration_runs(panel: Panel) -> None:
    panel.section.busy(True)
    assert not panel.ui.reviewStartButton.enabled
    panel.section.busy(False)
    assert panel.ui.reviewStartButton.enabled


def test_views_are_fitted_again_when_they_have_their_size(panel: Panel) -> None:
    panel.ui.reviewStartButton.click()
    node = panel.scene.GetSingletonNode("ReviewLeft", "vtkMRMLSliceNode")
    node.SetDimensions(300, 600, 1)
    panel.later.pass_time()
    width, height, _ = node.GetFieldOfView()
    assert width / height == pytest.approx(0.5)
    assert width >= LATERAL.columns * 1.5


def test_form_fits_a_narrow_panel_before_and_during_a_comparison(panel: Panel) -> None:
    from PIL import Image

    assert panel.form._qt().minimumSizeHint().width() <= 380
    grab(panel.form._qt(), OUTPUT / "section_review.png", 380)
    panel.ui.reviewStartButton.click()
    panel.choice(4).click()
    grab(panel.form._qt(), OUTPUT / "section_review_running.png", 380)
    assert panel.form._qt().minimumSizeHint().width() <= 380
    images = [slice_view_image(panel.scene, view_name(0, side), 384, 512) for side in ("left", "right")]
    Image.fromarray(np.hstack(images)).save(OUTPUT / "review_views.png")
    panel.answer(4)
    grab(panel.form._qt(), OUTPUT / "section_review_done.png", 380)
