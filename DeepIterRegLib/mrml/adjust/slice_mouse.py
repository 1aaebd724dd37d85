"""Mouse and keys of a slice view, taken before Slicer does something else with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.mrml.nodes.arrays import array_of_matrix

BEFORE_SLICER = 100.0
"""Slicer's own interactor style observes with priority 0."""


class SliceInput(Protocol):
    """What is done with them. What returns False is left to Slicer."""

    def press(self, slice_node: Any, point_mm: FloatArray, shift: bool) -> bool:
        """The left button went down, at (3,) mm of the scene's world, on the plane of the slice."""
        ...

    def move(self, point_mm: FloatArray) -> None:
        """The mouse moved while it was down."""
        ...

    def release(self) -> None:
        """It went up."""
        ...

    def key(self, slice_node: Any, name: str, shift: bool) -> bool:
        """A key was pressed: its VTK (Tk) name, as "Left" or "Prior"."""
        ...


class SliceMouse:
    """Gives the left button and the keys of one slice view to a `SliceInput`.

    An event that was taken is aborted, so that window/level, panning or scrolling do not happen too. With Ctrl or Alt,
    and with the other buttons, everything stays Slicer's.
    """

    def __init__(self, interactor: Any, slice_node: Any, receiver: SliceInput) -> None:
        """interactor: vtkRenderWindowInteractor of the view whose vtkMRMLSliceNode is `slice_node`."""
        self._interactor = interactor
        self._slice_node = slice_node
        self._receiver = receiver
        self._dragging = False
        self._tags: list[int] = []
        for event, handler in (
            ("LeftButtonPressEvent", self._press),
            # In place of the second of two quick presses; Slicer would maximise the view.
            ("LeftButtonDoubleClickEvent", self._press),
            ("MouseMoveEvent", self._move),
            ("LeftButtonReleaseEvent", self._release),
            ("KeyPressEvent", self._key),
        ):
            self._observe(event, handler)

    def close(self) -> None:
        """Leave the view to Slicer."""
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []

    def _observe(self, event: str, taken: Callable[[], bool]) -> None:
        def callback(interactor: Any, _event: str) -> None:
            if taken():
                interactor.GetCommand(tag).AbortFlagOn()

        tag = self._interactor.AddObserver(event, callback, BEFORE_SLICER)
        self._tags.append(tag)

    def _press(self) -> bool:
        self._dragging = not self._has_modifier() and self._receiver.press(
            self._slice_node, self._point_mm(), bool(self._interactor.GetShiftKey())
        )
        return self._dragging

    def _move(self) -> bool:
        if self._dragging:
            self._receiver.move(self._point_mm())
        return self._dragging

    def _release(self) -> bool:
        was_dragging, self._dragging = self._dragging, False
        if was_dragging:
            self._receiver.release()
        return was_dragging

    def _key(self) -> bool:
        name = self._interactor.GetKeySym()
        if name is None or self._has_modifier():
            return False
        return self._receiver.key(self._slice_node, name, bool(self._interactor.GetShiftKey()))

    def _has_modifier(self) -> bool:
        return bool(self._interactor.GetControlKey() or self._interactor.GetAltKey())

    def _point_mm(self) -> FloatArray:
        x, y = self._interactor.GetEventPosition()
        return (array_of_matrix(self._slice_node.GetXYToRAS()) @ np.array([x, y, 0.0, 1.0]))[:3]


class SliceMice:
    """A `SliceMouse` in every slice view of a scene, those of layouts that are chosen later included."""

    def __init__(
        self,
        scene: Any,
        slice_interactor: Callable[[str], Any | None],
        call_later: Callable[[Callable[[], None], int], None],
        receiver: SliceInput,
    ) -> None:
        """slice_interactor: of the view of a layout name. call_later: a callback in so many ms."""
        self._scene = scene
        self._slice_interactor = slice_interactor
        self._call_later = call_later
        self._receiver = receiver
        self._mice: dict[str, tuple[Any, Any, SliceMouse]] = {}
        """By layout name: interactor, slice node, and what listens."""
        self._layout: tuple[Any, int] | None = None

    def open(self) -> None:
        """Listen to the views there are; cheap to repeat."""
        if self._layout is None:
            layout = self._scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
            if layout is not None:
                # The views of a new layout are there only after everybody was told about it.
                tag = layout.AddObserver("ModifiedEvent", lambda *_: self._call_later(self._reopen, 0))
                self._layout = layout, tag
        for index in range(self._scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
            slice_node = self._scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
            name = slice_node.GetLayoutName()
            interactor = self._slice_interactor(name)
            known = self._mice.get(name)
            if known is not None and known[0] is interactor and known[1] is slice_node:
                continue
            if known is not None:
                self._mice.pop(name)[2].close()
            if interactor is not None:
                self._mice[name] = interactor, slice_node, SliceMouse(interactor, slice_node, self._receiver)

    def close(self) -> None:
        """Leave the views to Slicer."""
        for _, _, mouse in self._mice.values():
            mouse.close()
        self._mice = {}
        if self._layout is not None:
            layout, tag = self._layout
            layout.RemoveObserver(tag)
            self._layout = None

    def _reopen(self) -> None:
        if self._layout is not None:
            self.open()
