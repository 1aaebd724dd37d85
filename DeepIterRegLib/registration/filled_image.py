"""filled.png: the DSA with the CTA's vessels over it, coloured by whether the run shows them, and by arrival."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.filling.arrival import Arrival
from DeepIterRegLib.filling.vessel_map import STATES, VesselMap
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.registration.overlay_image import DOTS_PER_INCH, GAP_PX, MARGIN_PX, PANEL_PX, TITLE_PX
from DeepIterRegLib.registration.overlay_painting import Rgb, images_on, strength
from DeepIterRegLib.registration.shades import full_strength_mm, grey_image, grey_window
from DeepIterRegLib.registration.vessel_colours import (
    OF_STATE,
    UNKNOWN_GREY,
    arrival_colours,
    arrival_range,
)
from DeepIterRegLib.render.vessel_images import VesselRenderer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from DeepIterRegLib.registration.result import Registration

OPACITY = 0.85
ARRIVAL_STEPS = 12
"""Colours of the arrival picture: branches that arrive at about the same time are drawn together."""
COLOUR_OF = dict(zip(("not filled", "cannot tell", "filled"), OF_STATE, strict=True))


def write_filled_image(path: Path, registration: Registration, found: VesselMap) -> None:
    """Draw a row for each DSA that shows vessels: filled or not on the left, arrival on the right, where it is known.

    found: the map at the registration's pose. Raises OSError if the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [
        (number, run, told)
        for number, (run, told) in enumerate(zip(registration.angiograms, found.arrivals, strict=True), start=1)
        if run.shows_vessels
    ]
    legend_px = TITLE_PX
    heights = [round(PANEL_PX * run.angiogram.valid.shape[0] / run.angiogram.valid.shape[1]) for _, run, _ in rows]
    width = 2 * PANEL_PX + GAP_PX + 2 * MARGIN_PX
    height = sum(heights) + (TITLE_PX + legend_px) * len(rows) + MARGIN_PX
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    top = float(height)
    for (number, run, told), panel_height in zip(rows, heights, strict=True):
        bottom = top - TITLE_PX - panel_height
        name = "" if len(registration.angiograms) == 1 else f"DSA {number}, "
        limits = None if told is None else arrival_range(told.half)
        for column in range(2):
            left = MARGIN_PX + column * (PANEL_PX + GAP_PX)
            box = (left / width, bottom / height, PANEL_PX / width, panel_height / height)
            below = (left / width, (bottom - 0.55 * legend_px) / height, PANEL_PX / width, 0.3 * legend_px / height)
            axes = figure.add_axes(box)
            if column == 0:
                axes.imshow(filled_panel(registration, run, found), aspect="auto")
                axes.set_title(f"{name}filled in this run", fontsize=22, pad=12)
                _state_legend(figure, below)
            elif told is not None and limits is not None:
                axes.imshow(arrival_panel(registration, run, found, told, limits), aspect="auto")
                axes.set_title(f"{name}contrast arrives", fontsize=22, pad=12)
                _arrival_legend(figure, below, limits, told.in_seconds)
            else:
                axes.set_axis_off()
                continue
            _plain(axes)
        top = bottom - legend_px
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)


def filled_panel(registration: Registration, run: PreparedAngiogram, found: VesselMap) -> Rgb:
    """(rows, columns, 3) the DSA's pixels, with every branch in the colour of its state."""
    states = np.array([STATES.index(state) for state in found.states], dtype=np.intp)
    colours = np.array([COLOUR_OF[state] for state in STATES])
    return painted(registration, run, states[found.filling.branches.of_point], colours)


def arrival_panel(
    registration: Registration, run: PreparedAngiogram, found: VesselMap, told: Arrival, limits: tuple[float, float]
) -> Rgb:
    """(rows, columns, 3) the same by arrival; grey where that is unknown. limits: times of the ends of the scale."""
    first, last = limits
    known = np.isfinite(told.half)
    share = np.clip((np.where(known, told.half, first) - first) / max(last - first, 1e-9), 0, 1)
    steps = np.where(known, np.minimum((share * ARRIVAL_STEPS).astype(np.intp), ARRIVAL_STEPS - 1), ARRIVAL_STEPS)
    times = first + (np.arange(ARRIVAL_STEPS) + 0.5) / ARRIVAL_STEPS * (last - first)
    colours = np.concatenate([arrival_colours(times, limits), [UNKNOWN_GREY]])
    return painted(registration, run, steps[found.filling.branches.of_point], colours)


def painted(
    registration: Registration, run: PreparedAngiogram, of_point: npt.NDArray[np.intp], colours: FloatArray
) -> Rgb:
    """(rows, columns, 3) groups of the cloud's points, each in its colour over the DSA; where several lie along a ray
    their colours mix. of_point: (N,) the group of each point. colours: (G, 3) of the groups, 0 to 1."""
    angiogram, cloud = run.angiogram, registration.volume.cloud
    full_mm = full_strength_mm(_length(registration, run, cloud))
    mixed = np.zeros((*angiogram.valid.shape, 3))
    total = np.zeros(angiogram.valid.shape)
    for group, colour in enumerate(colours):
        chosen = of_point == group
        if not chosen.any():
            continue
        length = _length(registration, run, cloud.subset(chosen))
        mixed += length[..., None] * colour
        total += length
    alpha = OPACITY * strength(total.astype(np.float32), full_mm)[..., None]
    grey = grey_image(run.minip, angiogram.valid, grey_window(run.minip, angiogram.valid))[..., None]
    return np.rint((1 - alpha) * grey + 255 * alpha * mixed / np.maximum(total, 1e-9)[..., None]).astype(np.uint8)


def _length(registration: Registration, run: PreparedAngiogram, cloud: VesselCloud) -> npt.NDArray[np.float32]:
    """(rows, columns) mm of vessel, of the DSA's pixels."""
    carm = run.angiogram.carm
    images = images_on(carm, VesselRenderer(cloud, carm).draw(registration.pose))
    return images.arteries + images.veins


def _plain(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set_color("0.6")


def _state_legend(figure: Figure, box: tuple[float, float, float, float]) -> None:
    axes = figure.add_axes(box)
    axes.set(xlim=(0, 3), ylim=(0, 1))
    axes.set_axis_off()
    for place, state in enumerate(STATES):
        axes.fill_between([place + 0.05, place + 0.25], 0, 1, color=COLOUR_OF[state])
        axes.text(place + 0.3, 0.45, state, fontsize=16, va="center")


def _arrival_legend(
    figure: Figure, box: tuple[float, float, float, float], limits: tuple[float, float], in_seconds: bool
) -> None:
    axes = figure.add_axes((box[0], box[1], 0.6 * box[2], box[3]))
    times = np.linspace(*limits, 256)
    axes.imshow(arrival_colours(times, limits)[None], aspect="auto", extent=(*limits, 0, 1))
    axes.set_yticks([])
    axes.tick_params(labelsize=13)
    unit = "s" if in_seconds else "frame"
    beside = figure.add_axes((box[0] + 0.62 * box[2], box[1], 0.38 * box[2], box[3]))
    beside.set(xlim=(0, 3), ylim=(0, 1))
    beside.set_axis_off()
    beside.text(0.0, 0.45, unit, fontsize=16, va="center")
    beside.fill_between([0.8, 1.1], 0, 1, color=UNKNOWN_GREY)
    beside.text(1.2, 0.45, "not known", fontsize=16, va="center")
