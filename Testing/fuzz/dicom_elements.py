"""Where the elements of a DICOM file lie, byte by byte: what pydicom does not tell."""

from __future__ import annotations

import struct
from typing import NamedTuple

PREAMBLE = 132
WIDE = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
"""Value representations whose length takes four bytes."""
UNDEFINED = 0xFFFFFFFF


class Element(NamedTuple):
    """An element in explicit VR, little endian: its offsets in the file."""

    tag: tuple[int, int]
    vr: bytes
    start: int
    value: int
    end: int


def elements_of(content: bytes) -> list[Element]:
    """The elements of a file and those within its sequences, as far as it can be followed."""
    return _elements(content, PREAMBLE, len(content)) if content[128:132] == b"DICM" else []


def _elements(content: bytes, at: int, end: int) -> list[Element]:
    found: list[Element] = []
    while at + 8 <= end:
        group, number = struct.unpack_from("<HH", content, at)
        vr = content[at + 4 : at + 6]
        if not (vr.isalpha() and vr.isupper()):
            break
        wide = vr in WIDE
        if wide and at + 12 > end:
            break
        length = struct.unpack_from("<I" if wide else "<H", content, at + (8 if wide else 6))[0]
        value = at + (12 if wide else 8)
        stop = end if length == UNDEFINED else value + length
        if stop > end:
            break
        found.append(Element((group, number), vr, at, value, stop))
        if vr == b"SQ":
            found += _within_items(content, value, stop)
        at = stop
    return found


def _within_items(content: bytes, at: int, end: int) -> list[Element]:
    found: list[Element] = []
    while at + 8 <= end:
        group, number, length = struct.unpack_from("<HHI", content, at)
        if (group, number) != (0xFFFE, 0xE000):
            break
        stop = end if length == UNDEFINED else min(at + 8 + length, end)
        found += _elements(content, at + 8, stop)
        at = stop
    return found
