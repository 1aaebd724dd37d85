"""Scrolling the panel must not change what the mouse happens to be over."""

from __future__ import annotations

from typing import Any

CHANGED_BY_WHEEL = ("QAbstractSlider", "QAbstractSpinBox", "QComboBox")


def keep_from_wheel(panel: Any) -> Any:
    """Let the wheel scroll the panel, but over a number, slider or list that has the focus.

    panel: the QWidget with all sections. Returns the filter, which has to be kept as long as the panel.
    """
    import qt
    import slicer

    class WheelFilter(qt.QObject):
        def eventFilter(self, widget: Any, event: Any) -> bool:
            if event.type() != qt.QEvent.Wheel or widget.hasFocus():
                return False
            # Not accepted, it goes on to the parent: the panel scrolls.
            event.ignore()
            return True

    wheel_filter = WheelFilter()
    for widget in slicer.util.findChildren(panel):
        if any(widget.inherits(name) for name in CHANGED_BY_WHEEL):
            # Numbers and lists take the focus when the wheel turns over them, before the filter is asked.
            if widget.focusPolicy == qt.Qt.WheelFocus:
                widget.setFocusPolicy(qt.Qt.StrongFocus)
            widget.installEventFilter(wheel_filter)
    return wheel_filter
