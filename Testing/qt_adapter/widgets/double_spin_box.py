"""ctkDoubleSpinBox: a widget with a spin box in it."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets


class ctkDoubleSpinBox(QtWidgets.QWidget):
    """No QDoubleSpinBox itself: it has only the properties listed here, and no specialValueText."""

    CALLABLE = frozenset({"setValue", "setValueIfDifferent", "setValueAlways", "stepUp", "stepDown"}) | {
        "setDecimals",
        "setReadOnly",
    }
    SIGNALS = {  # noqa: RUF012
        "valueChanged(double)": "value_changed",
        "valueChanged(QString)": "text_changed",
        "editingFinished()": "editing_finished",
        "decimalsChanged(int)": "decimals_changed",
    }

    value_changed = QtCore.Signal(float)
    text_changed = QtCore.Signal(str)
    editing_finished = QtCore.Signal()
    decimals_changed = QtCore.Signal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Minimum, policy.Fixed)
        self.setFocusProxy(self._box)
        self._box.valueChanged.connect(self.value_changed)
        self._box.textChanged.connect(self.text_changed)
        self._box.editingFinished.connect(self.editing_finished)

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    setValueIfDifferent = setValueAlways = setValue

    def setDecimals(self, decimals: int) -> None:
        if decimals != self._box.decimals():
            self._box.setDecimals(decimals)
            self.decimals_changed.emit(decimals)

    def setReadOnly(self, read_only: bool) -> None:
        self._box.setReadOnly(read_only)
        symbols = QtWidgets.QAbstractSpinBox.ButtonSymbols
        self._box.setButtonSymbols(symbols.NoButtons if read_only else symbols.UpDownArrows)

    def stepUp(self) -> None:
        self._box.stepUp()

    def stepDown(self) -> None:
        self._box.stepDown()

    value = QtCore.Property(float, lambda self: self._box.value(), setValue)
    minimum = QtCore.Property(float, lambda self: self._box.minimum(), lambda self, to: self._box.setMinimum(to))
    maximum = QtCore.Property(float, lambda self: self._box.maximum(), lambda self, to: self._box.setMaximum(to))
    singleStep = QtCore.Property(
        float, lambda self: self._box.singleStep(), lambda self, to: self._box.setSingleStep(to)
    )
    decimals = QtCore.Property(int, lambda self: self._box.decimals(), setDecimals)
    prefix = QtCore.Property(str, lambda self: self._box.prefix(), lambda self, to: self._box.setPrefix(to))
    cleanText = QtCore.Property(str, lambda self: self._box.cleanText())
    suffix = QtCore.Property(str, lambda self: self._box.suffix(), lambda self, to: self._box.setSuffix(to))
    readOnly = QtCore.Property(bool, lambda self: self._box.isReadOnly(), setReadOnly)
