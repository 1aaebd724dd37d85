"""What Slicer's slice view shows, as an array, without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def slice_view_image(scene: Any, view: str, rows: int, columns: int) -> npt.NDArray[np.uint8]:
    """(rows, columns, 3) RGB of a slice view of that size, first row at the top; its field of view is kept."""
    import slicer
    from vtk.util.numpy_support import vtk_to_numpy

    node = scene.GetSingletonNode(view, "vtkMRMLSliceNode")
    node.SetDimensions(columns, rows, 1)
    logic = slicer.vtkMRMLSliceLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceNode(node)
    logic.UpdatePipeline()
    blend = logic.GetBlend()
    blend.Update()
    image = blend.GetOutput()
    assert image.GetDimensions() == (columns, rows, 1)
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, -1)
    # VTK's first row is at the bottom.
    return pixels[::-1, :, :3].copy()
