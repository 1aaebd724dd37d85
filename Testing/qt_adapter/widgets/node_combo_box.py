"""qMRMLNodeComboBox: chooses among the nodes of a scene and follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtWidgets

from Testing.qt_adapter.widgets.node_filter import NodeFilter

VTK_OBJECT = 21
"""vtk.VTK_OBJECT, without importing vtk."""
NODE_ID = QtCore.Qt.ItemDataRole.UserRole


def _string_list(get: Any, set_: Any) -> Any:
    """A property of type QStringList, which the type hints of PySide do not know."""
    kind: Any = "QStringList"
    return QtCore.Property(kind, get, set_)


def _flag(name: str) -> QtCore.Property:
    return QtCore.Property(bool, lambda self: self._flags[name], lambda self, value: self._set_flag(name, value))


class qMRMLSortFilterProxyModel(QtCore.QObject):
    """What a selector leaves out."""

    CALLABLE = frozenset[str]()

    def __init__(self, parent: qMRMLNodeComboBox) -> None:
        super().__init__(parent)
        self._selector = parent

    def _set_hidden(self, ids: list[str]) -> None:
        self._selector._filter.hidden_ids = list(ids)
        self._selector._refill()

    hiddenNodeIDs = _string_list(lambda self: list(self._selector._filter.hidden_ids), _set_hidden)


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """As Slicer's, it reports a change when the shown text changes: a renamed current node is one, another node of the
    same name is none. Removing the current node selects the next. Extra entries of its menu are not there.
    """

    CALLABLE = frozenset(
        {"mrmlScene", "setMRMLScene", "addAttribute", "removeAttribute", "setNodeTypeLabel", "nodeTypeLabel"}
        | {"nodeCount", "nodeFromIndex", "currentNode", "setCurrentNode", "setCurrentNodeID", "setCurrentNodeIndex"}
        | {"addNode", "removeCurrentNode", "sortFilterProxyModel"}
    )
    SIGNALS = {  # noqa: RUF012
        "currentNodeChanged(vtkMRMLNode*)": "node_changed",
        "currentNodeChanged(bool)": "validity_changed",
        "currentNodeIDChanged(QString)": "id_changed",
        "nodeActivated(vtkMRMLNode*)": "node_activated",
        "nodeAdded(vtkMRMLNode*)": "node_added",
        "nodeAddedByUser(vtkMRMLNode*)": "node_added_by_user",
        "nodeAboutToBeRemoved(vtkMRMLNode*)": "node_about_to_be_removed",
    }

    node_changed = QtCore.Signal(object)
    validity_changed = QtCore.Signal(bool)
    id_changed = QtCore.Signal(str)
    node_activated = QtCore.Signal(object)
    node_added = QtCore.Signal(object)
    node_added_by_user = QtCore.Signal(object)
    node_about_to_be_removed = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._observations: list[tuple[Any, int]] = []
        self._node_tags: dict[str, tuple[Any, int]] = {}
        self._filter = NodeFilter()
        self._model = qMRMLSortFilterProxyModel(self)
        self._labels: dict[str, str] = {}
        self._flags = {
            "showHidden": False,
            "showChildNodeTypes": True,
            "noneEnabled": False,
            "addEnabled": True,
            "removeEnabled": True,
            "editEnabled": False,
            "renameEnabled": False,
            "selectNodeUponCreation": True,
        }
        self._none_display = "None"
        self._base_name = ""
        self._requested_id = ""
        self._box = QtWidgets.QComboBox(self)
        self._box.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        policy = QtWidgets.QSizePolicy.Policy
        self._box.setSizePolicy(policy.Expanding, policy.Expanding)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.setSizePolicy(policy.Preferred, policy.Fixed)
        self.setFocusProxy(self._box)
        self.setEnabled(False)
        self._box.currentTextChanged.connect(self._on_changed)
        self._box.activated.connect(lambda _: self.node_activated.emit(self.currentNode()))
        observations, node_tags = self._observations, self._node_tags
        self.destroyed.connect(lambda *_: _stop_observing(observations, node_tags))  # not a method: self is gone then
        self._show_default_text()

    # Scene

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not None and not scene.IsA("vtkMRMLScene"):
            raise TypeError(f"{scene!r} is not a scene")
        if scene is self._scene:
            return
        requested = self._requested_id or self._current_id()
        _stop_observing(self._observations, self._node_tags)
        self._scene = scene
        if scene is not None:
            for event, method in (
                (scene.NodeAddedEvent, _with_node(self._on_node_added)),
                (scene.NodeAboutToBeRemovedEvent, _with_node(self._on_node_about_to_be_removed)),
                (scene.NodeRemovedEvent, _with_node(self._on_node_removed)),
                (scene.EndCloseEvent, self._on_scene_replaced),
                (scene.EndImportEvent, self._on_scene_replaced),
                (scene.EndRestoreEvent, self._on_scene_replaced),
                (scene.EndBatchProcessEvent, self._on_scene_replaced),
            ):
                self._observations.append((scene, scene.AddObserver(event, method)))
        with QtCore.QSignalBlocker(self._box):
            self._fill()
        self.setCurrentNodeID(requested)
        self._requested_id = ""
        self.setEnabled(scene is not None)

    def _on_node_added(self, node: Any) -> None:
        if self._scene.IsBatchProcessing():
            return
        self._watch(node)
        if self._filter.shows(node, self._flags):
            self._refill()
            self.node_added.emit(node)

    def _on_node_about_to_be_removed(self, node: Any) -> None:
        if self._row_of(node.GetID()) >= 0:
            self.node_about_to_be_removed.emit(node)

    def _on_node_removed(self, node: Any) -> None:
        if self._scene.IsBatchProcessing():
            return
        observed = self._node_tags.pop(node.GetID() or "", None)
        if observed is not None:
            observed[0].RemoveObserver(observed[1])
        row = self._row_of(node.GetID())
        if row >= 0:
            self._box.removeItem(row)
        if self.currentNode() is None:
            self.setCurrentNode(None)

    def _on_scene_replaced(self, *_: Any) -> None:
        for node_id, (node, tag) in list(self._node_tags.items()):
            if self._scene is None or self._scene.GetNodeByID(node_id) is not node:
                node.RemoveObserver(tag)
                del self._node_tags[node_id]
        self._refill()

    def _watch(self, node: Any) -> None:
        if node.GetID() not in self._node_tags:
            tag = node.AddObserver("ModifiedEvent", lambda caller, event: self._on_node_modified(caller))
            self._node_tags[node.GetID()] = node, tag

    def _on_node_modified(self, node: Any) -> None:
        if self._scene is None or self._scene.IsBatchProcessing() or self._scene.GetNodeByID(node.GetID()) is None:
            return
        row, shown = self._row_of(node.GetID()), self._filter.shows(node, self._flags)
        if shown != (row >= 0):
            self._refill()
        elif row >= 0 and self._box.itemText(row) != node.GetName():
            self._box.setItemText(row, node.GetName() or "")

    # Entries

    def _fill(self) -> None:
        self._box.clear()
        if self._flags["noneEnabled"]:
            self._box.addItem(self._none_display, "")
        for index in range(self._scene.GetNumberOfNodes() if self._scene is not None else 0):
            node = self._scene.GetNthNode(index)
            self._watch(node)
            if self._filter.shows(node, self._flags):
                self._box.addItem(node.GetName() or "", node.GetID())

    def _refill(self) -> None:
        """List the nodes again, keep the current one, and report a change only if there is one."""
        before, text = self._current_id(), self._box.currentText()
        with QtCore.QSignalBlocker(self._box):
            self._fill()
            row = self._row_of(before)
            self._box.setCurrentIndex(row if row >= 0 else self._none_row())
        self._show_default_text()
        if (self._current_id(), self._box.currentText()) != (before, text) and before:
            self._on_changed()

    def _row_of(self, node_id: str | None) -> int:
        return self._box.findData(node_id, NODE_ID) if node_id else -1

    def _none_row(self) -> int:
        return 0 if self._flags["noneEnabled"] else -1

    def _show_default_text(self) -> None:
        label = self.nodeTypeLabel(self._filter.types[0]) if self._filter.types else "node"
        self._box.setPlaceholderText(f"Select a {label}")

    def _on_changed(self, *_: Any) -> None:
        node = self.currentNode()
        self.node_changed.emit(node)
        self.validity_changed.emit(node is not None)
        self.id_changed.emit(node.GetID() if node is not None else "")

    # What Python calls

    def sortFilterProxyModel(self) -> qMRMLSortFilterProxyModel:
        return self._model

    def currentNode(self) -> Any:
        node_id = self._box.currentData(NODE_ID)
        return self._scene.GetNodeByID(node_id) if self._scene is not None and node_id else None

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and not hasattr(node, "IsA"):
            raise TypeError(f"{node!r} is not a node")
        self.setCurrentNodeID("" if node is None else node.GetID())

    def setCurrentNodeID(self, node_id: str) -> None:
        if self._scene is None:
            self._requested_id = node_id or ""
        row = self._row_of(node_id)
        self._box.setCurrentIndex(row if row >= 0 else self._none_row())

    def setCurrentNodeIndex(self, index: int) -> None:
        index = index if index < self.nodeCount() else -1
        self._box.setCurrentIndex(index + 1 if self._flags["noneEnabled"] else index)

    def nodeCount(self) -> int:
        return self._box.count() - (1 if self._flags["noneEnabled"] else 0) if self._scene is not None else 0

    def nodeFromIndex(self, index: int) -> Any:
        node_id = self._box.itemData(index + 1 if self._flags["noneEnabled"] else index, NODE_ID)
        return self._scene.GetNodeByID(node_id) if node_id else None

    def addAttribute(self, node_type: str, name: str, value: str | None = None) -> None:
        self._filter.attributes.append((node_type, name, value))
        self._refill()

    def removeAttribute(self, node_type: str, name: str) -> None:
        self._filter.attributes = [known for known in self._filter.attributes if known[:2] != (node_type, name)]
        self._refill()

    def setNodeTypeLabel(self, label: str, node_type: str) -> None:
        self._labels[node_type] = label
        self._show_default_text()

    def nodeTypeLabel(self, node_type: str) -> str:
        if node_type in self._labels:
            return self._labels[node_type]
        named = self._scene.GetTypeDisplayNameByClassName(node_type) if self._scene is not None else ""
        return named or "node"

    def addNode(self, node_type: str = "") -> Any:
        node = self._scene.AddNewNodeByClass(node_type or self._filter.types[0], self._base_name)
        for of_type, name, value in self._filter.attributes:
            if of_type == node.GetClassName() and value is not None:
                node.SetAttribute(name, value)
        if self._flags["selectNodeUponCreation"]:
            self.setCurrentNode(node)
        self.node_added_by_user.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self._scene.RemoveNode(self.currentNode())

    # Properties

    def _current_id(self) -> str:
        node = self.currentNode()
        return node.GetID() if node is not None else ""

    def _set_node_types(self, node_types: list[str]) -> None:
        self._filter.types = [name for name in node_types if name]
        self._refill()

    def _set_hidden_types(self, node_types: list[str]) -> None:
        self._filter.hidden_types = [name for name in node_types if name]
        self._refill()

    def _set_none_display(self, text: str) -> None:
        self._none_display = text
        self._refill()

    def _set_base_name(self, name: str) -> None:
        self._base_name = name

    def _set_flag(self, name: str, value: bool) -> None:
        self._flags[name] = value
        self._refill()

    currentNodeID = QtCore.Property(str, _current_id, setCurrentNodeID)
    nodeTypes = _string_list(lambda self: list(self._filter.types), _set_node_types)
    hideChildNodeTypes = _string_list(lambda self: list(self._filter.hidden_types), _set_hidden_types)
    noneDisplay = QtCore.Property(str, lambda self: self._none_display, _set_none_display)
    baseName = QtCore.Property(str, lambda self: self._base_name, _set_base_name)
    showHidden = _flag("showHidden")
    showChildNodeTypes = _flag("showChildNodeTypes")
    noneEnabled = _flag("noneEnabled")
    addEnabled = _flag("addEnabled")
    removeEnabled = _flag("removeEnabled")
    editEnabled = _flag("editEnabled")
    renameEnabled = _flag("renameEnabled")
    selectNodeUponCreation = _flag("selectNodeUponCreation")


def _stop_observing(observations: list[tuple[Any, int]], node_tags: dict[str, tuple[Any, int]]) -> None:
    for observed, tag in (*observations, *node_tags.values()):
        observed.RemoveObserver(tag)
    observations.clear()
    node_tags.clear()


def _with_node(method: Callable[[Any], None]) -> Callable[..., None]:
    """An observer of the scene that gets the node that the event is about."""

    def observe(caller: Any, event: str, node: Any = None) -> None:
        method(node)

    observe.CallDataType = VTK_OBJECT  # type: ignore[attr-defined]
    return observe
