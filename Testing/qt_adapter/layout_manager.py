"""The views of Slicer's main window, without pictures: real view nodes of the scene, interactors without a window."""

from __future__ import annotations

from typing import Any


class LayoutManager:
    """`slicer.app.layoutManager()`. The view nodes are made by Slicer's own layout logic."""

    def __init__(self, scene: Any) -> None:
        import slicer

        self._scene = scene
        self._logic = slicer.vtkMRMLLayoutLogic()
        self._logic.SetMRMLScene(scene)
        self._logic.GetLayoutNode().SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self._widgets: dict[str, ViewWidget] = {}
        self._slice_logics = _slice_logics(scene, self.sliceViewNames())

    def close(self) -> None:
        """Let go of the scene, as Slicer does when it quits; what the logics have put into the scene stays."""
        for index in range(self._slice_logics.GetNumberOfItems()):
            self._slice_logics.GetItemAsObject(index).SetMRMLScene(None)
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
    """What draws: only its interactor is there."""

    def __init__(self) -> None:
        import vtk

        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetSize(512, 512)

    def interactor(self) -> Any:
        return self._interactor

    def scheduleRender(self) -> None: ...

    def forceRender(self) -> None: ...
