"""The CTA's vessels as points in the scene: what the overlay is drawn from, after re-opening too."""

from __future__ import annotations

from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.node_attributes import CELL_MM
from DeepIterRegLib.preparation.cloud import VesselCloud

CLOUD_CLASS = "vtkMRMLModelNode"
WEIGHTS, IS_VEIN = "weights_mm3", "is_vein"


def fill_cloud_node(node: Any, cloud: VesselCloud) -> None:
    """Put a cloud into a model node: points in the patient frame, without cells, hence nothing to see."""
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    points = vtk.vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(cloud.positions_mm, dtype=np.float32), deep=True))
    polydata = vtk.vtkPolyData()
    polydata.SetPoints(points)
    for name, values in ((WEIGHTS, cloud.weights_mm3.astype(np.float32)), (IS_VEIN, cloud.is_vein.astype(np.uint8))):
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        polydata.GetPointData().AddArray(array)
    node.SetAndObservePolyData(polydata)
    node.SetAttribute(CELL_MM, repr(float(cloud.cell_mm)))
    node.SetHideFromEditors(True)


def cloud_of(node: Any, centre_mm: Any) -> VesselCloud:
    """The cloud that `fill_cloud_node` put there. centre_mm: (3,) of the volume. Raises InputError for another node."""
    from vtk.util.numpy_support import vtk_to_numpy

    polydata: Any = None if node is None else node.GetPolyData()
    names = (WEIGHTS, IS_VEIN)
    arrays = [None if polydata is None else polydata.GetPointData().GetArray(name) for name in names]
    cell_mm = None if node is None else node.GetAttribute(CELL_MM)
    if cell_mm is None or None in arrays or polydata.GetNumberOfPoints() == 0:
        raise InputError("The vessels of the CTA are missing from the scene; register again.")
    positions, weights, is_vein = (vtk_to_numpy(array) for array in (polydata.GetPoints().GetData(), *arrays))
    return VesselCloud(
        positions.astype(np.float32),
        weights.astype(np.float32),
        is_vein.astype(bool),
        float(cell_mm),
        np.asarray(centre_mm, dtype=np.float64),
    )
