"""The paper's blind two-way test: a page that shows pairs of overlays and saves the reader's choices, and its key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.blind_overlay import POSES, BlindCase
from DeepIterRegLib.review.blind_comparison import SCALE, blinded

SCHEMA_VERSION = 1
PAIRS = tuple(combinations(POSES, 2))
"""Three for each patient: 14 patients make the paper's 42 comparisons."""


def make_blind_test(cases: Sequence[BlindCase], seed: int, title: str = "Blind reading") -> tuple[str, dict[str, Any]]:
    """The page (one HTML file, nothing else needed) and its key (JSON, for the study leader only).

    All pairs of all cases in random order, random left and right, both drawn from the seed; the images too lie in the
    page in random order, under numbers. Neither a patient's nor a method's name is in the page. The key names the page
    by the same `test` as the choices do.
    """
    if not cases:
        raise InputError(
            "No patient was registered by both methods, so there is nothing to compare; try more patients."
        )
    random = np.random.default_rng(seed)
    comparisons = [((case, first), (case, second)) for case in range(len(cases)) for first, second in PAIRS]
    shown, items = [], []
    tint_numbers = _shuffled_numbers([(case, name) for case in range(len(cases)) for name in POSES], random)
    grey_numbers = _shuffled_numbers(list(range(len(cases))), random)
    for number, ((case, left), (_, right)) in enumerate(blinded(comparisons, random), start=1):
        items.append({"item": number, "case": cases[case].name, "left": left, "right": right})
        shown.append({
            "item": number,
            "grey": grey_numbers[case],
            "left": tint_numbers[case, left],
            "right": tint_numbers[case, right],
        })  # fmt: skip
    content = hashlib.sha256(json.dumps([seed, items]).encode())
    for one in cases:
        content.update(one.grey)
        for name in POSES:
            content.update(one.tints[name])
    test = content.hexdigest()[:12]
    data = {
        "test": test,
        "scale": SCALE,
        "items": shown,
        "greys": _in_order(
            {number: {"size": cases[case].size_px, "url": _data_uri("jpeg", cases[case].grey)}
             for case, number in grey_numbers.items()}
        ),
        "tints": _in_order(
            {number: _data_uri("png", cases[case].tints[name]) for (case, name), number in tint_numbers.items()}
        ),
    }  # fmt: skip
    key = {"schema_version": SCHEMA_VERSION, "test": test, "seed": seed, "scale": list(SCALE), "items": items}
    return _page(title, data), key


def _page(title: str, data: dict[str, Any]) -> str:
    template = files("DeepIterRegLib").joinpath("research/evaluate/blind_page.html").read_text(encoding="utf-8")
    # No "<" may end the script element that holds the data.
    text = json.dumps(data).replace("<", "\\u003c")
    return template.replace("{{title}}", escape(title)).replace("{{data}}", text)


def _shuffled_numbers(names: Sequence[Any], random: np.random.Generator) -> dict[Any, int]:
    return {names[place]: number for number, place in enumerate(random.permutation(len(names)))}


def _in_order(numbered: dict[int, Any]) -> list[Any]:
    return [numbered[number] for number in sorted(numbered)]


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
