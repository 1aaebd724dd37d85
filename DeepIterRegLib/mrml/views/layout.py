"""Arrangements of the views that fit the work: the DSAs large, and the C-arm in 3D, where landmarks are clicked too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

Arrangement = Literal["one", "two"]

SLICE = """<view class="vtkMRMLSliceNode" singletontag="{name}">
 <property name="orientation" action="default">{orientation}</property>
 <property name="viewlabel" action="default">{letter}</property>
 <property name="viewcolor" action="default">{colour}</property>
</view>"""
RED = SLICE.format(name="Red", orientation="Axial", letter="R", colour="#F34A33")
YELLOW = SLICE.format(name="Yellow", orientation="Sagittal", letter="Y", colour="#EDD54C")
THREE_D = """<view class="vtkMRMLViewNode" singletontag="1">
 <property name="viewlabel" action="default">1</property>
</view>"""


def _row(*items: str) -> str:
    return '<layout type="horizontal" split="true">' + "".join(f"<item>{item}</item>" for item in items) + "</layout>"


DESCRIPTIONS: dict[Arrangement, tuple[int, str]] = {
    "one": (7310, _row(RED, THREE_D)),
    "two": (7311, _row(RED, YELLOW, THREE_D)),
}
"""Preferred number (Slicer's own end at 100, other extensions take what lies above 500) and description."""


def register_layouts(scene: Any) -> None:
    """Make the arrangements known, so that a saved scene that uses one is shown as it was. Done again, it does nothing.

    To be called at start-up, too.
    """
    for arrangement in DESCRIPTIONS:
        layout_number(scene, arrangement)


def arrange(scene: Any, arrangement: Arrangement) -> bool:
    """Let the application's main window show an arrangement; False where there is none (plain Python, no window)."""
    node, number = layout_node(scene), layout_number(scene, arrangement)
    if node is None or number is None:
        return False
    node.SetViewArrangement(number)
    return bool(node.GetViewArrangement() == number)


def is_arranged(scene: Any, *arrangements: Arrangement) -> bool:
    """Whether the application's main window shows one of these."""
    node = layout_node(scene)
    return node is not None and node.GetViewArrangement() in [layout_number(scene, name) for name in arrangements]


def description_of(scene: Any, number: int) -> str | None:
    """Of the layout that has that number in this scene; None where none has."""
    node = layout_node(scene)
    return node.GetLayoutDescription(number) if node is not None and node.IsLayoutDescription(number) else None


@contextmanager
def layout_of_slicers_own(scene: Any) -> Iterator[None]:
    """Inside the block the scene says that a layout of Slicer's own is shown, where it is one of ours; nobody notices.

    For writing: without the extension, the views of a scene in a layout that Slicer does not know stay empty.
    """
    node = layout_node(scene)
    number = None if node is None else node.GetViewArrangement()
    ours = [layout_number(scene, arrangement) for arrangement in DESCRIPTIONS]
    if node is None or number not in ours:
        yield
        return
    modified = node.GetDisableModifiedEvent()
    node.DisableModifiedEventOn()
    try:
        node.SetViewArrangement(node.SlicerLayoutFourUpView)
        yield
    finally:
        node.SetViewArrangement(number)
        node.SetDisableModifiedEvent(modified)


def layout_number(scene: Any, arrangement: Arrangement) -> int | None:
    """The number that an arrangement has in this scene, made known under the next free one; None without a layout."""
    node = layout_node(scene)
    if node is None:
        return None
    number, description = DESCRIPTIONS[arrangement]
    while node.IsLayoutDescription(number):
        if node.GetLayoutDescription(number) == description:
            return number
        # Somebody else's: leave it alone. Ours lie side by side.
        number += len(DESCRIPTIONS)
    return number if node.AddLayoutDescription(number, description) else None


def layout_node(scene: Any) -> Any | None:
    """The layout of the main window, None where the scene has none."""
    return scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
