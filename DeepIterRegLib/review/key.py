"""The key of a blind test, for the study leader only: which registration was shown on which side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.review.answers import Answer
from DeepIterRegLib.review.pairs import BlindPair
from DeepIterRegLib.review.scale import SCALE
from DeepIterRegLib.review.text_file import text_of

SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Key:
    """What the page of the same `test` must not say."""

    test: str
    seed: int
    compared: tuple[str, ...]
    """Names of what was compared, each with each."""
    pairs: tuple[BlindPair[str], ...]
    """In the order in which they are shown; the first is comparison 1."""


def key_to_json(key: Key) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "test": key.test,
        "seed": key.seed,
        "scale": list(SCALE),
        "compared": list(key.compared),
        "comparisons": [
            {"comparison": number, "case": pair.case, "left": pair.left, "right": pair.right}
            for number, pair in enumerate(key.pairs, start=1)
        ],
    }


def read_key(path: Path) -> Key:
    """The key that was written beside a page. Raises InputError for anything else."""
    text = text_of(path)
    try:
        return _key(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "{file} is not the key of a blind test; give the blind_key.json written beside its page.", file=path
        ) from error


def _key(content: Any) -> Key:
    """Raises ValueError, KeyError or TypeError for what `key_to_json` did not write."""
    compared = tuple(_text(name) for name in content["compared"])
    wanted = {frozenset(pair) for pair in combinations(compared, 2)}
    pairs = []
    for number, row in enumerate(content["comparisons"], start=1):
        left, right = _text(row["left"]), _text(row["right"])
        if row["comparison"] != number or frozenset((left, right)) not in wanted:
            raise ValueError("comparisons out of order, or of something else")
        pairs.append(BlindPair(_text(row["case"]), left, right))
    if not pairs:
        raise ValueError("no comparisons")
    return Key(test=_text(content["test"]), seed=int(content["seed"]), compared=compared, pairs=tuple(pairs))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def unblinded(answers: Sequence[Answer], key: Key, path: Path) -> list[Answer]:
    """The answers with patient, left and right; `path` is the file that they are from.

    Raises InputError where they are of another test, or not all there.
    """
    count = len(key.pairs)
    for answer in answers:
        if answer.test != key.test:
            raise InputError(
                "{file} holds answers of another blind test than the key; give the files of the same test.", file=path
            )
        if not 1 <= answer.comparison <= count:
            raise InputError(
                "{file} has a comparison {number}, which the test does not have; save it again from the page.",
                file=path, number=answer.comparison,
            )  # fmt: skip
    given = {answer.comparison: answer for answer in answers}
    missing = [number for number in range(1, count + 1) if number not in given]
    if missing:
        raise InputError(
            "{file} has {given} of {count} answers (comparison {missing} is missing); finish the page and save them"
            " again.",
            file=path, given=len(given), count=count, missing=missing[0],
        )  # fmt: skip
    return [
        replace(given[number], case=pair.case, left=pair.left, right=pair.right)
        for number, pair in enumerate(key.pairs, start=1)
    ]
