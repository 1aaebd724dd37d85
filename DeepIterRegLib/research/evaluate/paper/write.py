"""What `deepiterreg evaluate figures` leaves to look at: figures, numbers.csv, figures.json and one HTML page."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.page_templates import filled
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.research.evaluate.confidence_intervals import LEVEL
from DeepIterRegLib.research.evaluate.page import Cell, Figure, Section, Table, settings_table
from DeepIterRegLib.research.evaluate.paper.beside import READER, Line, Number, lines_beside
from DeepIterRegLib.research.evaluate.paper.figures import Mirror, draw_mirrors
from DeepIterRegLib.research.evaluate.paper.findings import Findings
from DeepIterRegLib.research.evaluate.paper.published import PUBLISHED, Unit
from DeepIterRegLib.research.evaluate.result_log import full_disk_told
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, SUCCESS_MM

TEMPLATES = "DeepIterRegLib.research.evaluate"
PAGE_FILE, NUMBERS_FILE, JSON_FILE = "index.html", "numbers.csv", "figures.json"
FORMAT, VERSION = "deepiterreg-figures", 1
SOURCE = "Downs et al., Improving automatic cerebral 3D-2D CTA-DSA registration (IJCARS 20, 1451-1460, 2025)"
DIGITS: Mapping[Unit, int] = {"px": 1, "mm": 2, "%": 0, "times": 0, "p": 4}
"""Behind the point."""
NO_READER = (
    "Nobody has compared the overlays yet: give blind-test/blind_test.html to a reader, and the answers to the same"
    " command with --count FILE."
)
COLUMNS = ("place", "quantity", "of", "unit", "published", "method", "value", "low", "high", "count", "note")


def write_mirror(findings: Findings, folder: Path, notes: Mapping[str, str]) -> list[str]:
    """Write everything into `folder`; the names of the files, the page first.

    notes: by experiment, why it has no results. Raises InputError where the disk takes no more.
    """
    with full_disk_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        mirrors = draw_mirrors(findings, folder)
        lines = lines_beside(findings)
        texts = {
            PAGE_FILE: _page(findings, lines, mirrors, notes),
            NUMBERS_FILE: _numbers(lines),
            JSON_FILE: _json(findings, lines, mirrors, notes),
        }
        for name, text in texts.items():
            with whole_file(folder / name) as file:
                file.write(text.encode("utf-8"))
    return [*texts, *(path.name for path in mirrors.values())]


def _page(findings: Findings, lines: Sequence[Line], mirrors: Mapping[Mirror, Path], notes: Mapping[str, str]) -> str:
    places = dict.fromkeys(one.place for one in PUBLISHED)
    drawn = {mirror.name: (mirror, path) for mirror, path in mirrors.items()}
    sections = []
    for place in places:
        mirror, path = drawn.get(place.lower().replace(" ", "_"), (None, None))
        figures = [] if mirror is None or path is None else [_figure(mirror, path)]
        description = NO_READER if place == "Table 1" and findings.preferences is None else ""
        table = _table([line for line in lines if line.published.place == place])
        sections.append(Section(mirror.title if mirror else place, description, [table], figures))
    settings = {**findings.settings, **{f"no results of {name}": why for name, why in notes.items()}}
    return filled(
        TEMPLATES, "mirror_page.html", title="The paper's figures over another cohort", source=SOURCE,
        mm_per_px=MM_PER_PX, success_mm=SUCCESS_MM, level=LEVEL, sections=sections, settings=settings_table(settings),
    )  # fmt: skip


def _figure(mirror: Mirror, path: Path) -> Figure:
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Figure(mirror.title, mirror.caption, f"data:image/svg+xml;base64,{data}")


def _table(lines: Sequence[Line]) -> Table:
    methods = list(dict.fromkeys(method for line in lines for method in line.ours))
    rows: list[list[Cell | str | int]] = []
    for line in lines:
        one = line.published
        name = f"{one.quantity}, {one.of}" if one.of else one.quantity
        cells = [_cell(line.ours.get(method), one.unit) for method in methods]
        rows.append([f"{name}, {one.unit}", _shown(one.value, one.unit), *cells])
    heads = ["", "paper", *("this cohort" if method == READER else f"this cohort, {method}" for method in methods)]
    return Table("", heads, rows)


def _cell(number: Number | None, unit: Unit) -> Cell:
    if number is None:
        return Cell("–")
    if number.value is None:
        return Cell(number.text or "–")
    interval = (
        ""
        if number.low is None or number.high is None
        else f"({_shown(number.low, unit)} to {_shown(number.high, unit)})"
    )
    return Cell(_shown(number.value, unit), interval)


def _shown(value: float, unit: Unit) -> str:
    return f"{value:.{DIGITS[unit]}f}" if value == value and abs(value) != float("inf") else "beyond"


def _numbers(lines: Sequence[Line]) -> str:
    """One row for each published number and method; a number that nobody has here is a row too."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        one = line.published
        for method, number in (line.ours or {"": Number(None)}).items():
            found = (number.value, number.low, number.high)
            writer.writerow([
                one.place, one.quantity, one.of, one.unit, f"{one.value:g}", method,
                *("" if value is None else f"{value:.4g}" for value in found),
                "" if number.count is None else number.count, number.text,
            ])  # fmt: skip
    return text.getvalue()


def _json(findings: Findings, lines: Sequence[Line], mirrors: Mapping[Mirror, Path], notes: Mapping[str, str]) -> str:
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "source": SOURCE,
        "settings": findings.settings,
        "not_done": [{"experiment": name, "reason": why} for name, why in notes.items()],
        "figures": [{"title": mirror.title, "file": path.name} for mirror, path in mirrors.items()],
        "numbers": [
            {
                "place": line.published.place,
                "quantity": line.published.quantity,
                "of": line.published.of,
                "unit": line.published.unit,
                "published": line.published.value,
                "ours": [
                    {
                        "method": method, "value": _finite(of.value), "low": _finite(of.low), "high": _finite(of.high),
                        "count": of.count, "note": of.text,
                    }
                    for method, of in line.ours.items()
                ],
            }
            for line in lines
        ],
        "table_1": None if findings.preferences is None else findings.preferences.to_json(),
    }  # fmt: skip
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
