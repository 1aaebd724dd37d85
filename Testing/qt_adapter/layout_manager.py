"""The views of Slicer's main window, without pictures: real view nodes of the scene, interactors without a window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtWidgets

VIEWPORT_PX = 1470, 840


class LayoutManager:
    """`slicer.app.layoutManager()`. The view nodes are made by Slicer's own layout logic.

    Its viewport has the splitters of the layout on show, with an empty widget in the place of each view; like Slicer's,
    a new layout does not begin with equal views.
    """

    def __init__(self, scene: Any) -> None:
        import slicer

        self._scene = scene
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self._logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._widgets: dict[str, ViewWidget] = {}
        self._slice_logics = _slice_logics(scene, self.sliceViewNames())
        self._viewport = Viewport(self._logic.GetLayoutNode())

    def close(self) -> None:
        """Let go of the scene, as Slicer does when it quits; what the logics have put into the scene stays."""
        for index in range(self._slice_logics.GetNumberOfItems()):
            self._slice_logics.GetItemAsObject(index).SetMRMLScene(None)
        self._viewport.close()
        self._logic.SetMRMLScene(None)
        self._slice_logics.RemoveAllItems()
        self._widgets.clear()

    def layoutLogic(self) -> Any:
        return self._logic

    def setLayout(self, layout: int) -> None:
        self._logic.GetLayoutNode().SetViewArrangement(int(layout))

    @property
    def layout(self) -> int:
        return self._logic.GetLayoutNode().GetViewArrangement()

    def viewport(self) -> Any:
        from Testing.qt_adapter.proxy import proxy_of

        return proxy_of(self._viewport.widget)

    def view_widths(self) -> tuple[int, ...]:
        """In pixels, of the layout's columns; for tests."""
        return self._viewport.view_widths()

    def sliceViewNames(self) -> tuple[str, ...]:
        nodes = self._scene.GetNodesByClass("vtkMRMLSliceNode")
        nodes.UnRegister(None)
        return tuple(nodes.GetItemAsObject(index).GetLayoutName() for index in range(nodes.GetNumberOfItems()))

    def mrmlSliceLogics(self) -> Any:
        return self._slice_logics

    def sliceWidget(self, name: str) -> ViewWidget | None:
        return self._widget("vtkMRMLSliceNode", name)

    def threeDWidget(self, index: int) -> ViewWidget | None:
        return self._widget("vtkMRMLViewNode", str(index + 1))

    @property
    def threeDViewCount(self) -> int:
        return self._scene.GetNumberOfNodesByClass("vtkMRMLViewNode")

    def resetSliceViews(self) -> None: ...

    def resetThreeDViews(self) -> None: ...

    def _widget(self, class_name: str, name: str) -> ViewWidget | None:
        node = self._scene.GetSingletonNode(name, class_name)
        if node is None:
            return None
        logics = (self._slice_logics.GetItemAsObject(index) for index in range(self._slice_logics.GetNumberOfItems()))
        logic = next((found for found in logics if found.GetSliceNode() is node), None)
        return self._widgets.setdefault(f"{class_name} {name}", ViewWidget(node, logic))


def _slice_logics(scene: Any, names: tuple[str, ...]) -> Any:
    """vtkCollection of one logic per slice view, which make the views' composite nodes."""
    import slicer
    import vtk

    logics = vtk.vtkCollection()
    for name in names:
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLScene(scene)
        logic.SetSliceNode(scene.GetSingletonNode(name, "vtkMRMLSliceNode"))
        logics.AddItem(logic)
    return logics


class Viewport:
    """Where the views of the main window are."""

    def __init__(self, layout_node: Any) -> None:
        self.widget = QtWidgets.QWidget()
        self.widget.resize(*VIEWPORT_PX)
        self._inner = QtWidgets.QVBoxLayout(self.widget)
        self._inner.setContentsMargins(0, 0, 0, 0)
        self._node, self._shown = layout_node, ""
        self._content: QtWidgets.QWidget | None = None
        self._tag = layout_node.AddObserver("ModifiedEvent", lambda *_: self._build())
        self._build()

    def view_widths(self) -> tuple[int, ...]:
        """Of the outer splitter's parts."""
        splitter = self.widget.findChild(QtWidgets.QSplitter)
        return () if splitter is None else tuple(splitter.sizes())

    def close(self) -> None:
        self._node.RemoveObserver(self._tag)

    def _build(self) -> None:
        description = self._node.GetLayoutDescription(self._node.GetViewArrangement())
        if not description or description == self._shown:
            return
        self._shown = description
        if self._content is not None:
            self._content.setParent(None)
        self._content = _view_or_splitter(ElementTree.fromstring(description))
        self._inner.addWidget(self._content)
        self.widget.show()


def _view_or_splitter(element: Any) -> QtWidgets.QWidget:
    if element.tag != "layout":
        return QtWidgets.QWidget()
    horizontal = element.get("type") == "horizontal"
    if element.get("split") != "true":
        made = QtWidgets.QWidget()
        layout = QtWidgets.QHBoxLayout(made) if horizontal else QtWidgets.QVBoxLayout(made)
        for item in element.findall("item"):
            layout.addWidget(_view_or_splitter(item[0]))
        return made
    splitter = QtWidgets.QSplitter(QtCore.Qt.Orientation.Horizontal if horizontal else QtCore.Qt.Orientation.Vertical)
    for item in element.findall("item"):
        splitter.addWidget(_view_or_splitter(item[0]))
    splitter.setSizes([367, *(splitter.count() - 1) * [1103]])
    return splitter


class ViewWidget:
    """A slice or 3D view's widget; `sliceView()` and `threeDView()` have the interactor, which tests send events to."""

    def __init__(self, node: Any, logic: Any) -> None:
        self._node, self._logic = node, logic
        self._view = View()

    def sliceView(self) -> View:
        return self._view

    def threeDView(self) -> View:
        return self._view

    def mrmlSliceNode(self) -> Any:
        return self._node

    def sliceLogic(self) -> Any:
        return self._logic

    def mrmlSliceCompositeNode(self) -> Any:
        return self._logic.GetSliceCompositeNode()

    def mrmlViewNode(self) -> Any:
        return self._node


class View:
    """What draws: its interactor, and a renderer that nothing is drawn in."""

    def __init__(self) -> None:
        import vtk

        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetSize(512, 512)
        self._renderers = vtk.vtkRendererCollection()
        self._renderers.AddItem(vtk.vtkRenderer())

    def interactor(self) -> Any:
        return self._interactor

    def renderWindow(self) -> Any:
        """Of vtkRenderWindow only the renderers: a real one looks for a screen."""
        return SimpleNamespace(GetRenderers=lambda: self._renderers)

    def scheduleRender(self) -> None: ...

    def forceRender(self) -> None: ...
