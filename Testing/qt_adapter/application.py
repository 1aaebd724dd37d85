"""Slicer's application as far as modules see it: `slicer.app`, its layout manager and its module manager."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtWidgets

from Testing.qt_adapter.look import set_look

VERSION = (5, 12, 3)


class qSlicerModuleManager(QtCore.QObject):
    CALLABLE = frozenset({"modulesNames"})
    SIGNALS = {"moduleAboutToBeUnloaded(QString)": "about_to_be_unloaded"}  # noqa: RUF012

    about_to_be_unloaded = QtCore.Signal(str)

    def modulesNames(self) -> list[str]:
        return ["DeepIterReg"]


class qSlicerApplication(QtWidgets.QApplication):
    """`slicer.app`. In testing mode, as Slicer is with --testing: slicer.util's message boxes are only logged."""

    CALLABLE = frozenset({"testingEnabled", "layoutManager", "moduleManager", "settings", "userSettings"}) | {
        "applicationLogic",
        "mrmlScene",
        "pauseRender",
        "resumeRender",
    }
    SIGNALS = {  # noqa: RUF012
        "startupCompleted()": "startup_completed",
        "mrmlSceneChanged(vtkMRMLScene*)": "scene_changed",
    }

    startup_completed = QtCore.Signal()
    scene_changed = QtCore.Signal(object)

    def __init__(self) -> None:
        super().__init__(["Slicer"])
        self.setApplicationName("Slicer")
        self.setApplicationVersion(".".join(map(str, VERSION)))
        self.setOrganizationName("DeepIterReg tests")
        self._module_manager = qSlicerModuleManager(self)
        self._folder = tempfile.TemporaryDirectory(prefix="deepiterreg-settings-")
        ini = QtCore.QSettings.Format.IniFormat
        QtCore.QSettings.setDefaultFormat(ini)
        QtCore.QSettings.setPath(ini, QtCore.QSettings.Scope.UserScope, self._folder.name)
        self.layout_manager: Any = None
        self.scene: Any = None
        self.logic: Any = None

    def testingEnabled(self) -> bool:
        return True

    def layoutManager(self) -> Any:
        return self.layout_manager

    def moduleManager(self) -> qSlicerModuleManager:
        return self._module_manager

    def settings(self) -> QtCore.QSettings:
        return QtCore.QSettings()

    userSettings = settings

    def applicationLogic(self) -> Any:
        return self.logic

    def mrmlScene(self) -> Any:
        return self.scene

    def pauseRender(self) -> None: ...

    def resumeRender(self) -> None: ...

    majorVersion = QtCore.Property(int, lambda self: VERSION[0])
    minorVersion = QtCore.Property(int, lambda self: VERSION[1])
    temporaryPath = QtCore.Property(str, lambda self: self._folder.name)


def application() -> qSlicerApplication:
    """The application of this process; made when first asked for."""
    existing = QtWidgets.QApplication.instance()
    if existing is None:
        QtCore.qInstallMessageHandler(_print_message)
        made = qSlicerApplication()
        set_look(made)
        _keep.append(made)
        return made
    if not isinstance(existing, qSlicerApplication):
        raise RuntimeError("Another QApplication runs in this process.")
    return existing


def _print_message(kind: QtCore.QtMsgType, context: QtCore.QMessageLogContext, message: str) -> None:
    if "propagateSizeHints" not in message:  # what the off-screen plug-in cannot do says it for every window
        print(f"Qt: {message}", file=sys.stderr)


_keep: list[qSlicerApplication] = []
