"""A "?" in the head of every open section, which opens its chapter of the documentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PAGES = "https://github.com/DeepIterReg/SlicerDeepIterReg/blob/main/docs/"
CHAPTERS = {
    "inputsButton": "tutorial.md#2-select-the-images",
    "whatWasReadButton": "command_line.md#what-was-read",
    "resultButton": "tutorial.md#4-look-at-the-result",
    "overlayButton": "tutorial.md#is-it-right",
    "targetsButton": "tutorial.md#7-targets",
    "adjustButton": "tutorial.md#6-when-it-is-wrong",
    "landmarksButton": "adjust.md#landmarks",
    "workingAngleButton": "guidance.md#working-angle",
    "saveButton": "tutorial.md#9-save",
    "reviewButton": "saving.md#blind-comparison",
}
"""By the section's widget."""
SIDE_PX, MARGIN_PX = 17, 3


def add_help(ui: Any, translate: Callable[[str], str], open_page: Callable[[str], None]) -> Any:
    """Put the buttons into the sections; returns the filter that keeps them in place, to be kept with the panel.

    ui: the widgets of all forms by name.
    """
    import qt

    _ = translate
    buttons: list[tuple[Any, Any]] = []

    class KeepAtTheRight(qt.QObject):
        def eventFilter(self, _section: Any, event: Any) -> bool:
            if event.type() == qt.QEvent.Resize:
                for section, button in buttons:
                    place(section, button)
            return False

    def place(section: Any, button: Any) -> None:
        button.setGeometry(section.width - SIDE_PX - MARGIN_PX, 1, SIDE_PX, SIDE_PX)

    def show(button: Any, visible: bool) -> None:
        button.visible = visible

    keeper = KeepAtTheRight()
    for name, chapter in CHAPTERS.items():
        section = getattr(ui, name)
        button = qt.QToolButton(section)
        button.objectName = f"{name}Help"
        button.text = "?"
        button.autoRaise = True
        button.toolTip = _("Opens this section's chapter of the documentation, on the internet.")
        button.connect("clicked()", lambda chapter=chapter: open_page(PAGES + chapter))
        buttons.append((section, button))
        place(section, button)
        button.visible = not section.collapsed
        section.connect("contentsCollapsed(bool)", lambda collapsed, button=button: show(button, not collapsed))
        section.installEventFilter(keeper)
    return keeper
