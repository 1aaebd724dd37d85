"""The paper's figures for any experiment, as PNG files: Figures 6 to 9, and how the errors are distributed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.evaluate.capture_range import THRESHOLD, median_curve
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, NO_INITIALIZER, SUCCESS_MM, Row
from DeepIterRegLib.research.evaluate.statistics import MIN_STARTS_FOR_RANGE, Group, capture_range_of, groups_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Okabe and Ito's palette, told apart by colour-blind readers too; markers and dashes say the same a second time."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (7, 2, 1.5, 2)), "-", (0, (6, 2)), (0, (2, 1.5)))
GREY = "0.45"
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
FLOOR = 0.1
"""Errors below are drawn at it: nobody sees them, and a logarithm of 0 there is none."""
DOTS_PER_INCH = 150
MAX_NAMED_PATIENTS = 40


class Plot(NamedTuple):
    """A plot: its file's name, what it shows in a sentence, and how it is drawn."""

    name: str
    caption: str
    draw: Callable[[Sequence[Group]], Figure]


def figures_for(groups: Sequence[Group]) -> list[Plot]:
    """Which plots the groups of one experiment can fill."""
    figures = []
    if all(group.one_row_per_patient for group in groups):
        figures.append(Plot("before_after", BEFORE_AFTER, draw_before_after))
    if any(np.isfinite(group.values("mpe_start_px")).any() for group in groups):
        figures.append(Plot("final_against_initial", FINAL_AGAINST_INITIAL, draw_final_against_initial))
    if any(_has_initializer(group) for group in groups):
        figures.append(Plot("initialized", INITIALIZED, draw_initialized))
    if any(capture_range_of(group, "px") for group in groups):
        figures.append(Plot("capture_range", CAPTURE_RANGE, draw_capture_range))
    figures.append(Plot("cumulative", CUMULATIVE, draw_cumulative))
    if any(np.isfinite(group.values("error_along_beam_mm")).any() for group in groups):
        figures.append(Plot("beam", BEAM, draw_beam))
    return figures


def draw_plots(rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Write the plots of every experiment among the rows into `folder`; file names and their captions.

    A file is named experiment_plot.png. Raises OSError if one cannot be written.
    """
    captions = {}
    groups = groups_of(rows)
    for experiment in dict.fromkeys(group.experiment for group in groups):
        members = [group for group in groups if group.experiment == experiment]
        for figure in figures_for(members):
            name = f"{experiment}_{figure.name}.png"
            figure.draw(members).savefig(folder / name, format="png", dpi=DOTS_PER_INCH)
            captions[name] = figure.caption
    return captions


BEFORE_AFTER = (
    "Mean projection error (MPE) of every patient before (open circles), after the initializer where there is one"
    " (diamonds; dotted: what it changed) and after registration, in the order of the error before (paper, Figures 6"
    " and 9). A cross at the upper edge: no result. Dashed: the threshold of success."
)


def draw_before_after(groups: Sequence[Group]) -> Figure:
    """A panel for each group, one below the other, with the patients of the first in the same order in all."""
    order = {patient: None for group in groups for patient in _by_start(group)}
    place = {patient: number for number, patient in enumerate(order)}
    figure = new_figure(10, 0.6 + 2.5 * len(groups))
    panels = figure.subplots(len(groups), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for group, axes in zip(groups, panels, strict=True):
        x = np.array([place[patient] for patient in group.patients])
        before, after = group.values("mpe_start_mm"), group.values("mpe_final_mm")
        drawn_before, drawn_after = _on_log(before), _on_log(after)
        shown = np.isfinite(after) & np.isfinite(before)
        middle = _on_log(group.values("mpe_initialized_px") * MM_PER_PX) if _has_initializer(group) else drawn_before
        axes.vlines(x[shown], middle[shown], drawn_after[shown], color="0.75", linewidth=1.2, zorder=1)
        if _has_initializer(group):
            offset = x + 0.18
            axes.vlines(offset, drawn_before, middle, color=COLOURS[2], linewidth=1.2, linestyle=":", zorder=1)
            axes.plot(offset, middle, "D", color=COLOURS[2], markersize=3.5, label="initialized", zorder=2)
        axes.plot(x, drawn_before, "o", markerfacecolor="white", color=GREY, markersize=4.5, label="before", zorder=2)
        for accurate, colour, marker, word in ((True, COLOURS[0], "o", "success"), (False, COLOURS[1], "s", "failure")):
            chosen = np.isfinite(after) & (group.success == accurate)
            axes.plot(x[chosen], drawn_after[chosen], marker, color=colour, markersize=4.5, label=word, zorder=3)
        lost = ~np.isfinite(after)
        axes.plot(
            x[lost], np.full(lost.sum(), 0.96), "x", color="black", markersize=6, markeredgewidth=1.6,
            transform=axes.get_xaxis_transform(), label="no result", zorder=3,
        )  # fmt: skip
        axes.axhline(SUCCESS_MM, color="black", linewidth=1, linestyle="--", zorder=0)
        _log_axis(axes.yaxis, axes.set_yscale)
        axes.set_ylabel("MPE, mm")
        axes.set_title(
            f"{group.label}: {int(group.success.sum())} of {len(group.rows)} succeed", loc="left", fontsize=11
        )
        axes.grid(axis="y", color="0.92")
    # The panel with the most kinds of points explains them all.
    handles, labels = max((axes.get_legend_handles_labels() for axes in panels), key=lambda pair: len(pair[1]))
    panels[0].legend(
        handles, labels, loc="lower right", bbox_to_anchor=(1, 1), ncols=5, frameon=False, fontsize=9, borderpad=0
    )
    last = panels[-1]
    last.set_xlim(-0.8, len(place) - 0.2)
    if len(place) <= MAX_NAMED_PATIENTS:
        last.set_xticks(range(len(place)), list(place), rotation=90 if len(place) > 8 else 0, fontsize=8)
        last.set_xlabel("patient")
    else:
        last.set_xlabel("patients, by error before registration")
    return figure


FINAL_AGAINST_INITIAL = (
    "MPE after against MPE before registration, one point for each registration, and where there are 50 or more of them"
    " the median in ten bins of equal count (paper, Figure 7). Dotted, to the open circle: how the initializer changed"
    " the error before refinement (paper, Figure 9). Below the thin diagonal a registration helped. Points at the upper"
    " edge: no result, or farther off."
)


def draw_final_against_initial(groups: Sequence[Group]) -> Figure:
    """A panel for each group, side by side."""
    return _draw_against_start(groups, "mpe_final_px", "final MPE, px")


INITIALIZED = (
    "MPE after the initializer alone against MPE before, drawn as the plot of the final MPE: below the thin diagonal"
    " the initializer helped."
)


def draw_initialized(groups: Sequence[Group]) -> Figure:
    """A panel for each group with an initializer, side by side."""
    return _draw_against_start(
        [group for group in groups if _has_initializer(group)], "mpe_initialized_px", "MPE after the initializer, px"
    )


def _draw_against_start(groups: Sequence[Group], quantity: str, axis_label: str) -> Figure:
    columns = 2 if len(groups) == 4 else min(len(groups), 3)
    rows = -(-len(groups) // columns)
    side_in = 5.0 if len(groups) == 1 else 3.6
    figure = new_figure(0.6 + side_in * columns, 0.5 + side_in * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    largest = max((_largest(group.values("mpe_start_px")) for group in groups), default=1.0)
    top = 1.4 * largest
    for index, axes in enumerate(panels.flat):
        if index >= len(groups):
            axes.set_visible(False)
            continue
        group = groups[index]
        initial = group.values("mpe_start_px")
        known = np.isfinite(initial)
        final = np.where(np.isnan(group.values(quantity)), np.inf, group.values(quantity))[known]
        initial = initial[known]
        off = final > top
        size = 14 if len(initial) < 300 else 5
        axes.plot([0, top], [0, top], color="0.8", linewidth=1, zorder=0)
        axes.axhline(THRESHOLD, color="black", linewidth=1, linestyle="--", zorder=1)
        colour = _colour(index)
        if quantity == "mpe_final_px" and _has_initializer(group) and group.one_row_per_patient:
            initialized = group.values("mpe_initialized_px")[known]
            height = np.minimum(final, top)
            axes.hlines(height, initial, initialized, color=colour, linewidth=0.9, linestyle=":", zorder=2)
            axes.plot(initialized, height, "o", markerfacecolor="white", color=colour, markersize=3.5, zorder=2)
        axes.scatter(initial[~off], final[~off], s=size, color=colour, alpha=0.55, linewidths=0, zorder=2)
        axes.scatter(initial[off], np.full(off.sum(), top), s=22, marker="^", color=colour, clip_on=False, zorder=2)
        if len(initial) >= MIN_STARTS_FOR_RANGE:
            curve = median_curve(initial, final)
            axes.plot(curve.initial, np.minimum(curve.final, top), "-o", color="black", markersize=3.5, linewidth=1.5)
        axes.set(xlim=(0, 1.04 * largest), ylim=(0, top))
        axes.set_title(group.label, fontsize=11)
        axes.grid(color="0.94")
        if index % columns == 0:
            axes.set_ylabel(axis_label)
        if index + columns >= len(groups):
            axes.set_xlabel("initial MPE, px")
            axes.tick_params(labelbottom=True)
    return figure


CAPTURE_RANGE = (
    "Median final MPE against initial MPE in ten bins of equal count (paper, Figure 8), with the 95 % confidence band"
    " of a bootstrap over patients. The capture range, marked on the lower edge, is where the median first leaves the"
    " dashed line, linear between the bins."
)


def draw_capture_range(groups: Sequence[Group]) -> Figure:
    """All groups in one panel."""
    figure = new_figure(8.5, 5)
    axes = figure.subplots()
    ranges = [capture_range_of(group, "px") for group in groups]
    top = 1.15 * max(float(found.curve.initial[-1]) for found in ranges if found)
    for index, (group, found) in enumerate(zip(groups, ranges, strict=True)):
        if found is None:
            continue
        colour, curve = _colour(index), found.curve
        value = f"> {curve.initial[-1]:.0f} px" if found.value is None else f"{found.value:.1f} px"
        axes.fill_between(
            curve.initial, np.minimum(found.final_low, 2 * top), np.minimum(found.final_high, 2 * top),
            color=colour, alpha=0.15, linewidth=0,
        )  # fmt: skip
        axes.plot(
            curve.initial, np.minimum(curve.final, 2 * top), color=colour, linestyle=DASHES[index % len(DASHES)],
            marker=MARKERS[index % len(MARKERS)], markersize=5.5, label=f"{group.label}: {value}",
        )  # fmt: skip
        if found.value is not None:
            axes.plot(
                found.value, 0, marker=MARKERS[index % len(MARKERS)], color=colour, markersize=10, clip_on=False,
                markeredgecolor="white", zorder=5,
            )  # fmt: skip
            axes.vlines(found.value, 0, THRESHOLD, color=colour, linewidth=1.2)
    axes.axhline(THRESHOLD, color="black", linewidth=1, linestyle="--")
    axes.set(xlim=(0, None), ylim=(0, top), xlabel="initial MPE, px", ylabel="median final MPE, px")
    axes.grid(color="0.94")
    axes.legend(title="capture range", loc="upper left", frameon=False, alignment="left")
    return figure


CUMULATIVE = (
    "Share of all registrations whose final MPE is at most the value below; one without a result never is. Dashed: the"
    " threshold of success."
)


def draw_cumulative(groups: Sequence[Group]) -> Figure:
    """All groups in one panel."""
    figure = new_figure(8.5, 4.6)
    axes = figure.subplots()
    largest = max(_largest(group.values("mpe_final_mm")) for group in groups)
    end = max(1.1 * largest, 2 * SUCCESS_MM)
    for index, group in enumerate(groups):
        final = group.values("mpe_final_mm")
        known = np.sort(_on_log(final[np.isfinite(final)]))
        share = np.arange(len(known) + 1) / len(final)
        axes.step(
            np.concatenate([[FLOOR], known, [end]]), 100 * np.concatenate([share, share[-1:]]), where="post",
            color=_colour(index), linestyle=DASHES[index % len(DASHES)], linewidth=2, label=group.label,
        )  # fmt: skip
    axes.axvline(SUCCESS_MM, color="black", linewidth=1, linestyle="--")
    _log_axis(axes.xaxis, axes.set_xscale)
    axes.set(xlim=(FLOOR, end), ylim=(0, 101), xlabel="final MPE, mm", ylabel="registrations, %")
    axes.grid(color="0.94")
    axes.legend(loc="upper left", frameon=False)
    return figure


BEAM = (
    "Where the remaining error lies, over the successes and over all results: its parts along and across the beam, and"
    " the target registration error (TRE) in 3D. Boxes: quartiles and median; whiskers: 5th and 95th percentile."
)


def draw_beam(groups: Sequence[Group]) -> Figure:
    """Two panels: the successes, and everything that has a result."""
    quantities = (
        ("error_across_beam_mm", "across\nthe beam"), ("error_along_beam_mm", "along\nthe beam"), ("tre_mm", "TRE")
    )  # fmt: skip
    figure = new_figure(10, 4.6)
    panels = figure.subplots(1, 2, sharey=True)
    width = 0.8 / len(groups)
    for axes, title, only_successes in zip(panels, ("successes", "all results"), (True, False), strict=True):
        for index, group in enumerate(groups):
            chosen = group.success if only_successes else np.ones(len(group.rows), dtype=bool)
            values = [group.values(quantity)[chosen] for quantity, _ in quantities]
            boxes = axes.boxplot(
                [_on_log(column[np.isfinite(column)]) for column in values],
                positions=np.arange(len(quantities)) + (index - (len(groups) - 1) / 2) * width,
                widths=0.8 * width, whis=(5, 95), showfliers=False, patch_artist=True, manage_ticks=False,
                medianprops={"color": "black", "linewidth": 1.6},
            )  # fmt: skip
            for box in boxes["boxes"]:
                box.set(facecolor=_colour(index), alpha=0.65, hatch=("", "//", "..", "xx")[index % 4])
            boxes["boxes"][0].set_label(group.label)
        axes.set_xticks(range(len(quantities)), [name for _, name in quantities])
        axes.set_title(title, fontsize=11)
        axes.grid(axis="y", color="0.92")
        _log_axis(axes.yaxis, axes.set_yscale)
    panels[0].set_ylabel("error, mm")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(groups), 4), frameon=False)
    return figure


def _has_initializer(group: Group) -> bool:
    return group.initializer != NO_INITIALIZER


def new_figure(width_in: float, height_in: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _on_log(values: FloatArray) -> FloatArray:
    return np.maximum(values, FLOOR)


def _largest(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 1.0


def _by_start(group: Group) -> list[str]:
    """Patients, unknown starts last."""
    return [group.patients[index] for index in np.argsort(group.values("mpe_start_mm"), kind="stable")]


def _log_axis(axis: object, set_scale: Callable[[str], None]) -> None:
    """Logarithmic, with plain numbers at the ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    set_scale("log")
    axis.set_major_locator(FixedLocator(TICKS))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))  # type: ignore[attr-defined]
