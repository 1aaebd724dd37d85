"""The targets in the scene: a list of points, and a curve for each path, on the CTA's vessels.

They are Markups in the patient frame, under the pose as the CTA is, so that Slicer's own tools work on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.guidance.targets import Placed, Target
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX, ROLE
from DeepIterRegLib.mrml.targets.centreline_node import CENTRELINE_REFERENCE

POINTS_REFERENCE = PREFIX + "target-points"
"""Reference from the pose to the list of points."""
PATHS_REFERENCE = PREFIX + "target-paths"
"""References from the pose to the curves."""
POINTS_CLASS, PATH_CLASS = "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsCurveNode"
POINTS_NAME = "Targets"
COLOUR = (0.0, 0.9, 0.46)
"""Of everything about targets; as `overlay_image.TARGET_COLOUR`."""
PATH_STEP_MM = 4.0
"""Between the points of a path's curve: a spline through them stays in the vessel."""


def points_node(pose_node: Any) -> Any:
    """The list of points; made where there is none yet."""
    node = pose_node.GetNodeReference(POINTS_REFERENCE)
    if node is None:
        node = referenced_node(pose_node, POINTS_REFERENCE, POINTS_CLASS, POINTS_NAME, "targets")
        _dress(node, pose_node)
    return node


def path_nodes(pose_node: Any) -> list[Any]:
    """The curves, in their order; none of no pose."""
    if pose_node is None:
        return []
    count = pose_node.GetNumberOfNodeReferences(PATHS_REFERENCE)
    nodes = [pose_node.GetNthNodeReference(PATHS_REFERENCE, index) for index in range(count)]
    return [node for node in nodes if node is not None]


def add_path_node(pose_node: Any, name: str) -> Any:
    """A new, empty curve of that name."""
    node = pose_node.GetScene().AddNewNodeByClass(PATH_CLASS, name)
    node.SetAttribute(ROLE, "target-path")
    pose_node.AddNodeReferenceID(PATHS_REFERENCE, node.GetID())
    _dress(node, pose_node)
    return node


def show_targets(pose_node: Any, targets: Iterable[Target]) -> None:
    """Put targets into the scene, in place of those that are there."""
    for node in path_nodes(pose_node):
        pose_node.GetScene().RemoveNode(node)
    pose_node.RemoveNodeReferenceIDs(PATHS_REFERENCE)
    targets = list(targets)
    points = [target for target in targets if not target.is_path]
    if points or pose_node.GetNodeReference(POINTS_REFERENCE) is not None:
        node = points_node(pose_node)
        node.RemoveAllControlPoints()
        for target in points:
            add_point(node, target.end_mm, target.name)
    for target in targets:
        if target.is_path:
            put_way(add_path_node(pose_node, target.name), target.points_mm)


def placed_targets(pose_node: Any) -> tuple[Placed, ...]:
    """The targets in the scene, patient frame; a path that has fewer than two points yet is none."""
    node = pose_node.GetNodeReference(POINTS_REFERENCE)
    found = [Placed(name, place[None]) for name, place in points_of(node)]
    for curve in path_nodes(pose_node):
        places = [place for _, place in points_of(curve)]
        if len(places) > 1:
            found.append(Placed(curve.GetName(), np.array(places), is_path=True))
    return tuple(found)


def points_of(node: Any) -> list[tuple[str, FloatArray]]:
    """Labels and positions (3,), in the node's own frame, of the points that were placed."""
    found = []
    for index in range(0 if node is None else node.GetNumberOfControlPoints()):
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
            position = [0.0, 0.0, 0.0]
            node.GetNthControlPointPosition(index, position)
            found.append((node.GetNthControlPointLabel(index), np.array(position)))
    return found


def add_point(node: Any, point_mm: FloatArray, label: str) -> int:
    """Add a point (3,) in the node's own frame; returns its index."""
    import vtk

    return int(node.AddControlPoint(vtk.vtkVector3d(*map(float, point_mm)), label))


def put_way(node: Any, points_mm: FloatArray) -> None:
    """Let a curve lead along (N, 3) points, with a control point every few mm."""
    import vtk

    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1))])
    even = np.linspace(0, arc[-1], max(2, round(arc[-1] / PATH_STEP_MM) + 1))
    places = np.stack([np.interp(even, arc, axis) for axis in points_mm.T], axis=1)
    modified = node.StartModify()
    node.RemoveAllControlPoints()
    for place in places:
        node.AddControlPoint(vtk.vtkVector3d(*map(float, place)))
    node.EndModify(modified)


def remove_target(pose_node: Any, name: str) -> None:
    """Take the target of that name out of the scene."""
    for curve in path_nodes(pose_node):
        if curve.GetName() == name:
            pose_node.GetScene().RemoveNode(curve)
    node = pose_node.GetNodeReference(POINTS_REFERENCE)
    for index in reversed(range(0 if node is None else node.GetNumberOfControlPoints())):
        if node.GetNthControlPointLabel(index) == name:
            node.RemoveNthControlPoint(index)


def rename_target(pose_node: Any, old: str, name: str) -> None:
    """Give the target of that name another one."""
    for curve in path_nodes(pose_node):
        if curve.GetName() == old:
            curve.SetName(name)
    node = pose_node.GetNodeReference(POINTS_REFERENCE)
    for index in range(0 if node is None else node.GetNumberOfControlPoints()):
        if node.GetNthControlPointLabel(index) == old:
            node.SetNthControlPointLabel(index, name)


def take_over_targets(pose_node: Any, others: Iterable[Any]) -> None:
    """Let the targets of a CTA belong to the registration that is put to use. others: the poses of all of its
    registrations."""
    for other in others:
        if other is pose_node:
            continue
        for role in (POINTS_REFERENCE, PATHS_REFERENCE, CENTRELINE_REFERENCE):
            nodes = [other.GetNthNodeReference(role, index) for index in range(other.GetNumberOfNodeReferences(role))]
            other.RemoveNodeReferenceIDs(role)
            for node in nodes:
                if node is not None:
                    pose_node.AddNodeReferenceID(role, node.GetID())
                    node.SetAndObserveTransformNodeID(pose_node.GetID())


def follow_cta(pose_node: Any, applied: bool) -> None:
    """Show the targets where the CTA is: under the pose, or in the patient frame. applied: whether it is under it."""
    wanted = pose_node.GetID() if applied else None
    for node in (pose_node.GetNodeReference(POINTS_REFERENCE), *path_nodes(pose_node)):
        if node is not None and node.GetTransformNodeID() != wanted:
            node.SetAndObserveTransformNodeID(wanted)


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """The name, with a number after it where another target has it."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _dress(node: Any, pose_node: Any) -> None:
    node.SetAndObserveTransformNodeID(pose_node.GetID())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetSelectedColor(*COLOUR)
    display.SetColor(*COLOUR)
