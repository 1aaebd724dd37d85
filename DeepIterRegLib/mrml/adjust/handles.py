"""Slicer's own interaction handles on the pose: arrows and arcs about the CTA's centre in the 3D views."""

from __future__ import annotations

from typing import Any

HANDLES = "handles"
"""Control of the history."""


def handles_are_shown(transform_node: Any) -> bool:
    display = transform_node.GetDisplayNode()
    return display is not None and bool(display.GetEditorVisibility())


def show_handles(transform_node: Any, shown: bool) -> None:
    """Show or hide the handles of a linear transform node. They move and turn, and never scale.

    In 3D views only: a slice view would show them where the centre lies perpendicular above the detector, which is not
    where the X-rays show it.
    """
    if transform_node.GetDisplayNode() is None:
        if not shown:
            return
        transform_node.CreateDefaultDisplayNodes()
    display = transform_node.GetDisplayNode()
    display.SetEditorTranslationEnabled(True)
    display.SetEditorRotationEnabled(True)
    display.SetEditorScalingEnabled(False)
    display.SetEditorSliceIntersectionVisibility(False)
    # Not every version has a switch of its own for the 3D views beside the one for all views.
    if hasattr(display, "SetEditorVisibility3D"):
        display.SetEditorVisibility3D(shown)
    display.SetEditorVisibility(shown)
