"""The results of experiments as one HTML page that needs no other file: tables, plots, settings, failures."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from DeepIterRegLib.research.evaluate.results import NO_INITIALIZER, Row

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem; background: #fff; color: #1a1a1a;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem;
  border-bottom: 2px solid #0072b2; padding-bottom: .2rem; } h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: .4rem 0 1rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #444; padding: .3rem 0; }
th, td { padding: .25rem .7rem; text-align: right; vertical-align: top; white-space: nowrap; }
tr { border-bottom: 1px solid #dedede; } tbody { border-bottom: 1px solid #888; }
th:first-child, td:first-child, td.text { text-align: left; } td.text, thead th { white-space: normal; }
thead th { vertical-align: bottom; border-bottom: 2px solid #555; } td small { color: #555; display: block; }
figure { margin: 1rem 0; max-width: 58rem; } figure img { max-width: 100%; height: auto; border: 1px solid #e3e3e3; }
figcaption, .note { color: #444; font-size: .9rem; max-width: 60rem; }
a { color: #005a8f; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } figure, tr { break-inside: avoid; }
  h2 { break-before: page; } h2:first-of-type { break-before: auto; } .scroll { overflow: visible; } }
"""
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
    "initializer": "The initializer alone, without refinement: how near it brings the head.",
}
"""What each is, and what the paper found."""
SHOWN_FAILURES = 200
INTERVAL = re.compile(r"(\([^()]+ to [^()]+\))$")


def html_page(
    title: str, rows: Sequence[Row], summary: Mapping[str, Any], plots: Mapping[Path, str], settings: Mapping[str, Any]
) -> str:
    """The page as text, to be written as UTF-8.

    summary: `summarise(rows)`. plots: PNG files and their captions; a name that begins with an experiment's stands with
    it. settings: options and versions, values of any kind; nested mappings become nested names.
    """
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="note">{_conventions(summary)}</p>']
    experiments = summary["experiments"]
    for experiment in experiments:
        name = str(experiment["experiment"])
        parts.append(f"<h2>{escape(name)}</h2>")
        if name in EXPERIMENTS:
            parts.append(f'<p class="note">{escape(EXPERIMENTS[name])}</p>')
        parts += [_success_table(experiment), _initializer_tables(experiment)]
        parts += [_error_table(experiment), _capture_table(experiment)]
        parts += [_comparison_table(experiment)]
        parts += [_figure(path, caption) for path, caption in plots.items() if path.name.startswith(f"{name}_")]
    shown = [f"{experiment['experiment']}_" for experiment in experiments]
    others = {path: caption for path, caption in plots.items() if not path.name.startswith(tuple(shown))}
    parts += [_figure(path, caption) for path, caption in others.items()]
    parts += ["<h2>Failures</h2>", _failures(rows), "<h2>Settings and versions</h2>", _settings(settings)]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def _conventions(summary: Mapping[str, Any]) -> str:
    level = round(100 * summary["confidence_level"])
    return escape(
        f"A registration succeeds when its mean projection error (MPE: mean detector distance of the eight corners of a"
        f" cube in the head) is below {summary['success_mm']:g} mm on the detector; one without a result has failed."
        f" px are the paper's, {summary['mm_per_px']:g} mm on the detector. In brackets: {level} % confidence"
        f" intervals (rates: Wilson, others: bootstrap over patients, seed {summary['bootstrap_seed']})."
    )


def _success_table(experiment: Mapping[str, Any]) -> str:
    rows = []
    for method in experiment["methods"]:
        rate = method["success_rate"]
        interval = _interval(rate, "{:.0f}", 100)
        rows.append([
            method["label"],
            method["patients"],
            method["registrations"],
            method["successes"],
            f"{100 * rate['value']:.0f} %{interval}",
            method["failures"]["no_result"],
            _value(method["errors"]["seconds"]["all"]["median"]["value"], "{:.2f}"),
        ])  # fmt: skip
    heads = ["method", "patients", "registrations", "successes", "success rate", "without result", "median s"]
    return _table("Success", heads, rows)


def _error_table(experiment: Mapping[str, Any]) -> str:
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
            cells = [name]
            for subset in ("all", "successes"):
                statistics = method["errors"][quantity][subset]
                cells += [
                    _value(statistics["mean"]["value"]) + _interval(statistics["mean"]),
                    _value(statistics["median"]["value"]) + _interval(statistics["median"]),
                    _value(statistics["percentile95"]),
                ]
            rows.append(cells)
        with_result = method["registrations"] - method["failures"]["no_result"]
        caption = (
            f"{method['label']}: errors over all registrations (after: those {with_result} with a result), and over"
            f" the {method['successes']} successes"
        )
        tables.append(_table(caption, heads, rows))
    return "\n".join(tables)


def _initializer_tables(experiment: Mapping[str, Any]) -> str:
    """Error after the initializer alone, over all and by the error before; nothing where nobody had one."""
    found = [(method["label"], method["initialized"]) for method in experiment["methods"] if method["initialized"]]
    if not found:
        return ""
    near = [f"below {one['below_px']:g} px" for one in found[0][1]["near"]]
    rows = [
        [
            label,
            of["count"],
            *(_value(of[name]["value"]) + _interval(of[name]) for name in ("median", "mean", "percentile95")),
            *(f"{100 * one['value']:.0f} %{_interval(one, '{:.0f}', 100)}" for one in of["near"]),
        ]
        for label, of in found
    ]
    heads = ["method", "registrations", "median, px", "mean, px", "95th percentile, px", *near]
    tables = [_table("MPE after the initializer alone (without a result: infinite)", heads, rows)]
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
        tables.append(_table(f"{label}: MPE after the initializer by MPE before, ten bins of equal count", heads, rows))
    return "\n".join(tables)


def _capture_table(experiment: Mapping[str, Any]) -> str:
    rows = []
    for method in experiment["methods"]:
        cells = [method["label"]]
        for unit in ("px", "mm"):
            found = method["capture_range"][unit]
            cells.append("" if found is None else _capture(found, unit))
        if any(cells[1:]):
            rows.append(cells)
    caption = (
        "Capture range: initial MPE at which the median final MPE of ten bins of equal count first leaves 5, linear"
        " between the centres (median initial MPE) of the bins"
    )
    return _table(caption, ["method", "median leaves 5 px", "median leaves 5 mm"], rows)


def _capture(found: Mapping[str, Any], unit: str) -> str:
    beyond = f"> {_value(found['tried_up_to'], '{:.0f}')} {unit}"
    value = beyond if found["value"] is None else f"{found['value']:.1f} {unit}"
    if found["low"] is None and found["high"] is None:
        return value
    low, high = (beyond if end is None else f"{end:.1f}" for end in (found["low"], found["high"]))
    return f"{value} ({low} to {high})"


def _comparison_table(experiment: Mapping[str, Any]) -> str:
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
    return _table(caption, heads, rows)


def _failures(rows: Sequence[Row]) -> str:
    failed = [row for row in rows if not row.success]
    if not failed:
        return "<p>None.</p>"
    cells = [
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
    return _table(caption, heads, cells, text_columns={6})


def _settings(settings: Mapping[str, Any]) -> str:
    def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from flat(value, f"{prefix}{name}: ")
            elif isinstance(value, (list, tuple)):
                yield f"{prefix}{name}", ", ".join(map(str, value))
            else:
                yield f"{prefix}{name}", str(value)

    return _table("", ["setting", "value"], [list(pair) for pair in flat(settings)], text_columns={1})


def _figure(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    alt = f"Plot {path.stem.replace('_', ' ')}. {caption}"
    return (
        f'<figure><img alt="{escape(alt)}" src="data:image/png;base64,{data}"><figcaption>{escape(caption)}'
        "</figcaption></figure>"
    )


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Any]], text_columns: Iterable[int] = ()) -> str:
    """Escapes every cell, whose interval in brackets gets a line of its own; nothing where there are no rows."""
    if not rows:
        return ""
    text = set(text_columns)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    lines = []
    for row in rows:
        first, *rest = (INTERVAL.sub(r"<small>\1</small>", escape(str(cell))) for cell in row)
        cells = [
            f'<td class="text">{cell}</td>' if column in text else f"<td>{cell}</td>"
            for column, cell in enumerate(rest, start=1)
        ]
        lines.append(f'<tr><th scope="row">{first}</th>{"".join(cells)}</tr>')
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table>{named}<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )


def _interval(estimate: Mapping[str, Any], form: str = "{:.1f}", scale: float = 1.0) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return ""
    return f" ({form.format(scale * estimate['low'])} to {form.format(scale * estimate['high'])})"


def _value(value: float | None, form: str = "{:.2f}") -> str:
    return "–" if value is None or value != value else form.format(value)


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.4f}"
