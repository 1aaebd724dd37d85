"""The command's pictures of a working angle: the map with its axes, and what to expect at each angle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.angle_words import angle_words
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.guidance.segment import Segment
from DeepIterRegLib.guidance.working_angle import WorkingAngles
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.working_angle_picture import expected_picture, map_colours

DOTS_PER_INCH = 100


def write_map(path: Path, angles: WorkingAngles) -> None:
    """Colour over both angles, the best ones numbered, today's a cross."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

    primary, secondary = angles.primary_deg, angles.secondary_deg
    half = (primary[1] - primary[0]) / 2 if len(primary) > 1 else 1.0
    extent = (primary[0] - half, primary[-1] + half, secondary[0] - half, secondary[-1] + half)
    figure = Figure(figsize=(10, 6), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(map_colours(angles.visible), origin="lower", extent=extent, aspect="equal", interpolation="nearest")
    axes.axhline(0, color="white", linewidth=0.6, linestyle=":")
    axes.axvline(0, color="white", linewidth=0.6, linestyle=":")
    today = angles.today
    axes.plot(
        today.primary_deg, today.secondary_deg, "+", color="black", markersize=22, markeredgewidth=5, clip_on=False
    )
    axes.plot(
        today.primary_deg, today.secondary_deg, "+", color="white", markersize=20, markeredgewidth=2, clip_on=False
    )  # fmt: skip
    for number, sight in enumerate(angles.best, start=1):
        axes.text(
            sight.primary_deg, sight.secondary_deg, str(number), ha="center", va="center", fontsize=13, weight="bold",
            bbox={"boxstyle": "circle", "facecolor": "white", "edgecolor": "black", "pad": 0.25},
        )  # fmt: skip
    axes.set_xticks(_ticks(primary), [_word(value, "RAO", "LAO") for value in _ticks(primary)])
    axes.set_yticks(_ticks(secondary), [_word(value, "CAU", "CRA") for value in _ticks(secondary)])
    axes.set_xlim(min(extent[0], today.primary_deg - 2), max(extent[1], today.primary_deg + 2))
    axes.set_ylim(min(extent[2], today.secondary_deg - 2), max(extent[3], today.secondary_deg + 2))
    reading = " (table's reading)" if angles.readings.differ else ""
    title = "  ".join(
        f"{number}: {angles.readings.words(sight.primary_deg, sight.secondary_deg)}"
        for number, sight in enumerate(angles.best, start=1)
    )
    axes.set_title(title + f"\n+ today: {angles.readings.words(today.primary_deg, today.secondary_deg)}", fontsize=11)
    axes.set_xlabel(f"primary angle{reading}")
    axes.set_ylabel(f"secondary angle{reading}")
    shades = ListedColormap(map_colours(np.linspace(0, 1, 256, dtype=np.float32)[None])[0] / 255.0)
    bar = figure.colorbar(ScalarMappable(cmap=shades), ax=axes, shrink=0.75)
    bar.set_label("share of the vessel that is seen and free")
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)


def write_expected(
    path: Path, angles: WorkingAngles, segment: Segment, cloud: VesselCloud, pose: FloatArray, carm: CArm
) -> None:
    """The DRR from today's angle and from the best ones, the vessel in orange."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [("today", angles.today), *((str(number), sight) for number, sight in enumerate(angles.best, start=1))]
    figure = Figure(figsize=(5 * len(shown), 5.9), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=0.005, right=0.995, bottom=0.01, top=0.87, wspace=0.02)
    for axes, (name, sight) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        there = carm.at_angles(*angles.readings.carm_angles(sight.primary_deg, sight.secondary_deg))
        axes.imshow(expected_picture(cloud, segment, pose, there), interpolation="bilinear")
        axes.set(xticks=[], yticks=[])
        axes.set_title(
            f"{name}: {angle_words(sight.primary_deg, sight.secondary_deg)}\n"
            f"foreshortened {sight.foreshortening:.0%}, covered {sight.overlap:.0%}",
            fontsize=13,
        )
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH)


def _ticks(degrees: FloatArray) -> list[float]:
    step = 30 if degrees[-1] - degrees[0] > 120 else 15
    return [float(value) for value in np.arange(np.ceil(degrees[0] / step), np.floor(degrees[-1] / step) + 1) * step]


def _word(degrees: float, below: str, above: str) -> str:
    return "0" if degrees == 0 else f"{below if degrees < 0 else above} {abs(degrees):.0f}"
