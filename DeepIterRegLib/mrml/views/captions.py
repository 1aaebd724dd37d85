"""A few words in the corner of a view, over whatever it shows; no node of the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Rgb = tuple[int, int, int]
FONT_PX = 16
MARGIN = 0.015
"""Part of the view's width and height."""


@dataclass(frozen=True, eq=False)
class ViewWindow:
    """Where a view draws."""

    renderer: Any
    """vtkRenderer"""
    draw: Callable[[], None]
    """Lets the view draw itself soon."""


class Caption:
    """One line in a corner of one view; `close` takes it away."""

    def __init__(self, window: ViewWindow, *, left: bool = False) -> None:
        """left: the upper left corner, else the upper right one."""
        import vtk

        self._window = window
        self._actor = vtk.vtkTextActor()
        self._actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        self._actor.SetPosition(MARGIN if left else 1 - MARGIN, 1 - MARGIN)
        look = self._actor.GetTextProperty()
        look.SetFontSize(FONT_PX)
        look.SetBold(True)
        look.SetVerticalJustificationToTop()
        if left:
            look.SetJustificationToLeft()
        else:
            look.SetJustificationToRight()
        self._actor.SetVisibility(False)
        window.renderer.AddViewProp(self._actor)

    @property
    def text(self) -> str:
        """What is to be read now."""
        return str(self._actor.GetInput()) if self._actor.GetVisibility() else ""

    def show(self, text: str, ground: Rgb, ink: Rgb) -> None:
        """Show a text, or nothing for ""."""
        look = self._actor.GetTextProperty()
        look.SetColor(*(value / 255 for value in ink))
        look.SetBackgroundColor(*(value / 255 for value in ground))
        look.SetBackgroundOpacity(1.0)
        # Some ground to both sides of the letters.
        self._actor.SetInput(f" {text} ")
        self._actor.SetVisibility(bool(text))
        self._window.draw()

    def close(self) -> None:
        self._window.renderer.RemoveViewProp(self._actor)
        self._window.draw()
