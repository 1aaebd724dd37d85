"""`slicer.ScriptedLoadableModule`: what a module's classes are derived from, and what Slicer holds of a module."""

from __future__ import annotations

import logging
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.qt_adapter.widgets.mrml_widget import qMRMLWidget


class LoadedModule:
    """What a module's constructor gets as parent, and `slicer.modules.deepiterreg`. Takes no unknown attributes."""

    __slots__ = (
        *("title", "categories", "dependencies", "contributors", "helpText", "acknowledgementText", "icon"),
        *("path", "name", "hidden", "index", "associatedNodeTypes", "_widget"),
    )

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.name = path.stem
        self._widget: Any = None

    def widgetRepresentation(self) -> Any:
        return self._widget

    def connect_widget(self, widget: Any) -> None:
        """Tell which widget the module has."""
        self._widget = widget


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """The parent that a module's widget class gets."""

    CALLABLE = frozenset({"self"})

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.entered = False
        self.scripted: Any = None

    def self(self) -> Any:
        """The object of the module's own widget class."""
        return self.scripted

    isEntered = QtCore.Property(bool, lambda self: self.entered)


class ScriptedLoadableModule:
    def __init__(self, parent: Any) -> None:
        import qt
        import slicer

        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = []
        parent.helpText = ""
        parent.acknowledgementText = ""
        for suffix in (".svg", ".png"):
            icon = Path(self.resourcePath(f"Icons/{self.moduleName}{suffix}"))
            if icon.is_file():
                parent.icon = qt.QIcon(str(icon))
                break
        slicer.selfTests = {**getattr(slicer, "selfTests", {}), self.moduleName: self.runTest}

    def resourcePath(self, filename: str) -> str:
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:
        return ""

    def runTest(self, msec: int = 100, **kwargs: Any) -> None:
        import sys

        case = getattr(sys.modules[type(self).__module__], f"{self.moduleName}Test")()
        case.messageDelay = msec
        case.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    def __init__(self, parent: Any = None) -> None:
        import slicer

        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        if parent is None:
            raise NotImplementedError("The adapter gives a module's widget its parent.")
        self.parent = parent
        self.layout = parent.layout()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, filename: str) -> str:
        import slicer

        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self) -> None: ...

    def cleanup(self) -> None: ...

    def enter(self) -> None: ...

    def exit(self) -> None: ...

    def onReload(self) -> None:
        raise NotImplementedError("The adapter does not reload modules.")

    def _onModuleAboutToBeUnloaded(self, moduleName: str) -> None:
        import slicer

        if moduleName == self.moduleName:
            self.cleanup()
            manager = slicer.app.moduleManager()
            manager.disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> Any:
        import slicer

        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is not None and self.isSingletonParameterNode:
            if node.GetAttribute("ModuleName") != self.moduleName:
                node.SetAttribute("ModuleName", self.moduleName)
            return node
        return slicer.mrmlScene.AddNode(self.createParameterNode())

    def createParameterNode(self) -> Any:
        import slicer

        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    messageDelay = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.enableScreenshots = False
        self.screenshotScaleFactor = 1.0

    def delayDisplay(self, message: str, requestedDelay: int | None = None, msec: int | None = None) -> None:
        import slicer

        logging.info(message)
        slicer.app.processEvents()

    def takeScreenshot(self, name: str, description: str, type: int = -1) -> None:
        self.delayDisplay(description)

    def runTest(self) -> None:
        logging.warning("No test is defined in %s", self.__class__.__name__)


def module() -> ModuleType:
    """The module `slicer.ScriptedLoadableModule`."""
    made = ModuleType("slicer.ScriptedLoadableModule")
    for member in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    ):
        setattr(made, member.__name__, member)
    return made
