"""Where the DSAs show the targets: points, ways and ellipses on the image planes, locked Markups of this project's own.

They are made from the pose and the targets, and made again when either changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import detector_points_mm
from DeepIterRegLib.guidance.targets import Mark
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX, ROLE
from DeepIterRegLib.mrml.targets.target_nodes import COLOUR

MARKS_REFERENCE = PREFIX + "target-marks"
"""Reference from an image plane to the list of its targets' points."""
OUTLINES_REFERENCE = PREFIX + "target-outlines"
"""References from an image plane to ellipses and ways."""
MARKS_CLASS, ELLIPSE_CLASS, WAY_CLASS = (
    "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsClosedCurveNode", "vtkMRMLMarkupsCurveNode"
)  # fmt: skip
AROUND = 24
"""Control points of an ellipse."""


def show_marks(plane: Any, carm: CArm, marks: Sequence[Mark]) -> None:
    """Show targets on an image plane, in place of what is shown there; none takes all away."""
    curves = [(ELLIPSE_CLASS, mark.name, ellipse.outline_px(AROUND)) for mark in marks for ellipse in mark.ellipses] + [
        (WAY_CLASS, mark.name, mark.pixels) for mark in marks if mark.is_path
    ]
    _show_points(plane, carm, marks)
    nodes = outline_nodes(plane)
    if [node.GetClassName() for node in nodes] != [class_name for class_name, _, _ in curves]:
        for node in nodes:
            plane.GetScene().RemoveNode(node)
        plane.RemoveNodeReferenceIDs(OUTLINES_REFERENCE)
        nodes = [_added(plane, class_name, f"{plane.GetName()} {name}") for class_name, name, _ in curves]
    for node, (_, _, pixels) in zip(nodes, curves, strict=True):
        _put(node, detector_points_mm(pixels, carm))


def outline_nodes(plane: Any) -> list[Any]:
    """Ellipses and ways of an image plane."""
    count = plane.GetNumberOfNodeReferences(OUTLINES_REFERENCE)
    nodes = [plane.GetNthNodeReference(OUTLINES_REFERENCE, index) for index in range(count)]
    return [node for node in nodes if node is not None]


def _show_points(plane: Any, carm: CArm, marks: Sequence[Mark]) -> None:
    node = plane.GetNodeReference(MARKS_REFERENCE)
    if node is None:
        if not marks:
            return
        node = referenced_node(plane, MARKS_REFERENCE, MARKS_CLASS, f"{plane.GetName()} targets", "target-marks")
        _dress(node)
        node.GetDisplayNode().SetPointLabelsVisibility(True)
    pixels = np.array([mark.ellipses[-1].centre_px for mark in marks]).reshape(-1, 2)
    _put(node, detector_points_mm(pixels, carm))
    for index, mark in enumerate(marks):
        node.SetNthControlPointLabel(index, mark.name)


def _put(node: Any, points_mm: FloatArray) -> None:
    """Let a node have these (N, 3) control points and no others."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(points_mm, dtype=np.float64), deep=True))
    node.SetControlPointPositionsWorld(points)


def _added(plane: Any, class_name: str, name: str) -> Any:
    node = plane.GetScene().AddNewNodeByClass(class_name, name)
    node.SetAttribute(ROLE, "target-outline")
    plane.AddNodeReferenceID(OUTLINES_REFERENCE, node.GetID())
    _dress(node)
    display = node.GetDisplayNode()
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    # The line is what is to be seen, not the points that it is made of.
    display.SetGlyphTypeFromString("Vertex2D")
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(0.1)
    return node


def _dress(node: Any) -> None:
    node.SetLocked(True)
    node.SetHideFromEditors(True)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    for paint in (display.SetSelectedColor, display.SetColor, display.SetActiveColor):
        paint(*COLOUR)
