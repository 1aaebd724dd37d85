"""The reader's choices, unblinded: how often each method was preferred, and whether that is more than chance."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.blind_overlay import POSES
from DeepIterRegLib.research.evaluate.blind_page import PAIRS
from DeepIterRegLib.research.evaluate.paired import wilcoxon_p
from DeepIterRegLib.review.blind_comparison import SAME, SCALE

MAX_BYTES = 10_000_000
"""Of a file of choices or a key: theirs are some kilobytes."""


@dataclass(frozen=True)
class Choice:
    """What the reader thinks of one comparison."""

    item: int
    choice: int
    """1 to 5 (`SCALE`)."""


def read_key(path: Path) -> dict[str, Any]:
    """The key that was written beside the page. Raises InputError for anything else."""
    wrong = f"{path.name} is not the key of a blind test; give the blind_key.json written beside the page with --key."
    text = _text(path, "--key")
    try:
        key = json.loads(text)
        items = [(item["item"], item["case"], item["left"], item["right"]) for item in key["items"]]
        if not isinstance(key["test"], str):
            raise InputError(wrong)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(wrong) from error
    numbers = [number for number, *_ in items]
    pairs = {frozenset(pair) for pair in PAIRS}
    if not items or numbers != list(range(1, len(items) + 1)):
        raise InputError(wrong)
    if any(not isinstance(case, str) or {type(left), type(right)} != {str} for _, case, left, right in items):
        raise InputError(wrong)
    if any(frozenset((left, right)) not in pairs for *_, left, right in items):
        raise InputError(wrong)
    return key


def read_choices(path: Path, key: Mapping[str, Any]) -> list[Choice]:
    """The choices in a CSV or JSON file that the page saved, one for every item of the key, in the key's order.

    Raises InputError for a file of another test, or one that is damaged or incomplete.
    """
    text = _text(path, "--count")
    rows = _json_rows(text, path.name) if text.lstrip().startswith("{") else _csv_rows(text, path.name)
    choices: dict[int, int] = {}
    count = len(key["items"])
    for test, item, choice in rows:
        if test != key["test"]:
            raise InputError(
                f"{path.name} holds choices of another blind test than the key; give the files of the same test."
            )
        if not item.isdecimal() or not 1 <= int(item) <= count or int(item) in choices:
            raise InputError(
                f"{path.name} has an item {item[:20]!r} that the test does not have, or has twice; save it again from"
                " the page."
            )
        if choice not in {str(point) for point in range(1, len(SCALE) + 1)}:
            raise InputError(
                f"Item {item} of {path.name} has the choice {choice[:20]!r}, which is not 1 to {len(SCALE)}; finish the"
                " page and save it again."
            )
        choices[int(item)] = int(choice)
    if len(choices) < count:
        missing = next(number for number in range(1, count + 1) if number not in choices)
        raise InputError(
            f"{path.name} has {len(choices)} of {count} choices (item {missing} is missing); finish the page and save"
            " them again."
        )
    return [Choice(number, choices[number]) for number in range(1, count + 1)]


def count_choices(choices: Sequence[Choice], key: Mapping[str, Any]) -> dict[str, Any]:
    """Preferences for each method, and the comparison of each pair of methods, as plain JSON.

    A method is preferred where the reader's choice is on its side of "the same". A pair's scores run from -2 (the
    first method definitely better) to 2 (the second); the Wilcoxon signed-rank test asks whether they are symmetric
    about 0, with one score for each patient. p is None where all are "the same".
    """
    scores: dict[tuple[str, str], list[int]] = {pair: [] for pair in PAIRS}
    for choice, item in zip(choices, key["items"], strict=True):
        towards_right = choice.choice - SAME
        pair = item["left"], item["right"]
        if pair in scores:
            scores[pair].append(towards_right)
        else:
            scores[pair[::-1]].append(-towards_right)
    pairs = []
    for (first, second), values in scores.items():
        score = np.array(values, dtype=int)
        pairs.append({
            "first": first,
            "second": second,
            "comparisons": len(values),
            "first_definitely_better": int((score == -2).sum()),
            "first_better": int((score == -1).sum()),
            "same": int((score == 0).sum()),
            "second_better": int((score == 1).sum()),
            "second_definitely_better": int((score == 2).sum()),
            "mean_score": float(score.mean()) if values else None,
            "p": wilcoxon_p(score),
        })  # fmt: skip
    return {
        "test": key["test"],
        "comparisons": len(choices),
        "same": sum(choice.choice == SAME for choice in choices),
        "preferred": {name: _times_preferred(name, pairs) for name in POSES},
        "pairs": pairs,
    }


def _times_preferred(name: str, pairs: Sequence[Mapping[str, Any]]) -> int:
    sides = [(side, pair) for pair in pairs for side in ("first", "second") if pair[side] == name]
    return sum(pair[f"{side}_better"] + pair[f"{side}_definitely_better"] for side, pair in sides)


def _csv_rows(text: str, name: str) -> list[tuple[str, str, str]]:
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True))
        return [(row["test"].strip(), row["item"].strip(), row["choice"].strip()) for row in rows]
    except (csv.Error, KeyError, AttributeError) as error:
        raise _no_choices(name) from error


def _json_rows(text: str, name: str) -> list[tuple[str, str, str]]:
    try:
        content = json.loads(text)
        return [(str(content["test"]), str(row["item"]), str(row["choice"])) for row in content["choices"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _no_choices(name) from error


def _no_choices(name: str) -> InputError:
    return InputError(f"{name} holds no choices of a blind test; give the CSV or JSON file that its page saved.")


def _text(path: Path, option: str) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name} is too large to be of a blind test; give another file with {option}.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}); give another file with {option}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not a text file; give another file with {option}.") from error
