"""ctkSliderWidget: a slider and a spin box with one value."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

STEPS = 10_000
"""Positions of the slider over its range; the spin box has the exact value."""


class ctkSliderWidget(QtWidgets.QWidget):
    """The value is the spin box's, rounded to its decimals.

    Sliders of one parent have boxes of one width, and a change of the decimals of one changes those of all of them.
    """

    CALLABLE = frozenset({"reset", "setValue", "setSpinBoxVisible", "setDecimals"})
    SIGNALS = {  # noqa: RUF012
        "valueChanged(double)": "value_changed",
        "valueIsChanging(double)": "value_is_changing",
        "decimalsChanged(int)": "decimals_changed",
    }

    value_changed = QtCore.Signal(float)
    value_is_changing = QtCore.Signal(float)
    decimals_changed = QtCore.Signal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._tracking = True
        self._last = 0.0
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, STEPS)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        policy = QtWidgets.QSizePolicy.Policy
        self._slider.setSizePolicy(policy.Expanding, policy.Preferred)
        self.setSizePolicy(policy.Minimum, policy.Fixed)
        self.setFocusProxy(self._slider)
        self._page_step = 10.0
        self._show_value()
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(self._on_value)
        self._box.valueChanged.connect(self._on_value)

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    def reset(self) -> None:
        self.setValue(0.0)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._box.setVisible(visible)

    def setDecimals(self, decimals: int) -> None:
        if decimals == self._box.decimals():
            return
        self._box.setDecimals(decimals)
        self.decimals_changed.emit(decimals)
        for sibling in self._siblings():
            sibling.setDecimals(decimals)
        self._align_boxes()

    def _siblings(self) -> list[ctkSliderWidget]:
        parent = self.parentWidget()
        return [child for child in parent.children() if isinstance(child, ctkSliderWidget)] if parent else [self]

    def _align_boxes(self) -> None:
        """Give the boxes the width of the widest, as CTK does when a range, a suffix or the parent changes."""
        siblings = self._siblings()
        width = max(sibling._box.sizeHint().width() for sibling in siblings)
        for sibling in siblings:
            sibling._box.setMinimumWidth(width)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        self._align_boxes()

    def _on_slider(self, position: int) -> None:
        low, high = self._box.minimum(), self._box.maximum()
        self._box.setValue(low + (high - low) * position / STEPS)

    def _on_value(self, *_: float) -> None:
        self._show_value()
        value = self._box.value()
        if not self._tracking and self._slider.isSliderDown():
            self.value_is_changing.emit(value)
        elif value != self._last:
            self._last = value
            self.value_changed.emit(value)

    def _show_value(self) -> None:
        low, high = self._box.minimum(), self._box.maximum()
        blocker = QtCore.QSignalBlocker(self._slider)
        if not self._slider.isSliderDown():
            self._slider.setValue(round(STEPS * (self._box.value() - low) / ((high - low) or 1)))
        step = max(1, round(STEPS * self._box.singleStep() / ((high - low) or 1)))
        self._slider.setSingleStep(step)
        self._slider.setPageStep(max(1, round(STEPS * self._page_step / ((high - low) or 1))))
        del blocker

    def _set_prefix(self, to: str) -> None:
        self._box.setPrefix(to)
        self._align_boxes()

    def _set_suffix(self, to: str) -> None:
        self._box.setSuffix(to)
        self._align_boxes()

    def _set_minimum(self, to: float) -> None:
        self._box.setMinimum(to)
        self._show_value()
        self._align_boxes()

    def _set_maximum(self, to: float) -> None:
        self._box.setMaximum(to)
        self._show_value()
        self._align_boxes()

    def _set_single_step(self, to: float) -> None:
        self._box.setSingleStep(to)
        self._show_value()

    def _set_page_step(self, to: float) -> None:
        self._page_step = to
        self._show_value()

    def _set_tracking(self, to: bool) -> None:
        self._tracking = to

    value = QtCore.Property(float, lambda self: self._box.value(), setValue)
    minimum = QtCore.Property(float, lambda self: self._box.minimum(), _set_minimum)
    maximum = QtCore.Property(float, lambda self: self._box.maximum(), _set_maximum)
    singleStep = QtCore.Property(float, lambda self: self._box.singleStep(), _set_single_step)
    pageStep = QtCore.Property(float, lambda self: self._page_step, _set_page_step)
    decimals = QtCore.Property(int, lambda self: self._box.decimals(), setDecimals)
    prefix = QtCore.Property(str, lambda self: self._box.prefix(), _set_prefix)
    suffix = QtCore.Property(str, lambda self: self._box.suffix(), _set_suffix)
    tracking = QtCore.Property(bool, lambda self: self._tracking, _set_tracking)
    spinBoxVisible = QtCore.Property(bool, lambda self: not self._box.isHidden(), setSpinBoxVisible)
