"""The centrelines of the CTA's vessels in the scene: lines with radii, so that nobody has to find them again."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.mrml.nodes.new_node import referenced_node
from DeepIterRegLib.mrml.nodes.node_attributes import PREFIX
from DeepIterRegLib.preparation.cloud import VesselCloud

CENTRELINE_REFERENCE = PREFIX + "centreline"
"""Reference from the pose to the model node."""
OF_CLOUD = PREFIX + "of-cloud"
"""Attribute of that node: the vessel points that it was made from."""
NAME = "CTA centrelines"
RADIUS = "Radius"
"""As VMTK calls it."""


def keep_centreline(pose_node: Any, centreline: Centreline, cloud: VesselCloud) -> Any:
    """Put the centrelines of a cloud into the scene, under the pose; returns their node."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    points, lines = vtk.vtkPoints(), vtk.vtkCellArray()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(centreline.points_mm, dtype=np.float64), deep=True))
    for curve in centreline.curves():
        lines.InsertNextCell(len(curve), curve.tolist())
    polydata = vtk.vtkPolyData()
    polydata.SetPoints(points)
    polydata.SetLines(lines)
    for name, values in (
        (RADIUS, centreline.radii_mm.astype(np.float64)),
        ("parent", centreline.parent.astype(np.int32)),
        ("bridged", centreline.bridged.astype(np.uint8)),
        ("is_vein", centreline.is_vein.astype(np.uint8)),
    ):
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        polydata.GetPointData().AddArray(array)
    node = referenced_node(pose_node, CENTRELINE_REFERENCE, "vtkMRMLModelNode", NAME, "centreline")
    node.SetAndObservePolyData(polydata)
    node.SetAttribute(OF_CLOUD, _key(cloud))
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility(False)
    node.SetAndObserveTransformNodeID(pose_node.GetID())
    return node


def kept_centreline(pose_node: Any, cloud: VesselCloud) -> Centreline | None:
    """The centrelines in the scene; None where there are none, or those of other vessels."""
    from vtk.util.numpy_support import vtk_to_numpy

    node = pose_node.GetNodeReference(CENTRELINE_REFERENCE)
    polydata = None if node is None or node.GetAttribute(OF_CLOUD) != _key(cloud) else node.GetPolyData()
    if polydata is None or polydata.GetNumberOfPoints() == 0:
        return None
    arrays = [polydata.GetPointData().GetArray(name) for name in (RADIUS, "parent", "bridged", "is_vein")]
    if None in arrays:
        return None
    radii, parent, bridged, is_vein = (vtk_to_numpy(array) for array in arrays)
    points = vtk_to_numpy(polydata.GetPoints().GetData())
    if not ((parent >= -1) & (parent < np.arange(len(points)))).all():
        return None  # Somebody changed it: a tree that is none would never end.
    return Centreline(
        points.astype(np.float64), radii.astype(np.float64), parent.astype(np.intp), bridged > 0, is_vein > 0
    )


def _key(cloud: VesselCloud) -> str:
    """Equal for equal points: what a scene's file rounds is not seen."""
    middle = cloud.positions_mm.mean(axis=0, dtype=np.float64) if len(cloud) else np.zeros(3)
    return f"{len(cloud)} points about " + " ".join(f"{value:.2f}" for value in middle)
