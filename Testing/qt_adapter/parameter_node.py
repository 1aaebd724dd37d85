"""`slicer.parameterNodeWrapper`: typed parameters in a vtkMRMLScriptedModuleNode, bound to widgets.

It does what Slicer 5.10 to 5.13 do, surprises included:
* connecting a float to a spin box sets the box's limits: to those of a WithinRange, Minimum or Maximum annotation, and
  to infinity without one, whatever the form says (an int: to 32 bits). A ctkSliderWidget without limits is refused.
* connecting a node to a qMRMLNodeComboBox sets its nodeTypes to the parameter's class or typing.Union of classes,
  whatever the form says; an abstract class (vtkMRMLNode) fails with TypeError. A | B is not understood.
* `connectGui` returns None, so `disconnectGui` of what it returned does nothing: the GUI stays connected to the node.
* values are kept in the wrapper and read again when the node is modified.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any

from Testing.qt_adapter.gui_connector import GuiConnector
from Testing.qt_adapter.parameter import (
    NOTHING,
    Choice,
    Decimals,
    Default,
    Maximum,
    Minimum,
    Parameter,
    SingleStep,
    WithinRange,
)

PROPERTY = "SlicerParameterName"


class CachedParameter:
    """A parameter's value in one node."""

    def __init__(self, parameter: Parameter, node: Any) -> None:
        self.parameter, self._node, self._writing = parameter, node, False
        self._value = parameter.read(node)
        node.AddObserver("ModifiedEvent", self._on_modified)

    def _on_modified(self, caller: Any, event: str) -> None:
        if not self._writing:
            self._value = self.parameter.read(self._node)

    def read(self) -> Any:
        return self._value

    def write(self, value: Any) -> None:
        self._writing = True
        was_modifying = self._node.StartModify()
        try:
            self.parameter.write(self._node, value)
            self._value = self.parameter.read(self._node)
        finally:
            self._node.EndModify(was_modifying)
            self._writing = False


def parameterNodeWrapper(cls: type | None = None) -> Any:
    """The class decorator."""
    return _processed if cls is None else _processed(cls)


def _processed(cls: type) -> type:
    parameters = {
        name: Parameter(name, kind, getattr(cls, name, NOTHING))
        for name, kind in typing.get_type_hints(cls, include_extras=True).items()
    }
    members: dict[str, Any] = {"__init__": _init, "allParameters": parameters}
    members |= {name: _property(name) for name in parameters}
    for name, value in {**members, **_METHODS}.items():
        setattr(cls, name, value)
    return cls


def _property(name: str) -> property:
    return property(lambda self: self._values[name].read(), lambda self, value: self._values[name].write(value))


def _init(self: Any, node: Any) -> None:
    self.parameterNode = node
    self._values = {name: CachedParameter(parameter, node) for name, parameter in self.allParameters.items()}
    self._updating_gui = False
    self._connectors = []


def _connect_gui(self: Any, gui: Any) -> None:
    connectors = []
    for widget in vars(gui).values():
        name = widget.property(PROPERTY)
        if name:
            if name not in self.allParameters:
                raise ValueError(f"Cannot find a param with the given name: {name}")
            connectors.append(GuiConnector(widget, self.allParameters[name]))
    self._connectors += connectors
    for connector in connectors:
        connector.write(getattr(self, connector.parameter.name))
        connector.connect(_gui_to_node(self, connector))
    self.AddObserver("ModifiedEvent", lambda caller, event: _update_gui(self))


def _gui_to_node(self: Any, connector: GuiConnector) -> Callable[[], None]:
    def changed() -> None:
        if not self._updating_gui:
            setattr(self, connector.parameter.name, connector.read())

    return changed


def _update_gui(self: Any) -> None:
    if self._updating_gui:
        return
    self._updating_gui = True
    try:
        for connector in self._connectors:
            connector.write(getattr(self, connector.parameter.name))
    finally:
        self._updating_gui = False


_METHODS: dict[str, Any] = {
    "connectGui": _connect_gui,
    "disconnectGui": lambda self, tag: None,
    "getValue": lambda self, name: getattr(self, name),
    "setValue": lambda self, name, value: setattr(self, name, value),
    "AddObserver": lambda self, event, callback, priority=0.0: self.parameterNode.AddObserver(
        event, callback, priority
    ),
    "RemoveObserver": lambda self, tag: self.parameterNode.RemoveObserver(tag),
    "StartModify": lambda self: self.parameterNode.StartModify(),
    "EndModify": lambda self, was_modifying: self.parameterNode.EndModify(was_modifying),
    "Modified": lambda self: self.parameterNode.Modified(),
}


def module() -> ModuleType:
    """The module `slicer.parameterNodeWrapper`."""
    made = ModuleType("slicer.parameterNodeWrapper")
    for member in (parameterNodeWrapper, Default, Decimals, SingleStep, Minimum, Maximum, WithinRange, Choice):
        setattr(made, member.__name__, member)
    made.SlicerParameterNamePropertyName = PROPERTY  # type: ignore[attr-defined]
    return made
