"""The one place where a number, or a text, is read from a DICOM element.

pydicom refuses a decimal comma by an exception of its own, and only when it is asked for the number; here the bytes of
the file are read, where pydicom has not touched them yet.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.reading_notes import note_tag

if TYPE_CHECKING:
    from pydicom import Dataset

DECIMAL = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
"""What stands in a decimal string; the comma is what programs in some countries write."""
BINARY = {"FL": "f", "FD": "d", "OF": "f", "OD": "d", "SS": "h", "US": "H", "SL": "i", "UL": "I", "SV": "q", "UV": "Q"}
"""Value representations that are no text, as `struct` calls them."""
PADDING = " \0\t\r\n"
SHOWN = 40
"""Characters of a value that an error shows."""


def label_of(keyword: str) -> str:
    """A tag as the person reads it.

    >>> label_of("PositionerPrimaryAngle")
    'Positioner Primary Angle (0018,1510)'
    """
    from pydicom.datadict import dictionary_description, tag_for_keyword

    tag = tag_for_keyword(keyword)
    if tag is None:
        return keyword
    return f"{dictionary_description(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def numbers_of(
    dataset: Dataset, keyword: str, file_name: str, *, count: int | None = None, field: Field | None = None
) -> FloatArray | None:
    """(N,) the finite numbers of an element of this data set; None where it is absent or empty.

    Decimal and integer strings may have a decimal comma and blanks around them, binary values any size. Sequences are
    not searched (`functional_groups.py` does). count: how many there must be. field: what the user can give instead.
    Raises InputError naming file and tag for what is no number, and for another count.
    """
    parts = _parts(dataset, keyword, file_name, field)
    if not parts:
        return None
    found = np.array([_number(part) for part in parts])
    if not np.isfinite(found).all():
        raise InputError(
            "{file} has {tag} of {value}, which is not a number; export it again.",
            field=field,
            file=file_name,
            tag=label_of(keyword),
            value=_shown(parts),
        )
    if count is not None and found.size != count:
        raise InputError(
            "{file} has {tag} of {value}, which should be {count} number(s); export it again.",
            field=field,
            file=file_name,
            tag=label_of(keyword),
            value=_shown(parts),
            count=count,
        )
    note_tag(dataset, keyword, found.tolist())
    return found


def number_of(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> float | None:
    """The one finite number of an element; None where it is absent or empty. Raises InputError as `numbers_of`."""
    found = numbers_of(dataset, keyword, file_name, count=1, field=field)
    return None if found is None else float(found[0])


def whole_number_of(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> int | None:
    """The one whole number of an element; None where it is absent or empty. Raises InputError as `numbers_of`."""
    found = number_of(dataset, keyword, file_name, field=field)
    if found is None or found == int(found):
        return None if found is None else int(found)
    raise InputError(
        "{file} has {tag} of {value}, which is not a whole number; export it again.",
        field=field,
        file=file_name,
        tag=label_of(keyword),
        value=f"{found:g}",
    )


def element_value(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> Any:
    """Any element's value as pydicom has it (a text, a sequence, a UID); None where it is absent or empty.

    Raises InputError naming file and tag for what pydicom cannot read (an unknown value representation, a damaged one).
    """
    try:
        if keyword not in dataset:
            return None
        element = dataset[keyword]
        return None if element.is_empty else element.value
    except Exception as error:  # whatever the damage makes pydicom stumble over
        raise _unreadable(keyword, file_name, field) from error


def words_of(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> list[str]:
    """The values of a text element in capitals, without blanks around them; none where it is absent or empty.

    Raises InputError as `element_value`.
    """
    value = element_value(dataset, keyword, file_name, field=field)
    if value is None:
        return []
    parts = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    words = [str(part).strip(PADDING).upper() for part in parts]
    note_tag(dataset, keyword, words)
    return words


def word_of(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> str:
    """The first of `words_of`, or nothing."""
    return next(iter(words_of(dataset, keyword, file_name, field=field)), "")


def _parts(dataset: Dataset, keyword: str, file_name: str, field: Field | None) -> list[Any]:
    """The element's values, not yet numbers."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataelem import RawDataElement

    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"DICOM has no attribute {keyword}.")
    try:
        element = dataset.get_item(tag) if tag in dataset else None
    except Exception as error:  # whatever the damage makes pydicom stumble over
        raise _unreadable(keyword, file_name, field) from error
    if isinstance(element, RawDataElement):
        value: Any = _unpacked(element, dataset, keyword, file_name, field)
    else:
        value = element_value(dataset, keyword, file_name, field=field)
    if value is None:
        return []
    if isinstance(value, str):
        value = value.split("\\")
    parts = list(value) if isinstance(value, Iterable) else [value]
    parts = [part.strip(PADDING) if isinstance(part, str) else part for part in parts]
    return [] if all(part is None or part == "" for part in parts) else parts


def _unpacked(element: Any, dataset: Dataset, keyword: str, file_name: str, field: Field | None) -> Any:
    """The text or the numbers in an element's bytes."""
    from pydicom.datadict import dictionary_VR

    representation = element.VR
    if representation in (None, "UN"):
        representation = dictionary_VR(element.tag)
    if representation == "US or SS":
        representation = "SS" if whole_number_of(dataset, "PixelRepresentation", file_name) else "US"
    content = bytes(element.value or b"")
    if representation in ("DS", "IS", "LO", "SH", "CS", "LT", "ST", "UT"):
        return content.decode("ascii", "replace")
    if representation not in BINARY:
        raise _unreadable(keyword, file_name, field)
    code = BINARY[representation]
    size = struct.calcsize("<" + code)
    if len(content) % size:
        raise _unreadable(keyword, file_name, field)
    return struct.unpack(f"{'<' if element.is_little_endian else '>'}{len(content) // size}{code}", content)


def _number(part: Any) -> float:
    """NaN for what is none."""
    if isinstance(part, str):
        return float(part.replace(",", ".")) if DECIMAL.fullmatch(part) else np.nan
    try:
        return float(part)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _shown(parts: list[Any]) -> str:
    text = "\\".join(str(part) for part in parts)
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    return printable if len(printable) <= SHOWN else printable[:SHOWN] + "..."


def _unreadable(keyword: str, file_name: str, field: Field | None) -> InputError:
    return InputError(
        "{file} has {tag} in a form that cannot be read; export it again.",
        field=field,
        file=file_name,
        tag=label_of(keyword),
    )
