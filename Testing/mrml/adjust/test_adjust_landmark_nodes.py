"""The lists of landmarks in a real scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.projection import detector_points_mm, project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.mrml.adjust.landmark_nodes import LandmarkLists
from DeepIterRegLib.mrml.nodes.node_attributes import role
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from Testing.support.adjust_case import HandCase
from Testing.support.small_registration import FRONTAL, LATERAL, POSE

IN_HEAD_MM = np.array([[20.0, 5.0, -10.0], [-15.0, 12.0, 20.0], [0.0, -20.0, 5.0]])


class Marked:
    def __init__(self) -> None:
        self.hand = HandCase([LATERAL, FRONTAL])
        self.changes = 0
        self.lists = LandmarkLists(self.hand.scene, self.hand.case, self._count)

    def _count(self) -> None:
        self.changes += 1

    def mark_cta(self, *points_mm: FloatArray) -> None:
        """As a click on the CTA does, which lies where the pose puts it."""
        self.lists.place(None, "Landmarks in the CTA")
        for point in points_mm:
            self.lists.list_of(None).AddControlPointWorld(*apply(self.hand.case.pose, point))

    def mark_dsa(self, view: int, *pixels: FloatArray) -> None:
        self.lists.place(view, "Landmarks in the DSA")
        carm = self.hand.case.views[view].carm
        for pixel in pixels:
            self.lists.list_of(view).AddControlPointWorld(*detector_points_mm(np.array([pixel]), carm)[0])


@pytest.fixture
def marked() -> Marked:
    return Marked()


def test_points_of_the_cta_are_in_the_patient_frame_and_move_with_it(marked: Marked) -> None:
    marked.mark_cta(*IN_HEAD_MM)
    node = marked.lists.list_of(None)
    np.testing.assert_allclose([node.GetNthControlPointPosition(index) for index in range(3)], IN_HEAD_MM, atol=1e-9)
    marked.hand.case.set_pose(np.eye(4))
    np.testing.assert_allclose(node.GetNthControlPointPositionWorld(1), IN_HEAD_MM[1], atol=1e-9)


def test_points_of_the_cta_follow_it_out_of_the_pose(marked: Marked) -> None:
    marked.mark_cta(IN_HEAD_MM[0])
    marked.hand.case.apply_to_cta(False)
    marked.lists.follow_cta()
    node = marked.lists.list_of(None)
    np.testing.assert_allclose(node.GetNthControlPointPositionWorld(0), IN_HEAD_MM[0], atol=1e-9)


def test_points_on_the_slice_view_are_pixels(marked: Marked) -> None:
    pixels = np.array([[10.0, 20.5], [99.25, 3.0], [64.0, 48.0]])
    marked.mark_cta(*IN_HEAD_MM)
    marked.mark_dsa(0, *pixels)
    pairs = marked.lists.pairs()
    np.testing.assert_allclose(pairs.views[0].pixels, pixels, atol=1e-6)
    np.testing.assert_allclose(pairs.views[0].points_mm, IN_HEAD_MM, atol=1e-9)
    assert pairs.labels == (("1", "2", "3"), ())
    assert pairs.number == 3


def test_point_that_is_deleted_and_placed_again_is_in_its_pair_again(marked: Marked) -> None:
    pixels = project(apply(POSE, IN_HEAD_MM), LATERAL)
    marked.mark_cta(*IN_HEAD_MM)
    marked.mark_dsa(0, *pixels)
    marked.lists.list_of(None).RemoveNthControlPoint(1)
    assert marked.lists.pairs().only_in_dsa == ("2",)
    marked.mark_cta(np.array([1.0, 2.0, 3.0]))
    pairs = marked.lists.pairs()
    assert (pairs.only_in_cta, pairs.only_in_dsa) == ((), ())
    by_label = dict(
        zip(pairs.labels[0], zip(pairs.views[0].points_mm, pairs.views[0].pixels, strict=True), strict=True)
    )
    np.testing.assert_allclose(by_label["2"][0], [1.0, 2.0, 3.0], atol=1e-9)
    np.testing.assert_allclose(by_label["2"][1], pixels[1], atol=1e-6)
    np.testing.assert_allclose(by_label["3"][0], IN_HEAD_MM[2], atol=1e-9)


def test_numbers_begin_again_after_clearing(marked: Marked) -> None:
    marked.mark_cta(*IN_HEAD_MM)
    marked.lists.clear()
    assert marked.lists.pairs().only_in_cta == ()
    marked.mark_cta(IN_HEAD_MM[0])
    assert marked.lists.pairs().only_in_cta == ("1",)


def test_point_under_the_mouse_does_not_count(marked: Marked) -> None:
    marked.mark_cta(IN_HEAD_MM[0])
    node = marked.lists.list_of(None)
    index = node.AddControlPoint(5.0, 5.0, 5.0)
    node.SetNthControlPointPosition(index, 5.0, 5.0, 5.0, node.PositionPreview)
    assert marked.lists.pairs().only_in_cta == ("1",)
    node.SetNthControlPointPosition(index, 6.0, 5.0, 5.0, node.PositionDefined)
    assert marked.lists.pairs().only_in_cta == ("1", "2")


def test_second_dsa_pairs_with_the_same_points(marked: Marked) -> None:
    marked.mark_cta(*IN_HEAD_MM)
    marked.mark_dsa(0, *project(apply(POSE, IN_HEAD_MM), LATERAL)[:1])
    marked.mark_dsa(1, *project(apply(POSE, IN_HEAD_MM), FRONTAL)[:2])
    pairs = marked.lists.pairs()
    assert pairs.labels == (("1",), ("1", "2"))
    assert pairs.only_in_cta == ("3",)
    assert pairs.number == 2


def test_point_beside_the_image_is_in_no_pair(marked: Marked) -> None:
    marked.mark_cta(IN_HEAD_MM[0])
    marked.lists.place(0, "Landmarks in the DSA")
    marked.lists.list_of(0).AddControlPointWorld(0.0, 0.0, 0.0)
    pairs = marked.lists.pairs()
    assert (pairs.off_the_image, pairs.number) == (("1",), 0)


def test_placing_goes_through_slicers_own_modes(marked: Marked) -> None:
    scene = marked.hand.scene
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    marked.lists.place(0, "Landmarks in the DSA")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert interaction.GetPlaceModePersistence() == 1
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    assert selection.GetActivePlaceNodeID() == marked.lists.list_of(0).GetID()
    assert selection.GetActivePlaceNodeClassName() == "vtkMRMLMarkupsFiducialNode"
    assert marked.lists.is_placing(0)
    assert not marked.lists.is_placing(None)
    before = marked.changes
    marked.lists.stop_placing()
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform
    assert not marked.lists.is_placing(0)
    assert marked.changes > before


def test_lists_are_found_again_in_a_saved_scene_and_numbered_on(marked: Marked, tmp_path: Path) -> None:
    marked.mark_cta(*IN_HEAD_MM[:2])
    marked.mark_dsa(1, *project(apply(POSE, IN_HEAD_MM), FRONTAL)[:2])
    write_scene(marked.hand.scene, tmp_path / "a.mrb")
    scene = read_scene(tmp_path / "a.mrb")
    (case,) = registered_cases(scene)
    lists = LandmarkLists(scene, case, lambda: None)
    pairs = lists.pairs()
    np.testing.assert_allclose(pairs.views[1].points_mm, IN_HEAD_MM[:2], atol=1e-3)
    assert role(lists.list_of(None)) == "landmarks-cta"
    assert role(lists.list_of(1)) == "landmarks-dsa"
    lists.list_of(None).AddControlPoint(1.0, 2.0, 3.0)
    assert lists.pairs().only_in_cta == ("3",)


def test_closed_lists_are_not_listened_to(marked: Marked) -> None:
    marked.mark_cta(IN_HEAD_MM[0])
    marked.lists.close()
    before = marked.changes
    marked.lists.list_of(None).AddControlPoint(1.0, 2.0, 3.0)
    assert marked.changes == before


def test_list_that_somebody_deleted_is_made_again(marked: Marked) -> None:
    marked.mark_cta(IN_HEAD_MM[0])
    marked.hand.scene.RemoveNode(marked.lists.list_of(None))
    assert marked.lists.pairs().only_in_cta == ()
    marked.mark_cta(IN_HEAD_MM[1])
    assert marked.lists.pairs().only_in_cta == ("1",)
