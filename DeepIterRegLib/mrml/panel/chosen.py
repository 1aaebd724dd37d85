"""Buttons that stay down say so in colour: in a dark theme Qt's own shade can hardly be told from the others'."""

from __future__ import annotations

from typing import Any

STYLE = """QPushButton:checked {
    background-color: palette(highlight); color: palette(highlighted-text);
    border: 1px solid palette(dark); border-radius: 2px; padding: 2px 4px;
}
QPushButton:checked:disabled { background-color: palette(mid); color: palette(window-text); }"""


def mark_chosen_buttons(root: Any) -> None:
    """For all that can be checked below a widget."""
    import slicer

    for button in slicer.util.findChildren(root, className="QPushButton"):
        if button.checkable:
            button.styleSheet = STYLE
