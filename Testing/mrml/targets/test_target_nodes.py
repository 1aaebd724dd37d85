"""Targets in the scene: Markups on the vessels, marks on the image planes, kept by a file."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.geometry.projection import detector_points_mm, project
from DeepIterRegLib.geometry.rigid import apply, se3_exp
from DeepIterRegLib.guidance.targets import Placed, placed_on
from DeepIterRegLib.guidance.trace import traced
from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.overlay.look_attribute import keep_look, look_of
from DeepIterRegLib.mrml.targets.case_targets import covariance_in_use, show_targets_on_dsas, targets_in
from DeepIterRegLib.mrml.targets.centreline_node import keep_centreline, kept_centreline
from DeepIterRegLib.mrml.targets.mark_nodes import MARKS_REFERENCE, outline_nodes
from DeepIterRegLib.mrml.targets.target_nodes import (
    follow_cta,
    free_name,
    path_nodes,
    placed_targets,
    points_node,
    points_of,
    show_targets,
)
from Testing.support.overlay_case import artery_mm, tubes_cloud
from Testing.support.target_case import case_with_uncertainty, sure

CENTRELINE = traced(tubes_cloud())
CLOT, START = artery_mm()[150], artery_mm()[30]
PLACED = (
    Placed("clot", CLOT[None] + 1.0),
    Placed("wire", np.stack([START, CLOT]), is_path=True),
)


@pytest.fixture
def case():
    found = case_with_uncertainty()
    show_targets(found.pose_node, placed_on(CENTRELINE, PLACED))
    keep_centreline(found.pose_node, CENTRELINE, found.vessels)
    return found


def test_points_and_paths_are_markups_where_the_vessels_are(case):
    node = points_node(case.pose_node)
    assert node.GetClassName() == "vtkMRMLMarkupsFiducialNode"
    ((label, place),) = points_of(node)
    assert label == "clot"
    assert np.linalg.norm(artery_mm() - place, axis=1).min() < 0.5
    assert np.linalg.norm(place - CLOT) < np.sqrt(3) + 0.2
    world = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(0, world)
    assert world == pytest.approx(apply(case.pose, place), abs=1e-3)
    (curve,) = path_nodes(case.pose_node)
    assert curve.GetName() == "wire"
    # The spline, not only its control points, stays in the vessel.
    drawn = np.array(
        [curve.GetCurvePointsWorld().GetPoint(i) for i in range(curve.GetCurvePointsWorld().GetNumberOfPoints())]
    )
    in_vessel = [CENTRELINE.nearest(point).distance_mm for point in apply(np.linalg.inv(case.pose), drawn)]
    assert max(in_vessel) < 1.0


def test_every_dsa_shows_the_point_its_ellipse_and_the_way(case):
    targets = targets_in(case)
    show_targets_on_dsas(case, targets)
    for view in case.views:
        marks = points_of(view.plane.GetNodeReference(MARKS_REFERENCE))
        assert [label for label, _ in marks] == ["clot", "wire"]
        pixel = project(apply(case.pose, targets[0].points_mm), view.carm)
        assert marks[0][1] == pytest.approx(detector_points_mm(pixel, view.carm)[0], abs=1e-3)
        kinds = [node.GetClassName() for node in outline_nodes(view.plane)]
        assert kinds == ["vtkMRMLMarkupsClosedCurveNode"] * 3 + ["vtkMRMLMarkupsCurveNode"]
        ellipse = np.array([place for _, place in points_of(outline_nodes(view.plane)[0])])
        assert ellipse.mean(axis=0) == pytest.approx(marks[0][1], abs=1e-3)
        distances = np.linalg.norm(ellipse - marks[0][1], axis=1)
        assert 1.0 < distances.min() < distances.max() < 20
        assert (ellipse - view.carm.detector_origin_mm) @ view.carm.normal == pytest.approx(0, abs=1e-3)
        assert all(node.GetLocked() for node in outline_nodes(view.plane))


@pytest.mark.parametrize("why", ["by hand", "wrong", "not registered", "before"])
def test_where_the_uncertainty_is_not_known_nothing_is_drawn(case, why):
    show_targets_on_dsas(case, targets_in(case))
    if why == "wrong":
        case = case_with_uncertainty(confidence=sure("wrong"))
    elif why == "not registered":
        case = case_with_uncertainty(known=False)
    elif why == "by hand":
        case.set_pose(se3_exp(np.array([0, 0, 0, 0.5, 0, 0])) @ case.pose)
    else:
        keep_look(case.pose_node, type(look_of(case.pose_node))(moment="before"))
    assert (covariance_in_use(case) is None) == (why != "before")
    show_targets_on_dsas(case, placed_on(CENTRELINE, PLACED))
    for view in case.views:
        assert outline_nodes(view.plane) == []
        assert points_of(view.plane.GetNodeReference(MARKS_REFERENCE)) == []


def test_other_targets_take_the_place_of_those_before(case):
    show_targets_on_dsas(case, targets_in(case))
    show_targets(case.pose_node, placed_on(CENTRELINE, [Placed("aneurysm", CLOT[None])]))
    show_targets_on_dsas(case, targets_in(case))
    assert [target.name for target in placed_targets(case.pose_node)] == ["aneurysm"]
    assert path_nodes(case.pose_node) == []
    for view in case.views:
        assert len(outline_nodes(view.plane)) == 1


def test_a_scenes_file_keeps_targets_marks_and_centrelines(case, tmp_path):
    show_targets_on_dsas(case, targets_in(case))
    write_scene(case.pose_node.GetScene(), tmp_path / "scene.mrb")
    (again,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    before, after = placed_targets(case.pose_node), placed_targets(again.pose_node)
    assert [target.name for target in after] == ["clot", "wire"]
    for one, other in zip(before, after, strict=True):
        assert other.points_mm == pytest.approx(one.points_mm, abs=1e-3)
    centreline = kept_centreline(again.pose_node, again.vessels)
    assert centreline is not None
    assert centreline.points_mm == pytest.approx(CENTRELINE.points_mm, abs=1e-3)
    assert (centreline.parent == CENTRELINE.parent).all()
    assert [len(outline_nodes(view.plane)) for view in again.views] == [4, 4]
    assert covariance_in_use(again) is not None


def test_centrelines_of_other_vessels_are_not_taken(case):
    others = case.vessels.subset(np.arange(len(case.vessels)) % 2 == 0)
    assert kept_centreline(case.pose_node, others) is None


def test_targets_go_with_the_cta(case):
    follow_cta(case.pose_node, applied=False)
    node = points_node(case.pose_node)
    assert node.GetParentTransformNode() is None
    world = [0.0, 0.0, 0.0]
    node.GetNthControlPointPositionWorld(0, world)
    ((_, place),) = points_of(node)
    assert world == pytest.approx(place, abs=1e-3)
    follow_cta(case.pose_node, applied=True)
    assert node.GetParentTransformNode() is case.pose_node


def test_a_name_that_is_taken_gets_a_number():
    assert free_name("clot", []) == "clot"
    assert free_name("clot", ["clot", "clot 2", "wire"]) == "clot 3"
