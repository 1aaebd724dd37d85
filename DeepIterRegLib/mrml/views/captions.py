"""A few words at the edge of a view, over whatever it shows; no node of the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Rgb = tuple[int, int, int]
Place = Literal["upper right", "left", "right"]
QUIET, INK = (40, 40, 40), (255, 255, 255)
"""Ground and letters of what is no verdict."""
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
    """One line at an edge of one view; `close` takes it away."""

    def __init__(self, window: ViewWindow, place: Place = "upper right") -> None:
        import vtk

        self._window = window
        self._text = ""
        self._actor = vtk.vtkTextActor()
        self._actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        is_left, is_upper = place == "left", place == "upper right"
        self._actor.SetPosition(MARGIN if is_left else 1 - MARGIN, 1 - MARGIN if is_upper else 0.5)
        look = self._actor.GetTextProperty()
        look.SetFontSize(FONT_PX)
        look.SetBold(True)
        look.SetBackgroundOpacity(1.0)
        (look.SetVerticalJustificationToTop if is_upper else look.SetVerticalJustificationToCentered)()
        (look.SetJustificationToLeft if is_left else look.SetJustificationToRight)()
        self._actor.SetVisibility(False)
        window.renderer.AddViewProp(self._actor)

    @property
    def text(self) -> str:
        """What is to be read now."""
        return self._text

    def show(self, text: str, ground: Rgb, ink: Rgb) -> None:
        """Show a text, or nothing for ""."""
        look = self._actor.GetTextProperty()
        look.SetColor(*(value / 255 for value in ink))
        look.SetBackgroundColor(*(value / 255 for value in ground))
        self._text = text
        # Some ground to both sides of the letters.
        self._actor.SetInput(f" {text} ")
        self._actor.SetVisibility(bool(text))
        self._window.draw()

    def close(self) -> None:
        """Take it away."""
        self._window.renderer.RemoveViewProp(self._actor)
        self._window.draw()
