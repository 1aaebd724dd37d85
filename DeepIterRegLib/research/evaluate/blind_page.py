"""The page of the paper's blind two-way test: pairs of overlays for a reader, whose answers it saves, and its key."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.page_templates import filled
from DeepIterRegLib.research.evaluate.blind_overlay import POSES, BlindCase
from DeepIterRegLib.review.answers import PAGE_COLUMNS
from DeepIterRegLib.review.key import Key, key_to_json
from DeepIterRegLib.review.pairs import blind_pairs
from DeepIterRegLib.review.scale import SCALE


def make_blind_test(cases: Sequence[BlindCase], seed: int, title: str = "Blind reading") -> tuple[str, Key]:
    """The page (one HTML file, nothing else needed) and its key (for the study leader only).

    All pairs of all cases in random order, random left and right, both drawn from the seed; the images too lie in the
    page in random order, under numbers. Neither a patient's nor a method's name is in the page. The key names the page
    by the same `test` as the answers do.
    """
    if not cases:
        raise InputError(
            "No patient was registered by both methods, so there is nothing to compare; try more patients."
        )
    random = np.random.default_rng(seed)
    images = {case.name: case for case in cases}
    overlay_numbers = _shuffled_numbers([(case, pose) for case in images for pose in POSES], random)
    grey_numbers = _shuffled_numbers(list(images), random)
    pairs = tuple(blind_pairs(list(images), POSES, random))
    unnamed = Key(test="", seed=seed, compared=POSES, pairs=pairs)
    key = Key(test=_fingerprint(unnamed, cases), seed=seed, compared=POSES, pairs=pairs)
    data = {
        "test": key.test,
        "scale": SCALE,
        "columns": PAGE_COLUMNS,
        "pairs": [
            {
                "number": number,
                "grey": grey_numbers[pair.case],
                "left": overlay_numbers[pair.case, pair.left],
                "right": overlay_numbers[pair.case, pair.right],
            }
            for number, pair in enumerate(pairs, start=1)
        ],
        "greys": _in_order(
            {number: {"size": images[case].size_px, "url": _data_uri("jpeg", images[case].grey)}
             for case, number in grey_numbers.items()}
        ),
        "overlays": _in_order(
            {number: _data_uri("png", images[case].overlays[pose]) for (case, pose), number in overlay_numbers.items()}
        ),
    }  # fmt: skip
    return filled("DeepIterRegLib.research.evaluate", "blind_page.html", title=title, data=data), key


def _fingerprint(key: Key, cases: Sequence[BlindCase]) -> str:
    """Twelve hexadecimal digits that another seed, order or image would change."""
    content = hashlib.sha256(json.dumps(key_to_json(key)).encode())
    for case in cases:
        content.update(case.grey)
        for pose in POSES:
            content.update(case.overlays[pose])
    return content.hexdigest()[:12]


def _shuffled_numbers(names: Sequence[Any], random: np.random.Generator) -> dict[Any, int]:
    return {names[place]: number for number, place in enumerate(random.permutation(len(names)))}


def _in_order(numbered: Mapping[int, Any]) -> list[Any]:
    return [numbered[number] for number in sorted(numbered)]


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
