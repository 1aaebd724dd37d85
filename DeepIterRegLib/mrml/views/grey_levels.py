"""How grey a slice view shows a DSA, by its display node: whoever looks at it may have changed the window."""

from __future__ import annotations

from DeepIterRegLib.mrml.nodes.arrays import voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredView
from DeepIterRegLib.registration.shades import background_brightness


def window_of(view: RegisteredView) -> tuple[float, float]:
    """Grey values that are shown black and white."""
    display = view.plane.GetDisplayNode()
    return display.GetWindowLevelMin(), display.GetWindowLevelMax()


def brightness_of(view: RegisteredView) -> float:
    """0 to 1: how bright the DSA is shown where there is no vessel."""
    if view.plane.GetDisplayNode() is None:
        return 1.0
    return background_brightness(voxels_of(view.plane)[0], view.valid, window_of(view))
