"""ctkColorPickerButton: a button that shows a colour, and its name or the button's text."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets


class ctkColorPickerButton(QtWidgets.QPushButton):
    """Without a text it is as small as a tool button. Choosing a colour is a dialog, which a test has to answer."""

    CALLABLE = frozenset({"setColor", "changeColor", "setDisplayColorName"})
    SIGNALS = {"colorChanged(QColor)": "color_changed", "colorNameChanged(QString)": "name_changed"}  # noqa: RUF012

    color_changed = QtCore.Signal(QtGui.QColor)
    name_changed = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._color = QtGui.QColor("black")
        self._name = ""
        self._shows_name = True
        self.clicked.connect(self.changeColor)

    def setColor(self, color: QtGui.QColor) -> None:
        if not isinstance(color, QtGui.QColor):
            raise TypeError(f"{color!r} is not a QColor")
        if color != self._color:
            self._color = QtGui.QColor(color)
            self.update()
            self.color_changed.emit(self._color)

    def changeColor(self) -> None:
        from Testing.qt_adapter import modal
        from Testing.qt_adapter.values import unwrapped, wrapped

        chosen = modal.function(QtWidgets.QColorDialog, "getColor")(wrapped(self._color))
        if chosen is not None:
            self.setColor(unwrapped(chosen))

    def setDisplayColorName(self, shows: bool) -> None:
        self._shows_name = shows
        self.updateGeometry()

    def _color_name(self) -> str:
        return self._name or self._color.name().upper()

    def _set_color_name(self, name: str) -> None:
        self._name = name
        self.name_changed.emit(name)
        self.update()

    def _shown_text(self) -> str:
        return self._color_name() if self._shows_name else self.text()

    def sizeHint(self) -> QtCore.QSize:
        style, side = self.style(), self._icon_side()
        text = self.fontMetrics().size(0, self._shown_text()) if self._shown_text() else QtCore.QSize(0, 0)
        option = QtWidgets.QStyleOptionButton()
        self.initStyleOption(option)
        contents = QtCore.QSize(side + 4 + text.width(), max(side, text.height()))
        if not self._shown_text():
            return contents + QtCore.QSize(6, 8)
        return style.sizeFromContents(QtWidgets.QStyle.ContentsType.CT_PushButton, option, contents, self)

    def _icon_side(self) -> int:
        return self.style().pixelMetric(QtWidgets.QStyle.PixelMetric.PM_ButtonIconSize)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        option = QtWidgets.QStyleOptionButton()
        self.initStyleOption(option)
        option.text = self._shown_text()
        side = self._icon_side()
        pixmap = QtGui.QPixmap(side, side)
        pixmap.fill(self._color)
        pen = QtGui.QPainter(pixmap)
        pen.setPen(QtGui.QColor("gray"))
        pen.drawRect(0, 0, side - 1, side - 1)
        pen.end()
        option.icon = QtGui.QIcon(pixmap)
        option.iconSize = QtCore.QSize(side, side)
        painter = QtGui.QPainter(self)
        self.style().drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option, painter, self)

    color = QtCore.Property(QtGui.QColor, lambda self: QtGui.QColor(self._color), setColor)
    colorName = QtCore.Property(str, _color_name, _set_color_name)
    displayColorName = QtCore.Property(bool, lambda self: self._shows_name, setDisplayColorName)
