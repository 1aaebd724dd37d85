"""How Slicer's panels look: Fusion, light, a font that a bare machine has too."""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtGui, QtWidgets

FONT_SIZE_PX = 12
COLORS = {
    "Window": "#efefef",
    "WindowText": "#202020",
    "Base": "#ffffff",
    "AlternateBase": "#f7f7f7",
    "Text": "#202020",
    "Button": "#efefef",
    "ButtonText": "#202020",
    "Highlight": "#308cc6",
    "HighlightedText": "#ffffff",
    "PlaceholderText": "#808080",
    "ToolTipBase": "#ffffdc",
    "ToolTipText": "#202020",
}
DISABLED = "#a0a0a0"


class SlicerStyle(QtWidgets.QProxyStyle):
    """Fusion with the distances of Slicer's style (qSlicerStyle.cxx): tighter than Qt's own."""

    def pixelMetric(
        self,
        metric: QtWidgets.QStyle.PixelMetric,
        option: QtWidgets.QStyleOption | None = None,
        widget: QtWidgets.QWidget | None = None,
    ) -> int:
        name = metric.name
        if name.startswith("PM_Layout") and name.endswith("Margin"):
            return 4 if widget is not None and widget.inherits("ctkCollapsibleButton") else 6
        if name in ("PM_LayoutHorizontalSpacing", "PM_LayoutVerticalSpacing", "PM_ButtonMargin"):
            return 3
        if name == "PM_SliderLength":
            return 12
        return super().pixelMetric(metric, option, widget)


def set_look(application: QtWidgets.QApplication) -> None:
    """Style, colours and font."""
    import matplotlib

    style = SlicerStyle("Fusion")
    application.setStyle(style)
    palette = style.standardPalette()
    for name, color in COLORS.items():
        palette.setColor(QtGui.QPalette.ColorRole[name], QtGui.QColor(color))
    for name in ("WindowText", "Text", "ButtonText"):
        palette.setColor(QtGui.QPalette.ColorGroup.Disabled, QtGui.QPalette.ColorRole[name], QtGui.QColor(DISABLED))
    application.setPalette(palette)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf"):
        QtGui.QFontDatabase.addApplicationFont(str(fonts / name))
    font = QtGui.QFont("DejaVu Sans")
    font.setPixelSize(FONT_SIZE_PX)
    font.setStyleHint(QtGui.QFont.StyleHint.SansSerif)
    application.setFont(font)
    application.setAttribute(QtCore.Qt.ApplicationAttribute.AA_DontUseNativeDialogs)
