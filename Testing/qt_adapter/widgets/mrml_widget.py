"""The top of a form: tells the widgets in it which scene to use."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets


class qMRMLWidget(QtWidgets.QWidget):
    CALLABLE = frozenset({"mrmlScene", "setMRMLScene"})
    SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "scene_changed"}  # noqa: RUF012

    scene_changed = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not None and not scene.IsA("vtkMRMLScene"):
            raise TypeError(f"{scene!r} is not a scene")
        if scene is not self._scene:
            self._scene = scene
            self.scene_changed.emit(scene)
