"""The C-arm's beam in 3D: from the X-ray source to the corners of the detector, and the detector's outline."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.mrml.nodes.detector_plane import plane_ijk_to_ras
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import CARM, PREFIX
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, RegisteredView

FRUSTUM_REFERENCE = PREFIX + "frustum"
"""Reference from the image plane to the model of its beam."""
COLOURS = ((0.45, 0.75, 0.95), (0.95, 0.8, 0.35))
"""Of the first and the second DSA's."""
FRUSTUM_ROLE = "frustum"
SOURCE_RADIUS_MM = 12.0
LINE_WIDTH_PX = 2


def detector_corners_mm(carm: CArm) -> FloatArray:
    """(4, 3) outer corners of the detector's area, C-arm frame, in the order of its outline from the first pixel."""
    columns, rows = carm.columns - 0.5, carm.rows - 0.5
    pixels = np.array([[-0.5, -0.5], [columns, -0.5], [columns, rows], [-0.5, rows]])
    return (plane_ijk_to_ras(carm) @ np.column_stack([pixels, np.zeros(4), np.ones(4)]).T).T[:, :3]


def frustum_polydata(carm: CArm) -> Any:
    """vtkPolyData: four rays, the detector's outline, and a ball for the source.

    The ball lies behind the source, where a camera that stands at the source does not see it.
    """
    import vtk

    points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
    points.InsertNextPoint(*carm.source_mm)
    for corner in detector_corners_mm(carm):
        points.InsertNextPoint(*corner)
    for start, end in ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (2, 3), (3, 4), (4, 1)):
        lines.InsertNextCell(2)
        lines.InsertCellPoint(start)
        lines.InsertCellPoint(end)
    beam = vtk.vtkPolyData()
    beam.SetPoints(points)
    beam.SetLines(lines)
    ball = vtk.vtkSphereSource()
    ball.SetCenter(*(carm.source_mm - (SOURCE_RADIUS_MM + 2) * carm.normal))
    ball.SetRadius(SOURCE_RADIUS_MM)
    ball.SetThetaResolution(24)
    ball.SetPhiResolution(16)
    ball.Update()
    # Lines have no normals to offer, and a model takes those that all of it has.
    ball.GetOutput().GetPointData().Initialize()
    both = vtk.vtkAppendPolyData()
    both.AddInputData(beam)
    both.AddInputData(ball.GetOutput())
    both.Update()
    return both.GetOutput()


def show_frustums(case: RegisteredCase, visible: bool = True) -> None:
    """Show the beam of every DSA of a case, or none; made when first shown, or when the C-arm has changed."""
    for index, view in enumerate(case.views):
        node = frustum_of(view)
        carm = carm_to_json(view.carm)
        if visible and (node is None or node.GetAttribute(CARM) != carm or node.GetPolyData() is None):
            node = _made(view, COLOURS[index % len(COLOURS)])
            node.SetAttribute(CARM, carm)
        if node is not None:
            node.GetDisplayNode().SetVisibility(visible)


def frustum_of(view: RegisteredView) -> Any | None:
    """The model of a DSA's beam, None before it was shown."""
    return view.plane.GetNodeReference(FRUSTUM_REFERENCE)


def frustums_are_shown(case: RegisteredCase) -> bool:
    """Whether a beam of the case is visible."""
    nodes = [frustum_of(view) for view in case.views]
    return any(node is not None and node.GetDisplayNode().GetVisibility() for node in nodes)


def _made(view: RegisteredView, colour: tuple[float, float, float]) -> Any:
    name = f"{view.dsa.GetName()} beam"
    node = referenced_node(view.plane, FRUSTUM_REFERENCE, "vtkMRMLModelNode", name, FRUSTUM_ROLE)
    node.SetAndObservePolyData(frustum_polydata(view.carm))
    node.SetSelectable(False)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetVisibility2D(False)
        display.SetColor(*colour)
        display.SetLineWidth(LINE_WIDTH_PX)
        display.SetLighting(False)
    return node
