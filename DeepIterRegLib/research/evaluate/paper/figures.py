"""The paper's Figures 6 to 9 over another cohort, with the published numbers drawn in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.evaluate.capture_range import THRESHOLD, median_curve
from DeepIterRegLib.research.evaluate.paper.findings import CAPTURE_RANGE, OPTIMIZER_ONLY, TESTSET, Findings
from DeepIterRegLib.research.evaluate.paper.published import Of, published
from DeepIterRegLib.research.evaluate.plots import COLOURS, GREY, new_figure
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, SUCCESS_MM
from DeepIterRegLib.research.evaluate.statistics import MIN_STARTS_FOR_RANGE, Group, capture_range_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "pdf")
FAINT, PAPER = "0.8", "black"
"""The paper's numbers are black and dashed in all figures."""
WITHOUT, WITH = COLOURS[0], COLOURS[1]
"""Blue as in the paper's Figure 9, and its opposite."""
FARTHEST_SHOWN = 1.6
"""Of the largest error before: results farther off are triangles at the upper edge."""
LEAST_SHOWN_PX = 10.0
MAX_NAMED_PATIENTS = 30
LEGEND: dict[str, Any] = {"frameon": True, "edgecolor": "none", "framealpha": 0.85}
"""Lines go on behind it."""
SEED = "deepiterreg"
"""Of the names inside an SVG file: equal results give equal files."""


@dataclass(frozen=True)
class Mirror:
    """A figure of the paper, drawn over this cohort."""

    name: str
    """Of its files, without ending."""
    title: str
    caption: str


@dataclass(frozen=True, eq=False)
class _Pair:
    """A method without and with the initializer; None: it did not run so."""

    method: str
    without: Group | None
    with_it: Group | None

    @property
    def groups(self) -> list[tuple[Group, str, Of]]:
        pairs: tuple[tuple[Group | None, str, Of], ...] = (
            (self.without, WITHOUT, "without initializer"), (self.with_it, WITH, "with initializer")
        )  # fmt: skip
        return [(group, colour, of) for group, colour, of in pairs if group is not None]


def draw_mirrors(findings: Findings, folder: Path) -> dict[Mirror, Path]:
    """Write the figures that these findings can fill as SVG and PDF; which, and their SVG files. Raises OSError."""
    from matplotlib import rc_context

    written = {}
    for mirror, experiment, draw in MIRRORS:
        pairs = [
            pair
            for method in findings.methods
            if (pair := _pair(findings, experiment, method)).groups
            and (experiment != OPTIMIZER_ONLY or pair.without is not None)
        ]
        if not pairs:
            continue
        with rc_context({"svg.hashsalt": SEED, "svg.fonttype": "path", "pdf.fonttype": 42}):
            figure = draw(pairs)
            for ending in FORMATS:
                made = {"Date": None} if ending == "svg" else {"CreationDate": None}
                figure.savefig(folder / f"{mirror.name}.{ending}", format=ending, metadata=made)
        written[mirror] = folder / f"{mirror.name}.svg"
    return written


def _pair(findings: Findings, experiment: str, method: str) -> _Pair:
    return _Pair(method, findings.group(experiment, method, False), findings.group(experiment, method, True))


def _draw_figure_6(pairs: Sequence[_Pair]) -> Figure:
    figure = new_figure(10, 0.9 + 2.9 * len(pairs))
    panels = figure.subplots(len(pairs), 2, sharey="row", width_ratios=(5, 1), squeeze=False)
    for (axes, means), pair in zip(panels, pairs, strict=True):
        group = _without(pair)
        order = np.argsort(group.values("mpe_start_px"), kind="stable")
        before, after = (group.values(f"mpe_{when}_px")[order] for when in ("start", "final"))
        top, x = _top([group]), np.arange(len(before))
        shown, off = _within(after, top)
        axes.vlines(x, before, shown, color=FAINT, linewidth=1, zorder=1)
        axes.plot(x, before, "o", markerfacecolor="white", color=GREY, markersize=4.5, label="before", zorder=2)
        axes.plot(x[~off], shown[~off], "o", color=WITHOUT, markersize=4.5, label="after", zorder=3)
        _draw_off(axes, x[off], top, WITHOUT)
        axes.axhline(THRESHOLD, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axes.set(xlim=(-0.8, len(x) - 0.2), ylim=(0, top), ylabel="MPE, px")
        (before_px, after_px), (paper_before, paper_after) = _means(group), _published_means()
        axes.set_title(
            f"{pair.method}, {len(x)} patients: mean {before_px:.0f} → {after_px:.0f} px (paper {paper_before:.0f} →"
            f" {paper_after:.0f} px)", loc="left", fontsize=10,
        )  # fmt: skip
        if len(x) <= MAX_NAMED_PATIENTS:
            axes.set_xticks(x, [group.patients[index] for index in order], rotation=90 if len(x) > 6 else 0, fontsize=8)
        else:
            axes.set_xlabel("patients, by error before")
        _draw_means(means, group, pair is pairs[0])
    panels[0, 0].legend(loc="upper left", frameon=False, ncols=3)
    return figure


def _draw_means(axes: Axes, group: Group, explained: bool) -> None:
    """Mean MPE before and after, the paper's beside ours."""
    axes.plot([0, 1], _published_means(), "--s", color=PAPER, markersize=5, label="paper, 94 patients")
    axes.plot([0, 1], _means(group), "-o", color=WITHOUT, markersize=6, label="this cohort")
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_xlim(-0.4, 1.4)
    axes.set_title("mean", loc="left", fontsize=11)
    if explained:
        axes.legend(loc="upper right", frameon=False, fontsize=8, bbox_to_anchor=(1.05, 1))


def _means(group: Group) -> tuple[float, float]:
    """Mean MPE before and after, px, of those that have a result."""
    before, after = (_mean(group.values(f"mpe_{when}_px")) for when in ("start", "final"))
    return before, after


def _published_means() -> tuple[float, float]:
    return (
        published("Figure 6", "mean MPE before", "without initializer", "px"),
        published("Figure 6", "mean MPE after", "without initializer", "px"),
    )


def _draw_figure_7(pairs: Sequence[_Pair]) -> Figure:
    figure, panels = _panels(len(pairs))
    for axes, pair in zip(panels, pairs, strict=True):
        group = _without(pair)
        start, final = group.values("mpe_start_px"), group.values("mpe_final_px")
        top = _top([group])
        _draw_scatter(axes, start, final, top, WITHOUT, "registration")
        if np.isfinite(start).sum() >= MIN_STARTS_FOR_RANGE:
            curve = median_curve(start[np.isfinite(start)], final[np.isfinite(start)])
            axes.plot(
                curve.initial, np.minimum(curve.final, top), "-o", color=GREY, markersize=4, linewidth=1.6,
                label="median of ten bins",
            )  # fmt: skip
        at = published("Figure 7", "capture range", "without initializer", "px")
        axes.axvline(at, color=PAPER, linewidth=1, linestyle="--", label=f"paper: median diverges at {at:.0f} px")
        share = 100 * group.success.mean()
        paper = published("Figure 7", "successes", "without initializer", "%")
        _finish(axes, f"{pair.method}: {share:.0f} % succeed (paper {paper:.0f} %)", top, start)
    panels[0].legend(loc="upper left", fontsize=8, **LEGEND)
    panels[0].set_ylabel("MPE after, px")
    return figure


def _draw_figure_8(pairs: Sequence[_Pair]) -> Figure:
    figure, panels = _panels(len(pairs))
    for axes, pair in zip(panels, pairs, strict=True):
        farthest = max(_largest(group.values("mpe_start_px")) for group, _, _ in pair.groups)
        top = max(farthest, LEAST_SHOWN_PX)
        for group, colour, of in pair.groups:
            found = capture_range_of(group, "px")
            paper = published("Figure 8", "capture range", of, "px")
            axes.axvline(paper, color=colour, linewidth=1.2, linestyle="--", label=f"paper, {of}: {paper:.0f} px")
            if found is None:
                few = f"this cohort, {of}: too few starts for medians"
                _draw_scatter(axes, group.values("mpe_start_px"), group.values("mpe_final_px"), top, colour, few)
                continue
            curve = found.curve
            value = f"> {curve.initial[-1]:.0f}" if found.value is None else f"{found.value:.0f}"
            low, high = (np.nan_to_num(np.minimum(end, 2 * top)) for end in (found.final_low, found.final_high))
            axes.fill_between(curve.initial, low, high, color=colour, alpha=0.13, linewidth=0)
            axes.plot(
                curve.initial, np.minimum(curve.final, 2 * top), "-o", color=colour, markersize=4.5,
                label=f"this cohort, {of}: {value} px",
            )  # fmt: skip
        _finish(axes, pair.method, top, np.array([farthest]))
        axes.legend(loc="upper left", fontsize=8, **LEGEND)
    panels[0].set_ylabel("median MPE after, px")
    return figure


def _draw_figure_9(pairs: Sequence[_Pair]) -> Figure:
    figure, panels = _panels(len(pairs))
    for axes, pair in zip(panels, pairs, strict=True):
        top = _top([group for group, _, _ in pair.groups])
        told = []
        for group, colour, of in pair.groups:
            start, final = group.values("mpe_start_px"), group.values("mpe_final_px")
            if of == "with initializer":
                moved = group.values("mpe_initialized_px")
                height, _ = _within(final, top)
                axes.hlines(height, start, moved, color=colour, linewidth=0.9, linestyle=":", zorder=1)
                start = moved
            _draw_scatter(axes, start, final, top, colour, of)
            paper = published("Figure 9", "successes", of, "%")
            told.append(f"{of}: {100 * group.success.mean():.0f} % succeed (paper {paper:.0f} %)")
            at = published("Figure 9", "mean MPE after", of, "px")
            axes.axhline(at, color=colour, linewidth=1, linestyle="--", label=f"paper, mean after: {at:.0f} px")
        starts = np.concatenate([group.values(name) for group, _, _ in pair.groups for name in STARTS])
        _finish(axes, "\n".join([pair.method, *told]), top, starts, SUCCESS_MM / MM_PER_PX)
        axes.set_xlabel("MPE before refinement, px")
    panels[0].legend(loc="upper left", fontsize=8, **LEGEND)
    panels[0].set_ylabel("MPE after, px")
    return figure


STARTS = ("mpe_start_px", "mpe_initialized_px")

MIRRORS: tuple[tuple[Mirror, str, Callable[[Sequence[_Pair]], Figure]], ...] = (
    (
        Mirror(
            "figure_6", "Figure 6: MPE for all patients",
            "MPE of every patient before (open) and after registration without initializer, ordered by the error"
            " before. Right: the means, the paper's dashed. Triangles: farther off, or no result. Dotted: 5 px.",
        ),
        OPTIMIZER_ONLY,
        _draw_figure_6,
    ),
    (
        Mirror(
            "figure_7", "Figure 7: MPE before versus after registration, optimizer only",
            "One point for each patient, and of 50 patients or more the medians of ten bins of equal count. Dashed:"
            " where the paper's median diverges. Dotted: 5 px. Triangles: farther off, or no result.",
        ),
        OPTIMIZER_ONLY,
        _draw_figure_7,
    ),
    (
        Mirror(
            "figure_8", "Figure 8: capture range, optimizer only versus full pipeline",
            "Median MPE after registration from perturbed starts, in ten bins of equal count of the MPE before, with"
            " the 95 % band of a bootstrap over patients; of fewer than 50 starts the starts themselves. Dashed: the"
            " paper's capture ranges. Dotted: 5 px.",
        ),
        CAPTURE_RANGE,
        _draw_figure_8,
    ),
    (
        Mirror(
            "figure_9", "Figure 9: optimizer only versus with initializer",
            "One point for each patient of the test set. Dotted lines show how the initializer changed the error before"
            " refinement; across: success, 5 mm. Dashed: the paper's means after registration. Triangles: farther"
            " off, or no result.",
        ),
        TESTSET,
        _draw_figure_9,
    ),
)  # fmt: skip


def _without(pair: _Pair) -> Group:
    assert pair.without is not None  # `draw_mirrors` takes no others
    return pair.without


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = new_figure(0.6 + 4.6 * count, 4.6)
    return figure, list(figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0])


def _draw_scatter(axes: Axes, start: FloatArray, final: FloatArray, top: float, colour: str, label: str) -> None:
    height, off = _within(final, top)
    axes.scatter(start[~off], height[~off], s=22, color=colour, alpha=0.75, linewidths=0, label=label, zorder=3)
    _draw_off(axes, start[off], top, colour)


def _draw_off(axes: Axes, x: FloatArray, top: float, colour: str) -> None:
    if len(x):  # without points, but not clipped, they would lie in the figure's corner, which spoils the layout
        axes.plot(x, np.full(len(x), top), "^", color=colour, markersize=6, clip_on=False, zorder=4)


def _finish(axes: Axes, title: str, top: float, starts: FloatArray, success_px: float = THRESHOLD) -> None:
    axes.plot([0, top], [0, top], color=FAINT, linewidth=1, zorder=0)
    axes.axhline(success_px, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
    axes.set(xlim=(0, 1.05 * max(_largest(starts), LEAST_SHOWN_PX)), ylim=(0, top), xlabel="MPE before, px")
    axes.set_title(title, loc="left", fontsize=9)


def _within(final: FloatArray, top: float) -> tuple[FloatArray, Any]:
    """(N,) what is drawn of an error, and whether it is farther off than that, or not there."""
    off = ~(final <= top)
    return np.where(off, top, final), off


def _top(groups: Sequence[Group]) -> float:
    return max(FARTHEST_SHOWN * max(_largest(group.values("mpe_start_px")) for group in groups), LEAST_SHOWN_PX)


def _largest(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0


def _mean(values: FloatArray) -> float:
    """Of those that have a result."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")
