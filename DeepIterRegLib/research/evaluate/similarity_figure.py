"""Hipwell's comparison as a figure: success, capture range and accuracy of each similarity, as vector graphics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.evaluate.capture_range import THRESHOLD, median_curve
from DeepIterRegLib.research.evaluate.plots import COLOURS, DASHES, MARKERS
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.similarity_table import Measured, after_masks
from DeepIterRegLib.research.evaluate.statistics import Group, groups_of

SHARE_BINS = 8
"""Of the initial error, for the share of successes: as many starts in each."""
TOP_PX = 60.0
"""Medians above are drawn at it."""


def draw_comparison(rows: Sequence[Row], table: Sequence[Measured], path: Path) -> None:
    """Write the figure, SVG by the file's suffix or any other that matplotlib knows. Raises OSError.

    rows: of `table`'s similarities, in its order. Two rows of panels: after the first stage, after the whole method.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7.6), layout="constrained")
    panels = figure.subplots(2, 3, sharex="col", sharey="col")
    stages = (("first stage", [after_masks(row) for row in rows]), ("whole method", list(rows)))
    for (word, some), (share, median, accuracy) in zip(stages, panels, strict=True):
        for index, (group, line) in enumerate(zip(groups_of(some), table, strict=True)):
            look = {"color": COLOURS[index % len(COLOURS)], "linestyle": DASHES[index % len(DASHES)]}
            marked = look | {"marker": MARKERS[index % len(MARKERS)], "markersize": 4.5}
            label = line.similarity.replace("_", " ")
            starts, final = _known(group)
            share.plot(*share_of_successes(starts, group.success[np.isfinite(group.values("mpe_start_px"))]), **marked)
            curve = median_curve(starts, final)
            median.plot(curve.initial, np.minimum(curve.final, TOP_PX), label=label, **marked)
            _cumulate(accuracy, group.values("mpe_final_mm"), look)
        share.set(ylim=(-2, 102), ylabel=f"{word}:\nsuccesses, %")
        median.axhline(THRESHOLD, color="black", linewidth=1, linestyle="--")
        median.set(ylim=(0, TOP_PX), ylabel="median final MPE, px")
        accuracy.set(ylim=(0, 101), xlim=(0, THRESHOLD), ylabel="registrations with at most this, %")
        for axes in (share, median, accuracy):
            axes.grid(color="0.93")
    for axes, name in zip(panels[-1], ("initial MPE, px", "initial MPE, px", "final MPE, mm"), strict=True):
        axes.set_xlabel(name)
    handles, labels = panels[0][1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    # The same rows give the same file.
    with mpl.rc_context({"svg.hashsalt": "similarity"}):
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def share_of_successes(starts: FloatArray, success: BoolArray, bins: int = SHARE_BINS) -> tuple[FloatArray, FloatArray]:
    """Median start and successes in %, of bins of equal count by (N,) starts."""
    parts = [part for part in np.array_split(np.argsort(starts, kind="stable"), bins) if part.size]
    return np.array([np.median(starts[part]) for part in parts]), np.array(
        [100 * success[part].mean() for part in parts]
    )


def _known(group: Group) -> tuple[FloatArray, FloatArray]:
    """Starts and results, px, of those whose start is known; infinite without a result."""
    starts, final = group.values("mpe_start_px"), group.values("mpe_final_px")
    known = np.isfinite(starts)
    return starts[known], np.where(np.isnan(final), np.inf, final)[known]


def _cumulate(axes: object, final_mm: FloatArray, look: Mapping[str, object]) -> None:
    known = np.sort(final_mm[np.isfinite(final_mm)])
    share = 100 * np.arange(len(known) + 1) / len(final_mm)
    axes.step(np.r_[0.0, known], share, where="post", linewidth=1.8, **look)  # type: ignore[attr-defined]
