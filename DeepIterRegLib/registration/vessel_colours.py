"""The colours of the vessel map: told apart by colour-blind people, and on a DSA as well as in a 3D view."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.registration.overlay_look import Colour

ColouredBy = Literal["kind", "filled", "arrival"]
"""arteries and veins; filled in this run or not; when contrast arrives."""

FILLED_BLUE: Colour = (0.0, 0.447, 0.698)
UNSURE_PINK: Colour = (0.8, 0.475, 0.655)
EMPTY_ORANGE: Colour = (0.902, 0.38, 0.0)
"""Blue, reddish purple and vermilion (a little lighter) of Okabe and Ito's palette (2008, "Color Universal Design"). No
grey: over a DSA it would pass for contrast."""
UNKNOWN_GREY: Colour = (0.62, 0.62, 0.62)
"""Of an arrival that is not known."""
OF_STATE: tuple[Colour, Colour, Colour] = (EMPTY_ORANGE, UNSURE_PINK, FILLED_BLUE)
"""By `BranchMap.state`: not filled, cannot tell, filled."""

ANCHORS = np.array([
    (0.267, 0.005, 0.329), (0.283, 0.141, 0.458), (0.254, 0.265, 0.530), (0.207, 0.372, 0.553), (0.164, 0.471, 0.558),
    (0.128, 0.567, 0.551), (0.135, 0.659, 0.518), (0.267, 0.749, 0.441), (0.478, 0.821, 0.318), (0.741, 0.873, 0.150),
    (0.993, 0.906, 0.144),
])  # fmt: skip
"""The colour map viridis (matplotlib) in ten equal steps: even for colour-blind people, and in grey."""


def arrival_range(arrival: npt.NDArray[Any]) -> tuple[float, float] | None:
    """The first and the last time of (B,) arrivals, None where none is known."""
    known = arrival[np.isfinite(arrival)]
    return (float(known.min()), float(known.max())) if len(known) else None


def arrival_colours(arrival: npt.NDArray[Any], limits: tuple[float, float]) -> npt.NDArray[np.float64]:
    """(N, 3) red, green, blue, 0 to 1, of (N,) times between limits: early dark, late light; unknown grey."""
    first, last = limits
    known = np.isfinite(arrival)
    share = np.clip((np.where(known, arrival, first) - first) / max(last - first, 1e-9), 0, 1)
    steps = np.linspace(0, 1, len(ANCHORS))
    colours = np.stack([np.interp(share, steps, ANCHORS[:, channel]) for channel in range(3)], axis=-1)
    colours[~known] = UNKNOWN_GREY
    return colours
