"""The C-arm's values as a radiologist writes them: "LAO 30°", "CAU 5°", "1200 mm"; and read back from what is typed."""

from __future__ import annotations

import re

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.carm_values import TAG_OF, Number, is_sensible

WORDS: dict[str, tuple[str, str]] = {
    "primary_angle_deg": ("LAO", "RAO"),
    "secondary_angle_deg": ("CRA", "CAU"),
}
"""For each angle the words for positive and negative, in use in every language."""
LONGER = {"CRAN": "CRA", "CRANIAL": "CRA", "CAUD": "CAU", "CAUDAL": "CAU"}
NUMBER = r"[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+"


def text_of(name: str, number: Number) -> str:
    """As it is shown: angles and distances to the hundredth, pixels to the tenth of a micrometre."""
    if name in WORDS:
        assert isinstance(number, (int, float))
        shown = round(abs(number), 2)
        word = WORDS[name][number < 0] + " " if shown else ""
        return f"{word}{shown:g}°"
    if isinstance(number, tuple):
        row_mm, column_mm = (f"{round(x, 4):g}" for x in number)
        return f"{row_mm} mm" if row_mm == column_mm else f"{row_mm} × {column_mm} mm"
    return f"{round(number, 4 if name == 'pixel_spacing_mm' else 2):.10g} mm"


def number_of(name: str, text: str) -> Number:
    """What was typed. Raises InputError with a short sentence, to follow the value's label.

    An angle needs its word (LAO, RAO; CRA, CAU) or, as in DICOM, a sign, because 30 alone may be either. A pixel's size
    is one number, or the distance between rows and that between columns.
    """
    number = _angle(name, text) if name in WORDS else _length(name, text)
    if not is_sensible(name, number):
        low, high = text_of(name, TAG_OF[name].low), text_of(name, TAG_OF[name].high)
        raise InputError("it must lie between {low} and {high}.", low=low, high=high)
    return number


def _angle(name: str, text: str) -> float:
    positive, negative = WORDS[name]
    bare = text.upper().replace("°", " ").replace("−", "-").strip()
    found = re.fullmatch(rf"([A-Z]*)\s*([+-]?)\s*({NUMBER})\s*([A-Z]*)", bare)
    words = [LONGER.get(word, word) for word in (found[1], found[4]) if word] if found else []
    if found is None or len(words) > 1 or not set(words) <= {positive, negative} or (words and found[2]):
        raise InputError("write it as in {example}.", example=f"{positive} 30")
    size = float(found[3].replace(",", "."))
    if not words and not found[2] and size:
        raise InputError("write {positive} or {negative} with the angle.", positive=positive, negative=negative)
    return -size if (words == [negative] or found[2] == "-") and size else size


def _length(name: str, text: str) -> Number:
    pattern = rf"({NUMBER})\s*(?:[x×*\\;]\s*({NUMBER}))?\s*(mm|cm)?"
    found = re.fullmatch(pattern, text.strip().lower())
    if found is None or (found[2] and name != "pixel_spacing_mm"):
        raise InputError("write a number of millimetres.")
    factor = 10.0 if found[3] == "cm" else 1.0
    numbers = tuple(factor * float(part.replace(",", ".")) for part in (found[1], found[2]) if part)
    return (numbers[0], numbers[1]) if len(numbers) == 2 else numbers[0]
