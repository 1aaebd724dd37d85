"""A reader's answers, and the one file format for them: CSV (or JSON) with a row for each comparison.

`comparison` and `choice` are always there. Whoever knows more adds it: the panel, which tells what was what at the end,
the names and its seed; the page of a blind test, which must not know the names, the number of the test and its reader.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.spreadsheet import with_formula, without_formula
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.review.scale import SCALE, is_choice, preferred_side
from DeepIterRegLib.review.text_file import text_of

COLUMNS = {
    "test": "Number of the blind test, as in its key.",
    "comparison": "Number, in the order in which they were shown.",
    "left": "Transform whose vessels were shown on the left.",
    "right": "Transform whose vessels were shown on the right.",
    "choice": "1 to 5: the paper's scale, from left definitely better to right definitely better.",
    "words": "The choice in words.",
    "preferred": "Transform that was chosen; empty where both were the same.",
    "comment": "What the reader wrote.",
    "seconds": "For which the pair was shown.",
    "time": "When it was answered, UTC.",
    "reader": "Name or initials of the reader.",
    "seed": "Of the random order and sides.",
}
"""All columns that a file can have, in their order."""
PANEL_COLUMNS = ("comparison", "left", "right", "choice", "words", "preferred", "comment", "seconds", "seed")
PAGE_COLUMNS = ("test", "comparison", "choice", "words", "seconds", "time", "reader")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the reader said of one pair."""

    comparison: int
    """Number, from 1, in the order in which they were shown."""
    choice: int
    """1 to 5, `SCALE`."""
    case: str = ""
    """Name of the patient; empty where there is only one."""
    left: str | None = None
    """Name of what was shown on the left; None as long as that is blinded."""
    right: str | None = None
    comment: str = ""
    seconds: float | None = None
    """For which the pair was shown; None where nobody measured it."""
    test: str | None = None
    """Number of the blind test; None for a comparison that needs no key."""

    @property
    def preferred(self) -> str | None:
        """Name of what was chosen; None where both are the same to the reader, or are still blinded."""
        side = preferred_side(self.choice)
        return None if side is None else self.left if side == "left" else self.right


def panel_row(answer: Answer, seed: int) -> tuple[int | float | str, ...]:
    """The values of PANEL_COLUMNS."""
    return (
        answer.comparison, answer.left or "", answer.right or "", answer.choice, SCALE[answer.choice - 1],
        answer.preferred or "", answer.comment, round(answer.seconds or 0.0, 1), seed,
    )  # fmt: skip


def write_answers(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV (UTF-8, commas), over an existing one. Raises InputError if it cannot be written."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([without_formula(cell) for cell in row] for row in rows)
    try:
        with whole_file(path) as file:
            # The mark lets a spreadsheet read the accents.
            file.write(text.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise InputError("{file} cannot be written; is the disk full, or the folder read-only?", file=path) from error


def read_answers(path: Path) -> list[Answer]:
    """The answers that the panel or a page saved, CSV or JSON, by their numbers: 1, 2, 3 ...

    Raises InputError for a file that is damaged, or has an answer twice or not on the scale.
    """
    text = text_of(path)
    rows = _json_rows(text, path) if text.lstrip().startswith("{") else _csv_rows(text, path)
    answers: dict[int, Answer] = {}
    for row in rows:
        answer = _answer(row, path)
        number = answer.comparison
        if number in answers:
            raise InputError("{file} has comparison {number} twice; save it again.", file=path, number=number)
        answers[number] = answer
    return [answers[number] for number in sorted(answers)]


def _answer(row: Mapping[str, str], path: Path) -> Answer:
    number, choice = row["comparison"].strip(), row["choice"].strip()
    if not number.isdecimal() or len(number) > 6:
        raise InputError(
            "{file} has a comparison “{number}”, which is not a number; save it again.", file=path, number=number[:20]
        )
    if len(choice) != 1 or not choice.isdecimal() or not is_choice(int(choice)):
        raise InputError(
            "Comparison {number} of {file} has the choice “{choice}”, which is not 1 to {most}; finish the comparison"
            " and save it again.",
            file=path, number=number, choice=choice[:20], most=len(SCALE),
        )  # fmt: skip
    left, right, test = (with_formula((row.get(name) or "").strip()) or None for name in ("left", "right", "test"))
    comment = with_formula(row.get("comment") or "")
    return Answer(
        comparison=int(number), choice=int(choice), left=left, right=right, comment=comment,
        seconds=_number(row.get("seconds")), test=test,
    )  # fmt: skip


def _csv_rows(text: str, path: Path) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
    except csv.Error as error:
        raise _no_answers(path) from error
    if any(row.get("comparison") is None or row.get("choice") is None for row in rows):
        raise _no_answers(path)
    return rows


def _json_rows(text: str, path: Path) -> list[dict[str, str]]:
    try:
        content = json.loads(text)
        shared = {"test": str(content["test"])} if "test" in content else {}
        rows = [shared | {name: str(value) for name, value in row.items()} for row in content["answers"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _no_answers(path) from error
    if any("comparison" not in row or "choice" not in row for row in rows):
        raise _no_answers(path)
    return rows


def _no_answers(path: Path) -> InputError:
    return InputError(
        "{file} holds no answers of a blind comparison; give the CSV or JSON file that its page, or the CSV file that"
        " the panel saved.",
        file=path,
    )  # fmt: skip


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
