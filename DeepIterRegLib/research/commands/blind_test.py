"""`deepiterreg evaluate blind-test --count`: what the reader answered, counted."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.research.evaluate.blind_test import KEY_FILE
from DeepIterRegLib.review.answers import read_answers
from DeepIterRegLib.review.counting import Preferences, count_preferences
from DeepIterRegLib.review.key import read_key, unblinded

COUNTS_FILE = "blind_counts.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of counting; those of making the test are the experiments'."""
    counting = parser.add_argument_group("counting")
    counting.add_argument(
        "--count",
        type=Path,
        metavar="FILE",
        help="count the answers in this CSV or JSON file, which the page or the panel's Review section saved",
    )
    counting.add_argument(
        "--key", type=Path, metavar="FILE", help=f"the {KEY_FILE} written beside the page; the panel's file needs none"
    )


def count_answers(arguments: argparse.Namespace) -> int:
    """Print what the reader preferred; write it to COUNTS_FILE too where there is an `output` folder."""
    if arguments.count is None:
        raise InputError("Counting needs a reader's answers; give them with --count FILE.")
    key = None if arguments.key is None else read_key(arguments.key)
    preferences = preferences_of(arguments.count, arguments.key)
    counts = {"test": None if key is None else key.test, **preferences.to_json()}
    output = getattr(arguments, "output", None)
    if output is not None:
        with staged_output(Path(output), (COUNTS_FILE,)) as staging:
            (staging / COUNTS_FILE).write_text(json.dumps(counts, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print_preferences(Console(), preferences)
    return 0


def preferences_of(file: Path, key_file: Path | None) -> Preferences:
    """A reader's answers, counted. key_file: None for those that say what was left and right. Raises InputError."""
    answers = read_answers(file)
    if key_file is not None:
        key = read_key(key_file)
        return count_preferences(unblinded(answers, key, file), key.compared)
    if any(answer.left is None or answer.right is None for answer in answers):
        raise InputError(
            "{file} does not say what was left and right; give the {key_file} with --key FILE.",
            file=file, key_file=KEY_FILE,
        )  # fmt: skip
    return count_preferences(answers)


def print_preferences(console: Console, preferences: Preferences) -> None:
    """The paper's Table 1, and the tests of each pair."""
    table = Table("registration", "times preferred")
    for name, times in preferences.preferred.items():
        table.add_row(name, str(times))
    console.print(table)
    console.print(f"{preferences.same} of {preferences.comparisons} comparisons: the same.", markup=False)
    pairs = Table("comparison", "first preferred", "same", "second preferred", "p (Wilcoxon)")
    for pair in preferences.pairs:
        pairs.add_row(
            f"{pair.first} / {pair.second}",
            str(pair.first_preferred),
            str(pair.same),
            str(pair.second_preferred),
            "–" if pair.p is None else f"{pair.p:.4f}",
        )
    console.print(pairs)
