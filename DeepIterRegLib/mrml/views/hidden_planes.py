"""The slice views' planes out of 3D for a while, so that a click there hits nothing but the CTA."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.mrml.views.views import SLICE_VIEWS


class HiddenPlanes:
    """Remembers which planes it took away."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._hidden: list[Any] = []

    def hide(self) -> None:
        """Take away what is to be seen of them."""
        for name in SLICE_VIEWS:
            node = self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")
            if node is not None and node.GetSliceVisible():
                node.SetSliceVisible(False)
                self._hidden.append(node)

    def show(self) -> None:
        """Bring back what was taken away."""
        hidden, self._hidden = self._hidden, []
        for node in hidden:
            if self._scene.IsNodePresent(node):
                node.SetSliceVisible(True)
