"""The results of experiments as one HTML page that needs no other file: tables, plots, settings, failures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.page_templates import filled
from DeepIterRegLib.research.evaluate.results import NO_INITIALIZER, Row

EXPERIMENTS = {
    "optimizer-only": "All patients from the radiological pose, without initializer (paper, Figures 6 and 7; 39 % of"
    " 94 patients below 5).",
    "testset": "Lateral runs from the radiological pose, with and without initializer (paper, Figure 9; 55 % and 70 %"
    " of 20 patients).",
    "capture-range": "Many perturbed starts: the initial error up to which the median final error stays below 5 (paper,"
    " Figure 8; 20 px without and 40 px with initializer).",
    "minip": "Two stages against three, the third on the minimum projection (paper: 2.13 and 2.08 mm on the"
    " successes).",
    "blind-test": "Which overlay does a reader prefer (paper, Table 1)?",
    "similarity": "The published method driven by each of the six similarities that Hipwell et al. (2003) compare, from"
    " the same perturbed starts.",
    "initializer": "The initializer alone, without refinement: how near it brings the head.",
}
"""What each is, and what the paper found."""
SHOWN_FAILURES = 200


@dataclass(frozen=True)
class Cell:
    """Of a table."""

    text: str
    interval: str = ""
    """Its confidence interval, in brackets: on a line of its own."""


@dataclass(frozen=True)
class Table:
    """As the template draws it."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell | str | int]]
    text_column: int | None = None
    """Number of a column of prose, from 0."""


@dataclass(frozen=True)
class Figure:
    """A plot, in the page itself."""

    name: str
    caption: str
    url: str


@dataclass(frozen=True)
class Section:
    """One experiment."""

    name: str
    description: str
    tables: Sequence[Table]
    figures: Sequence[Figure]


def html_page(
    title: str, rows: Sequence[Row], summary: Mapping[str, Any], plots: Mapping[Path, str], settings: Mapping[str, Any]
) -> str:
    """The page as text, to be written as UTF-8.

    summary: `summarise(rows)`. plots: PNG files and their captions; a name that begins with an experiment's stands with
    it. settings: options and versions, values of any kind; nested mappings become nested names.
    """
    names = [str(experiment["experiment"]) for experiment in summary["experiments"]]
    own = tuple(f"{name}_" for name in names)
    return filled(
        "DeepIterRegLib.research.evaluate",
        "results_page.html",
        title=title,
        summary=summary,
        observers=_observers(summary),
        sections=[_section(experiment, plots) for experiment in summary["experiments"]],
        other_figures=[_figure(path, caption) for path, caption in plots.items() if not path.name.startswith(own)],
        failures=_failures(rows),
        settings=settings_table(settings),
    )


def _section(experiment: Mapping[str, Any], plots: Mapping[Path, str]) -> Section:
    name = str(experiment["experiment"])
    tables = [
        _success_table(experiment), *_initializer_tables(experiment), *_error_tables(experiment),
        _capture_table(experiment), _comparison_table(experiment),
    ]  # fmt: skip
    figures = [_figure(path, caption) for path, caption in plots.items() if path.name.startswith(f"{name}_")]
    return Section(name, EXPERIMENTS.get(name, ""), [table for table in tables if table.rows], figures)


def _success_table(experiment: Mapping[str, Any]) -> Table:
    rows = []
    for method in experiment["methods"]:
        rate = method["success_rate"]
        rows.append([
            method["label"],
            method["patients"],
            method["registrations"],
            method["successes"],
            Cell(f"{100 * rate['value']:.0f} %", _interval(rate, "{:.0f}", 100)),
            method["failures"]["no_result"],
            _value(method["errors"]["seconds"]["all"]["median"]["value"], "{:.2f}"),
        ])  # fmt: skip
    heads = ["method", "patients", "registrations", "successes", "success rate", "without result", "median s"]
    return Table("Success", heads, rows)


def _error_tables(experiment: Mapping[str, Any]) -> list[Table]:
    quantities = (
        ("mpe_start_px", "MPE before, px"), ("mpe_start_mm", "MPE before, mm"),
        ("mpe_initialized_px", "MPE initialized, px"),
        ("mpe_final_px", "MPE after, px"), ("mpe_final_mm", "MPE after, mm"), ("tre_mm", "TRE, mm"),
        ("error_along_beam_mm", "along the beam, mm"), ("error_across_beam_mm", "across the beam, mm"),
    )  # fmt: skip
    heads = ["", *(f"{name}, {of}" for of in ("all", "successes") for name in ("mean", "median", "95th percentile"))]
    tables = []
    for method in experiment["methods"]:
        rows = []
        for quantity, name in quantities:
            if quantity == "mpe_initialized_px" and method["initializer"] == NO_INITIALIZER:
                continue
            cells: list[Cell | str] = [name]
            for subset in ("all", "successes"):
                statistics = method["errors"][quantity][subset]
                cells += [
                    _estimate(statistics["mean"]),
                    _estimate(statistics["median"]),
                    _value(statistics["percentile95"]),
                ]
            rows.append(cells)
        with_result = method["registrations"] - method["failures"]["no_result"]
        caption = (
            f"{method['label']}: errors over all registrations (after: those {with_result} with a result), and over"
            f" the {method['successes']} successes"
        )
        tables.append(Table(caption, heads, rows))
    return tables


def _initializer_tables(experiment: Mapping[str, Any]) -> list[Table]:
    """Error after the initializer alone, over all and by the error before; nothing where nobody had one."""
    found = [(method["label"], method["initialized"]) for method in experiment["methods"] if method["initialized"]]
    if not found:
        return []
    near = [f"below {one['below_px']:g} px" for one in found[0][1]["near"]]
    rows = [
        [
            label,
            of["count"],
            *(_estimate(of[name]) for name in ("median", "mean", "percentile95")),
            *(Cell(f"{100 * one['value']:.0f} %", _interval(one, "{:.0f}", 100)) for one in of["near"]),
        ]
        for label, of in found
    ]
    heads = ["method", "registrations", "median, px", "mean, px", "95th percentile, px", *near]
    tables = [Table("MPE after the initializer alone (without a result: infinite)", heads, rows)]
    for label, of in found:
        rows = [
            [
                f"{part['start_from']:.0f} to {part['start_to']:.0f}",
                part["count"],
                *(_value(part[name], "{:.1f}") for name in ("start", "median", "mean", "percentile95")),
                *(f"{100 * share:.0f} %" for share in part["near"]),
            ]
            for part in of["bins"]
        ]
        heads = [
            "MPE before, px", "registrations", "median before", "median after", "mean after", "95th percentile after",
            *near,
        ]  # fmt: skip
        tables.append(Table(f"{label}: MPE after the initializer by MPE before, ten bins of equal count", heads, rows))
    return tables


def _capture_table(experiment: Mapping[str, Any]) -> Table:
    rows = []
    for method in experiment["methods"]:
        cells: list[Cell | str] = [method["label"]]
        for unit in ("px", "mm"):
            found = method["capture_range"][unit]
            cells.append("" if found is None else _capture(found, unit))
        if any(cells[1:]):
            rows.append(cells)
    caption = (
        "Capture range: initial MPE at which the median final MPE of ten bins of equal count first leaves 5, linear"
        " between the centres (median initial MPE) of the bins"
    )
    return Table(caption, ["method", "median leaves 5 px", "median leaves 5 mm"], rows)


def _capture(found: Mapping[str, Any], unit: str) -> Cell:
    beyond = f"> {_value(found['tried_up_to'], '{:.0f}')} {unit}"
    value = beyond if found["value"] is None else f"{found['value']:.1f} {unit}"
    if found["low"] is None and found["high"] is None:
        return Cell(value)
    low, high = (beyond if end is None else f"{end:.1f}" for end in (found["low"], found["high"]))
    return Cell(value, f"({low} to {high})")


def _comparison_table(experiment: Mapping[str, Any]) -> Table:
    rows = []
    for pair in experiment["comparisons"]:
        success, wilcoxon = pair["success"], pair["wilcoxon"]
        rows.append([
            f"{pair['second']} against {pair['first']}",
            pair["patients"],
            _value(wilcoxon["median_difference_mm"], "{:+.2f}"),
            _p(wilcoxon["p"]),
            success["only_second"],
            success["only_first"],
            _p(success["mcnemar_p"]),
        ])  # fmt: skip
    heads = [
        "comparison", "patients", "median change of final MPE, mm", "p (Wilcoxon)", "only the first succeeds",
        "only the other succeeds", "p (McNemar)",
    ]  # fmt: skip
    caption = (
        "Methods on the same registrations: Wilcoxon's signed-rank test of the final MPE (of several starts of a"
        " patient the median), McNemar's exact test of success; not corrected for the number of comparisons"
    )
    return Table(caption, heads, rows)


def _observers(summary: Mapping[str, Any]) -> Table | None:
    """Two readers beside the methods; None where no patient has two references."""
    found = summary.get("observers")
    if not found:
        return None

    def cells(statistics: Mapping[str, Any]) -> list[Cell | str]:
        return [_estimate(statistics["mean"]), _estimate(statistics["median"]), _value(statistics["percentile95"])]

    rows: list[list[Cell | str | int]] = [["second reader", found["patients"], *cells(found["mpe_mm"]), *4 * ["–"]]]
    rows += [
        [
            of["label"],
            of["patients"],
            *cells(of["mpe_first_mm"]),
            _estimate(of["mpe_second_mm"]["mean"]),
            _estimate(of["mpe_second_mm"]["median"]),
            _value(of["wilcoxon"]["median_difference_mm"], "{:+.2f}"),
            _p(of["wilcoxon"]["p"]),
        ]
        for of in found["methods"]
    ]
    caption = (
        "MPE, mm, on the patients whom two readers registered by hand: the second reader and each method against the"
        " first reader; the methods against the second; and the methods' MPE against the first reader minus that of the"
        " second, by Wilcoxon's signed-rank test. Of several starts of a patient the median counts; one without a"
        " result does not"
    )
    heads = [
        "", "patients", "mean", "median", "95th percentile", "mean to the second", "median to the second",
        "median difference", "p (Wilcoxon)",
    ]  # fmt: skip
    return Table(caption, heads, rows)


def _failures(rows: Sequence[Row]) -> Table:
    failed = [row for row in rows if not row.success]
    cells: list[list[Cell | str | int]] = [
        [
            row.patient,
            row.experiment,
            row.method if row.initializer == NO_INITIALIZER else f"{row.method} + {row.initializer}",
            row.start,
            _value(row.mpe_start_px),
            _value(row.mpe_final_px),
            row.error or "not accurate",
        ]
        for row in sorted(failed, key=lambda row: not row.error)[:SHOWN_FAILURES]
    ]
    more = f"; the first {SHOWN_FAILURES} of them" if len(failed) > SHOWN_FAILURES else ""
    caption = f"{len(failed)} of {len(rows)} registrations{more}, those without a result first"
    heads = ["patient", "experiment", "method", "start", "MPE before, px", "MPE after, px", "what happened"]
    return Table(caption, heads, cells, text_column=6)


def settings_table(settings: Mapping[str, Any]) -> Table:
    """Settings and versions, nested names joined."""

    def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from flat(value, f"{prefix}{name}: ")
            elif isinstance(value, (list, tuple)):
                yield f"{prefix}{name}", ", ".join(map(str, value))
            else:
                yield f"{prefix}{name}", str(value)

    return Table("", ["setting", "value"], list(flat(settings)), text_column=1)


def _figure(path: Path, caption: str) -> Figure:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Figure(path.stem.replace("_", " "), caption, f"data:image/png;base64,{data}")


def _estimate(estimate: Mapping[str, Any]) -> Cell:
    return Cell(_value(estimate["value"]), _interval(estimate))


def _interval(estimate: Mapping[str, Any], form: str = "{:.1f}", scale: float = 1.0) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    return f"({form.format(scale * estimate['low'])} to {form.format(scale * estimate['high'])})"


def _value(value: float | None, form: str = "{:.2f}") -> str:
    return "–" if value is None or value != value else form.format(value)


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.4f}"
