"""A widget that shows a parameter, as Slicer's guiConnectors.py connects them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from Testing.qt_adapter.parameter import Choice, Decimals, Maximum, Minimum, Parameter, SingleStep, WithinRange


class GuiConnector:
    """A widget that shows a parameter. Raises RuntimeError for a pair that Slicer knows nothing about."""

    def __init__(self, widget: Any, parameter: Parameter) -> None:
        self.widget, self.parameter = widget, parameter
        self._choices: list[Any] = []
        kind = type(widget).__name__
        wanted = {
            "QCheckBox": ("checked", "stateChanged", bool),
            "QPushButton": ("checked", "toggled", bool),
            "QSpinBox": ("value", "valueChanged", int),
            "QSlider": ("value", "valueChanged", int),
            "QDoubleSpinBox": ("value", "valueChanged", float),
            "ctkSliderWidget": ("value", "valueChanged", float),
            "QLineEdit": ("text", "textChanged", str),
        }
        if kind == "qMRMLNodeComboBox" and parameter.node_classes:
            widget.nodeTypes = [cls().GetClassName() for cls in parameter.node_classes]
            self._signal = widget.currentNodeChanged
        elif kind == "QComboBox":
            self._offer_choices()
            self._signal = widget.currentIndexChanged
        elif kind in wanted and wanted[kind][2] is parameter.type:
            self._property = wanted[kind][0]
            self._signal = getattr(widget, wanted[kind][1])
            if parameter.type in (int, float):
                self._set_limits(kind)
        else:
            raise RuntimeError(f"Unable to create GUI connector from {parameter.annotated} to widget type {kind}")

    def _offer_choices(self) -> None:
        choice = self.parameter.annotation(Choice)
        kind = self.parameter.type
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            self._choices = list(kind)
            labels = [getattr(kind, "label", lambda one: one.name)(one) for one in kind]
        elif choice is not None:
            self._choices = choice.choices
            labels = [str(one) for one in self._choices]
        else:
            raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
        self.widget.clear()
        for label in labels:
            self.widget.addItem(label)

    def _set_limits(self, kind: str) -> None:
        find = self.parameter.annotation
        for annotation, name in ((find(Decimals), "decimals"), (find(SingleStep), "singleStep")):
            if annotation is not None:
                setattr(self.widget, name, annotation.value)
        low = find(WithinRange) or find(Minimum)
        high = find(WithinRange) or find(Maximum)
        if kind in ("ctkSliderWidget", "QSlider") and (low is None or high is None):
            raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
        unbounded = (-float("inf"), float("inf")) if self.parameter.type is float else (-(2**31), 2**31 - 1)
        self.widget.minimum = unbounded[0] if low is None else low.minimum
        self.widget.maximum = unbounded[1] if high is None else high.maximum

    def connect(self, callback: Callable[[], None]) -> None:
        self._signal.connect(lambda: callback())

    def read(self) -> Any:
        if self._choices:
            return self._choices[self.widget.currentIndex]
        return self.widget.currentNode() if self.parameter.node_classes else getattr(self.widget, self._property)

    def write(self, value: Any) -> None:
        if self._choices:
            self.widget.currentIndex = self._choices.index(value)
        elif self.parameter.node_classes:
            self.widget.setCurrentNode(value)
        else:
            setattr(self.widget, self._property, value)
