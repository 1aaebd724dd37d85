"""The curves of a training: a CSV for anybody, and TensorBoard's files where that is installed."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from DeepIterRegLib.research.train.validation import Scores, Validation

LOG_FILE = "logs.csv"
TENSORBOARD_FOLDER = "tensorboard"
_OF_VALIDATION = tuple(field.name for field in fields(Validation) if field.name != "scores")
COLUMNS = (
    "kind", "samples", "seconds", "learning_rate", "samples_per_second",
    *(field.name for field in fields(Scores)), *_OF_VALIDATION,
)  # fmt: skip
"""kind: "training" (means since the last such row) or "validation" (of the averaged weights)."""


@dataclass(frozen=True)
class LogRow:
    """One line of the log. What is not known is None, an empty cell."""

    kind: Literal["training", "validation"]
    samples: int
    seconds: float
    scores: Scores
    learning_rate: float | None = None
    samples_per_second: float | None = None
    validation: Validation | None = None

    def cells(self) -> dict[str, Any]:
        """By column."""
        of_validation = {name: getattr(self.validation, name) for name in _OF_VALIDATION if self.validation}
        own = {name: getattr(self, name) for name in COLUMNS[:5]}
        return {name: {**own, **asdict(self.scores), **of_validation}.get(name) for name in COLUMNS}


class Log:
    """Appends rows to both; `samples` is where the training goes on: rows of what was lost after it are cut off."""

    def __init__(self, folder: Path, samples: int, events: Any) -> None:
        self._path = folder / LOG_FILE
        rows = [row for row in _rows_of(self._path) if int(row["samples"]) <= samples] if samples else []
        self._write("w", [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows])
        self._events = events

    def add(self, row: LogRow) -> None:
        cells = row.cells()
        self._write("a", [{name: _cell(value) for name, value in cells.items()}])
        if self._events is not None:
            for name, value in cells.items():
                if isinstance(value, float) and name != "seconds":
                    self._events.add_scalar(f"{row.kind}/{name}", value, row.samples)

    def _write(self, mode: str, rows: list[dict[str, str]]) -> None:
        text = io.StringIO()
        csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(rows)
        with self._path.open(mode, encoding="utf-8", newline="") as file:
            file.write(text.getvalue())
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def log_in(folder: Path, samples: int) -> Iterator[Log]:
    """A log whose files are complete when the block ends."""
    events = _tensorboard(folder / TENSORBOARD_FOLDER, samples)
    try:
        yield Log(folder, samples, events)
    finally:
        if events is not None:
            events.close()


def begun_with_px(folder: Path) -> tuple[float, float] | None:
    """Median and 95th percentile of the mean projection error after one pass of the network that a training began with;
    None where the log does not tell."""
    first = [row for row in _rows_of(folder / LOG_FILE) if row["kind"] == "validation" and row["samples"] == "0"]
    return (float(first[0]["mpe_after_median_px"]), float(first[0]["mpe_after_p95_px"])) if first else None


def _rows_of(path: Path) -> list[dict[str, str]]:
    """Rows of a log; those that an interruption tore, or that another version wrote, are dropped."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="", errors="replace") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if tuple(row) == COLUMNS and None not in row.values() and row["samples"].isdigit()]


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _tensorboard(folder: Path, samples: int) -> Any:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=samples + 1 if samples else None)
