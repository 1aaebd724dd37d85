"""ctkCollapsibleButton: a header that hides and shows what is below it."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """Checked is open. A child that was hidden on purpose stays hidden when the button opens."""

    CALLABLE: frozenset[str] = frozenset()
    SIGNALS = {"contentsCollapsed(bool)": "contents_collapsed"}  # noqa: RUF012

    contents_collapsed = QtCore.Signal(bool)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._collapsed_height = 14
        self._hidden_on_purpose: set[QtWidgets.QWidget] = set()
        self._forcing = False
        self.setCheckable(True)
        self.setChecked(True)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Minimum, policy.Preferred)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Window)
        self.setContentsMargins(0, self._header_height(), 0, 0)
        self.toggled.connect(lambda checked: self._collapse(not checked))

    def _is_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    def _set_collapsed_height(self, height: int) -> None:
        self._collapsed_height = height
        self.updateGeometry()

    collapsed = QtCore.Property(bool, _is_collapsed, _set_collapsed)
    collapsedHeight = QtCore.Property(int, lambda self: self._collapsed_height, _set_collapsed_height)
    contentsLineWidth = QtCore.Property(int, lambda self: 1, lambda self, to: None)

    def _collapse(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self.setMaximumHeight(self.sizeHint().height() if collapsed else 16777215)
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._show_child(child)
        self.updateGeometry()
        self.contents_collapsed.emit(collapsed)

    def _show_child(self, child: QtWidgets.QWidget) -> None:
        self._forcing = True
        child.setVisible(not self._collapsed and child not in self._hidden_on_purpose)
        if child not in self._hidden_on_purpose:
            child.setAttribute(QtCore.Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)
        self._forcing = False

    def childEvent(self, event: QtCore.QChildEvent) -> None:
        child = event.child()
        if event.type() == QtCore.QEvent.Type.ChildAdded and isinstance(child, QtWidgets.QWidget):
            child.installEventFilter(self)
            if self._collapsed:
                self._show_child(child)
        super().childEvent(event)

    def setVisible(self, visible: bool) -> None:
        self._forcing = True
        super().setVisible(visible)
        self._forcing = False

    def eventFilter(self, child: QtCore.QObject, event: QtCore.QEvent) -> bool:
        if not self._forcing and isinstance(child, QtWidgets.QWidget):
            if event.type() == QtCore.QEvent.Type.ShowToParent:
                self._hidden_on_purpose.discard(child)
                if self._collapsed:
                    self._show_child(child)
            elif event.type() == QtCore.QEvent.Type.HideToParent:
                self._hidden_on_purpose.add(child)
        return super().eventFilter(child, event)

    def event(self, event: QtCore.QEvent) -> bool:
        if event.type() in (QtCore.QEvent.Type.StyleChange, QtCore.QEvent.Type.FontChange):
            self.setContentsMargins(0, self._header_height(), 0, 0)
            if self._collapsed:
                self.setMaximumHeight(self.sizeHint().height())
        return super().event(event)

    def _header_option(self) -> QtWidgets.QStyleOptionButton:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.state |= (
            QtWidgets.QStyle.StateFlag.State_Sunken if self.isDown() else QtWidgets.QStyle.StateFlag.State_Raised
        )
        option.text = self.text()
        option.rect = QtCore.QRect(0, 0, self.width(), self._header_height())
        return option

    def _header_height(self) -> int:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        height = max(self.fontMetrics().height(), 13)
        return (
            self.style()
            .sizeFromContents(QtWidgets.QStyle.ContentsType.CT_PushButton, option, QtCore.QSize(100, height), self)
            .height()
        )

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return position.y() < self._header_height()

    def minimumSizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        return self._hint(layout.totalMinimumSize() if layout is not None else QtCore.QSize())

    def sizeHint(self) -> QtCore.QSize:
        layout = self.layout()
        return self._hint(layout.totalSizeHint() if layout is not None else QtCore.QSize())

    def _hint(self, contents: QtCore.QSize) -> QtCore.QSize:
        header = QtCore.QSize(self.fontMetrics().horizontalAdvance(self.text()) + 40, self._header_height())
        if self._collapsed:
            return header + QtCore.QSize(0, self._collapsed_height)
        return contents.expandedTo(header + QtCore.QSize(0, self._collapsed_height))

    def hasHeightForWidth(self) -> bool:
        layout = self.layout()
        return not self._collapsed and layout is not None and layout.hasHeightForWidth()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        option = self._header_option()
        self.style().drawControl(QtWidgets.QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        height, side = option.rect.height(), 13
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect((height - side) // 2, (height - side) // 2, side, side)
        primitive = QtWidgets.QStyle.PrimitiveElement
        self.style().drawPrimitive(
            primitive.PE_IndicatorArrowDown if self._collapsed else primitive.PE_IndicatorArrowUp, arrow, painter, self
        )
        option.rect.setLeft(arrow.rect.right() + 8)
        flags = QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter
        self.style().drawItemText(
            painter,
            QtCore.QRect(arrow.rect.right() + 8, 0, self.width() - arrow.rect.right() - 8, height),
            flags | QtCore.Qt.TextFlag.TextHideMnemonic,
            option.palette,
            self.isEnabled(),
            self.text(),
            QtGui.QPalette.ColorRole.ButtonText,
        )
