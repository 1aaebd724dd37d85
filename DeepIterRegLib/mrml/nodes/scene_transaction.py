"""Changes to a scene that happen all or not at all."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class SceneTransaction:
    """Undoes what was done to the scene inside a `with` block that raises.

    Add nodes as usual; say `remember(node)` before changing one that was there. Needed because MRML's own undo is off
    in Slicer.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._before: set[str] = set()
        self._remembered: list[tuple[Any, Any]] = []

    def __enter__(self) -> SceneTransaction:
        self._before = set(self._ids())
        return self

    def remember(self, node: Any) -> Any:
        """Keep what `node` is now; returns the node. Of a volume, replace the image, don't write into it."""
        if node.GetID() in self._before:
            copy = node.NewInstance()  # CreateNodeInstance's would never go
            copy.CopyContent(node, _deep(node))
            copy.CopyReferences(node)
            self._remembered.append((node, copy))
        return node

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            return
        for node_id in [node_id for node_id in self._ids() if node_id not in self._before]:
            node = self._scene.GetNodeByID(node_id)
            if node is not None:
                self._scene.RemoveNode(node)
        for node, copy in reversed(self._remembered):
            node.CopyContent(copy, _deep(node))
            node.CopyReferences(copy)

    def _ids(self) -> list[str]:
        nodes = (self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes()))
        return [node.GetID() for node in nodes]


def _deep(node: Any) -> bool:
    """Images are kept by reference, for they are large; transforms would change along with their reference."""
    return not node.IsA("vtkMRMLVolumeNode")
