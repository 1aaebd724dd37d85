"""`deepiterreg evaluate blind-test`: writes the page and its key, and later counts what the reader chose."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.research.evaluate.blind_count import count_choices, read_choices, read_key
from DeepIterRegLib.research.evaluate.blind_overlay import BlindCase
from DeepIterRegLib.research.evaluate.blind_page import make_blind_test

PAGE_FILE, KEY_FILE, COUNTS_FILE = "blind_test.html", "blind_key.json", "blind_counts.json"


def write_blind_test(cases: Sequence[BlindCase], folder: Path, seed: int) -> tuple[Path, Path]:
    """Write the page and the key, both or neither; returns their paths.

    Raises InputError where `folder` holds the key of another test: without it, its reader's choices mean nothing.
    """
    page, key = make_blind_test(cases, seed)
    written = folder / KEY_FILE
    if written.exists() and _test_of(written) != key["test"]:
        raise InputError(
            f"The folder {folder.name} holds the {KEY_FILE} of another blind test, without which its choices cannot be"
            " counted; move it away, or choose another folder with --output DIR."
        )
    with staged_output(folder, (PAGE_FILE, KEY_FILE)) as staging:
        (staging / PAGE_FILE).write_text(page, encoding="utf-8")
        (staging / KEY_FILE).write_text(json.dumps(key, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return folder / PAGE_FILE, folder / KEY_FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of counting; those of making the test are the experiments'."""
    counting = parser.add_argument_group("counting")
    counting.add_argument(
        "--count", type=Path, metavar="FILE", help="count the choices in this CSV or JSON file that the page saved"
    )
    counting.add_argument("--key", type=Path, metavar="FILE", help=f"the {KEY_FILE} written beside the page")


def run_count(arguments: argparse.Namespace) -> int:
    """Print what the reader preferred; write it to COUNTS_FILE too where there is an `output` folder."""
    if arguments.count is None or arguments.key is None:
        raise InputError(f"Counting needs two files: give the choices with --count and the {KEY_FILE} with --key.")
    key = read_key(arguments.key)
    counts = count_choices(read_choices(arguments.count, key), key)
    output = getattr(arguments, "output", None)
    if output is not None:
        with staged_output(Path(output), (COUNTS_FILE,)) as staging:
            (staging / COUNTS_FILE).write_text(json.dumps(counts, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print_counts(Console(), counts)
    return 0


def print_counts(console: Console, counts: Mapping[str, Any]) -> None:
    """The paper's Table 1, and the tests of each pair."""
    preferred = Table("method", "times preferred")
    for name, times in counts["preferred"].items():
        preferred.add_row(name, str(times))
    console.print(preferred)
    console.print(f"{counts['same']} of {counts['comparisons']} comparisons: the same.", markup=False)
    pairs = Table("comparison", "first preferred", "same", "second preferred", "p (Wilcoxon)")
    for pair in counts["pairs"]:
        pairs.add_row(
            f"{pair['first']} / {pair['second']}",
            str(pair["first_better"] + pair["first_definitely_better"]),
            str(pair["same"]),
            str(pair["second_better"] + pair["second_definitely_better"]),
            "–" if pair["p"] is None else f"{pair['p']:.4f}",
        )
    console.print(pairs)


def _test_of(path: Path) -> str | None:
    try:
        return str(read_key(path)["test"])
    except InputError:
        return None
