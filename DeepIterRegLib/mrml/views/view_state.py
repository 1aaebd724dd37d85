"""What views show, remembered and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix, matrix_of_array
from DeepIterRegLib.mrml.views.layout import layout_node
from DeepIterRegLib.mrml.views.views import view_node


class ViewState:
    """The layout, and what some slice views show, as it is now."""

    def __init__(self, scene: Any, views: Sequence[str]) -> None:
        """views: layout names of slice views; added to the scene where they are missing."""
        self._scene = scene
        layout = layout_node(scene)
        self._arrangement = None if layout is None else layout.GetViewArrangement()
        self._slices = [_Slice(view_node(scene, "vtkMRMLSliceNode", view)) for view in views]
        self._composites = [_Composite(view_node(scene, "vtkMRMLSliceCompositeNode", view)) for view in views]

    def restore(self) -> None:
        """Put everything back that is still there. A view whose window has changed its size keeps its scale."""
        layout = layout_node(self._scene)
        if layout is not None and self._arrangement is not None:
            layout.SetViewArrangement(self._arrangement)
        states: list[_Slice | _Composite] = [*self._slices, *self._composites]
        for state in states:
            if self._scene.IsNodePresent(state.node):
                state.restore()


class _Slice:
    def __init__(self, node: Any) -> None:
        self.node = node
        self._slice_to_ras = array_of_matrix(node.GetSliceToRAS())
        self._dimensions = np.array(node.GetDimensions())
        self._field_of_view = np.array(node.GetFieldOfView())
        self._origin = tuple(node.GetXYZOrigin())
        self._visible = node.GetSliceVisible()
        self._resolution = node.GetSliceResolutionMode()
        self._uvw = (tuple(node.GetUVWExtents()), tuple(node.GetUVWDimensions()), tuple(node.GetUVWOrigin()))

    def restore(self) -> None:
        node = self.node
        modified = node.StartModify()
        node.GetSliceToRAS().DeepCopy(matrix_of_array(self._slice_to_ras))
        node.UpdateMatrices()
        node.SetSliceVisible(self._visible)
        node.SetSliceResolutionMode(self._resolution)
        scale = np.array(node.GetDimensions()) / np.maximum(self._dimensions, 1)
        node.SetFieldOfView(*(self._field_of_view * [scale[0], scale[1], 1.0]))
        node.SetSliceOrigin(*self._origin)
        extents, dimensions, origin = self._uvw
        node.SetUVWExtents(*extents)
        node.SetUVWDimensions(*dimensions)
        node.SetUVWOrigin(*origin)
        node.EndModify(modified)


class _Composite:
    def __init__(self, node: Any) -> None:
        self.node = node
        self._volumes = (node.GetBackgroundVolumeID(), node.GetForegroundVolumeID(), node.GetLabelVolumeID())
        self._opacity = node.GetForegroundOpacity()
        self._compositing = node.GetCompositing()

    def restore(self) -> None:
        node, (background, foreground, label) = self.node, self._volumes
        modified = node.StartModify()
        node.SetBackgroundVolumeID(background)
        node.SetForegroundVolumeID(foreground)
        node.SetLabelVolumeID(label)
        node.SetForegroundOpacity(self._opacity)
        node.SetCompositing(self._compositing)
        node.EndModify(modified)
