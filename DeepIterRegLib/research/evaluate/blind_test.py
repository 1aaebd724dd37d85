"""The files of a blind test: the page for the reader, the key for the study leader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.research.evaluate.blind_overlay import BlindCase
from DeepIterRegLib.research.evaluate.blind_page import make_blind_test
from DeepIterRegLib.review.key import key_to_json, read_key

PAGE_FILE, KEY_FILE = "blind_test.html", "blind_key.json"


def write_blind_test(cases: Sequence[BlindCase], folder: Path, seed: int) -> Path:
    """Write the page and the key, both or neither; returns the page.

    Raises InputError where `folder` holds the key of another test: without it, its reader's answers mean nothing.
    """
    page, key = make_blind_test(cases, seed)
    written = folder / KEY_FILE
    if written.exists() and _test_of(written) != key.test:
        raise InputError(
            "{folder} holds the {key_file} of another blind test, without which its answers cannot be counted; move it"
            " away, or choose another output folder.",
            field=Field.OUTPUT, folder=folder.name, key_file=KEY_FILE,
        )  # fmt: skip
    with staged_output(folder, (PAGE_FILE, KEY_FILE)) as staging:
        (staging / PAGE_FILE).write_text(page, encoding="utf-8")
        (staging / KEY_FILE).write_text(
            json.dumps(key_to_json(key), indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    return folder / PAGE_FILE


def _test_of(path: Path) -> str | None:
    try:
        return read_key(path).test
    except InputError:
        return None
