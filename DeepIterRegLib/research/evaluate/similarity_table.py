"""Hipwell's comparison as a table: what each similarity makes of the same starts, as CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from DeepIterRegLib.research.evaluate.methods import published_with
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, SUCCESS_MM, Row
from DeepIterRegLib.research.evaluate.statistics import summarise
from DeepIterRegLib.similarity.names import SIMILARITY_NAMES


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One similarity; the columns of similarities.csv, in their order.

    masks_*: after the first stage alone, which the similarity drives; the others after the whole published method,
    whose second stage is the same for all. *_low, *_high: 95 % intervals, by a bootstrap over patients. None, an empty
    cell: unknown; of a capture range beyond what was tried, or of too few starts.
    """

    similarity: str
    """As in `similarity.names`."""
    patients: int
    registrations: int
    masks_success: float
    """Share with an MPE below 5 mm."""
    masks_success_low: float | None
    masks_success_high: float | None
    masks_median_mm: float | None
    """MPE of all."""
    masks_median_of_successes_mm: float | None
    masks_capture_px: float | None
    masks_capture_low_px: float | None
    masks_capture_high_px: float | None
    masks_found_after: float | None
    """Median number of evaluations up to the pose that the stage returned."""
    success: float
    success_low: float | None
    success_high: float | None
    median_mm: float | None
    median_of_successes_mm: float | None
    capture_px: float | None
    capture_low_px: float | None
    capture_high_px: float | None
    tried_up_to_px: float | None
    """Median start of the farthest bin."""
    evaluations: float | None
    """Median, of similarities, in both stages."""
    cpu_seconds: float | None
    """Median, of a registration."""


COLUMNS = tuple(field.name for field in fields(Measured))


def after_masks(row: Row) -> Row:
    """The registration as if it had ended after its first stage."""
    mpe_mm = row.mpe_masks_mm
    return replace(row, mpe_final_mm=mpe_mm, mpe_final_px=mpe_mm / MM_PER_PX, success=mpe_mm < SUCCESS_MM)


def compared(rows: Sequence[Row]) -> list[Measured]:
    """A line for each similarity among the rows of the published method (`published_with`), in their order."""
    similarity_of = {published_with(name): name for name in SIMILARITY_NAMES}
    rows = [row for row in rows if row.method in similarity_of]
    if not rows:
        return []
    whole, masks = (
        summarise(some)["experiments"][0]["methods"] for some in (rows, [after_masks(row) for row in rows])
    )  # fmt: skip
    return [
        _measured(similarity_of[one["method"]], one, first, [row for row in rows if row.method == one["method"]])
        for one, first in zip(whole, masks, strict=True)
    ]


def _measured(similarity: str, whole: Mapping[str, Any], masks: Mapping[str, Any], rows: Sequence[Row]) -> Measured:
    capture, masks_capture = (of["capture_range"]["px"] or {} for of in (whole, masks))
    return Measured(
        similarity=similarity,
        patients=whole["patients"],
        registrations=whole["registrations"],
        masks_success=masks["success_rate"]["value"],
        masks_success_low=masks["success_rate"]["low"],
        masks_success_high=masks["success_rate"]["high"],
        masks_median_mm=_median_error(masks, "all"),
        masks_median_of_successes_mm=_median_error(masks, "successes"),
        masks_capture_px=masks_capture.get("value"),
        masks_capture_low_px=masks_capture.get("low"),
        masks_capture_high_px=masks_capture.get("high"),
        masks_found_after=_median([row.masks_found_after for row in rows if row.masks_found_after]),
        success=whole["success_rate"]["value"],
        success_low=whole["success_rate"]["low"],
        success_high=whole["success_rate"]["high"],
        median_mm=_median_error(whole, "all"),
        median_of_successes_mm=_median_error(whole, "successes"),
        capture_px=capture.get("value"),
        capture_low_px=capture.get("low"),
        capture_high_px=capture.get("high"),
        tried_up_to_px=capture.get("tried_up_to"),
        evaluations=_median([row.evaluations for row in rows if row.evaluations]),
        cpu_seconds=_median([row.cpu_seconds for row in rows if not math.isnan(row.cpu_seconds)]),
    )


def as_csv(table: Sequence[Measured]) -> str:
    """The table as comma-separated values with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in table:
        cells = (getattr(line, name) for name in COLUMNS)
        writer.writerow(["" if cell is None else f"{cell:.4g}" if isinstance(cell, float) else cell for cell in cells])
    return text.getvalue()


def as_markdown(table: Sequence[Measured]) -> str:
    """The table to be put into a page: shares and ranges with their intervals."""
    heads = (
        "similarity", "success, first stage", "whole method", "median MPE mm, first stage", "of successes",
        "whole method", "of successes", "capture range px, first stage", "whole method", "found after", "CPU s",
    )  # fmt: skip
    lines = [_line(heads), _line(["---"] * len(heads))]
    for one in table:
        capture = _capture(one.capture_px, one.capture_low_px, one.capture_high_px, one.tried_up_to_px)
        masks_capture = _capture(
            one.masks_capture_px, one.masks_capture_low_px, one.masks_capture_high_px, one.tried_up_to_px
        )
        lines.append(
            _line([
                f"`{one.similarity}`",
                _share(one.masks_success, one.masks_success_low, one.masks_success_high),
                _share(one.success, one.success_low, one.success_high),
                _number(one.masks_median_mm),
                _number(one.masks_median_of_successes_mm),
                _number(one.median_mm),
                _number(one.median_of_successes_mm),
                masks_capture,
                capture,
                _number(one.masks_found_after, "{:.0f}"),
                _number(one.cpu_seconds),
            ])
        )  # fmt: skip
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _share(value: float, low: float | None, high: float | None) -> str:
    return f"{100 * value:.0f} %" + ("" if low is None or high is None else f" ({100 * low:.0f} to {100 * high:.0f})")


def _capture(value: float | None, low: float | None, high: float | None, tried: float | None) -> str:
    if tried is None:
        return "–"
    shown = [f"> {tried:.0f}" if number is None else f"{number:.0f}" for number in (value, low, high)]
    return shown[0] if low is None and high is None else f"{shown[0]} ({shown[1]} to {shown[2]})"


def _number(value: float | None, form: str = "{:.2f}") -> str:
    return "–" if value is None else form.format(value)


def _median_error(method: Mapping[str, Any], which: str) -> float | None:
    value: float | None = method["errors"]["mpe_final_mm"][which]["median"]["value"]
    return value


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None
