"""How a file is damaged: a few bits, bytes cut, inserted or replaced, and fields of its header altered or exchanged."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from Testing.fuzz.dicom_elements import Element, elements_of
from Testing.fuzz.originals import Original

MOST_EDITS = 4
IN_HEADER = 0.7
"""Of the places that are damaged: pixels are most of a file, and damage there is seldom noticed."""

Edit = tuple[int, int, bytes]
"""Offset, how many bytes go, and what comes in their place; of the content as the edits before it have left it."""

WORDS = (
    b"", b"0", b"-1", b"1", b"2", b"-0.0", b"nan", b"inf", b"-inf", b"1e400", b"1e-400", b"1e30", b"1,5", b"0,4\\0,4",
    b"1.5.2", b"0x10", b"12 mm", b"65536", b"2147483648", b"-9223372036854775808", b"99999999999999999999", b"1\\2\\3",
    b"\\", b"\\\\", b"\xff\xfe", b"\xc3\xa9", b"\xd9\xa3", b"1\x00", b"NONE", b"short", b"double", b"gzip", b"raw",
    b"?", b"RECTANGULAR", b"POLYGONAL", b"LIN", b"XA", b"CT", b"MONOCHROME1", b"AVG_SUB", b"%s%n", b"{file}",
    b"\x1b[31m",
)  # fmt: skip
"""What is put in place of a field's value."""
NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
LITTLE_VRS = (
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB", b"OW", b"PN", b"SH",
    b"SL", b"SQ", b"SS", b"ST", b"TM", b"UI", b"UL", b"UN", b"US", b"UT", b"OF", b"OD", b"UC", b"SV", b"??", b"ZZ",
    b"\0\0", b"ds",
)  # fmt: skip


@dataclass(frozen=True)
class Damage:
    """What was done to one of an original's files."""

    original: str
    file: str
    edits: tuple[Edit, ...]
    unpacked: bool = False
    """The edits are of the content of a file that is compressed as a whole, which was compressed again."""

    def applied_to(self, content: bytes) -> bytes:
        """The damaged file."""
        inner = gzip.decompress(content) if self.unpacked else content
        for offset, removed, inserted in self.edits:
            inner = inner[:offset] + inserted + inner[offset + removed :]
        return gzip.compress(inner, 1, mtime=0) if self.unpacked else inner

    def without(self, index: int) -> Damage:
        return replace(self, edits=self.edits[:index] + self.edits[index + 1 :])


def damage_of(originals: Sequence[Original], number: int, seed: int) -> Damage:
    """The damage that case `number` of a campaign does: the same for the same seed, whatever was run before."""
    rng = np.random.default_rng([seed, number])
    weights = np.array([original.weight for original in originals])
    original = originals[rng.choice(len(originals), p=weights / weights.sum())]
    file = original.damaged[int(rng.integers(len(original.damaged)))]
    content = original.files[file]
    unpacked = file.endswith(".gz") and bool(rng.random() < 0.5)
    whole = gzip.decompress(content) if unpacked else content
    edits: list[Edit] = []
    for _ in range(int(rng.integers(1, MOST_EDITS + 1))):
        for edit in _edits(rng, whole, original):
            edits.append(edit)
            offset, removed, inserted = edit
            whole = whole[:offset] + inserted + whole[offset + removed :]
    return Damage(original.name, file, tuple(edits), unpacked)


def _edits(rng: np.random.Generator, content: bytes, original: Original) -> list[Edit]:
    if not content:
        return [(0, 0, rng.bytes(8))]
    of_bytes: list[Callable[..., list[Edit]]] = [_flip, _flip, _cut, _delete, _insert, _overwrite, _extreme, _repeat]
    if original.header == "DICOM" and rng.random() < 0.6:
        return _dicom_field(rng, content)
    if original.header == "text" and rng.random() < 0.6:
        return _text_field(rng, content)
    return of_bytes[int(rng.integers(len(of_bytes)))](rng, content, _place(rng, content, original.header_length))


def _place(rng: np.random.Generator, content: bytes, header_length: int | None) -> int:
    if header_length is not None and rng.random() < IN_HEADER:
        return int(rng.integers(min(header_length, len(content))))
    return int(rng.integers(len(content)))


def _flip(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    return [(at, 1, bytes([content[at] ^ (1 << int(rng.integers(8)))]))]


def _cut(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    return [(at, len(content) - at, b"")]


def _delete(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    return [(at, int(rng.integers(1, 65)), b"")]


def _insert(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    return [(at, 0, rng.bytes(int(rng.integers(1, 33))))]


def _overwrite(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    length = int(rng.integers(1, 33))
    return [(at, length, rng.bytes(length) if rng.random() < 0.6 else bytes([rng.choice([0, 255, 32])]) * length)]


def _extreme(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    """A number at its limits, in the width of the numbers that are there."""
    kind = ("<h", "<i", "<q", "<f", "<d", ">i")[int(rng.integers(6))]
    if kind[1] in "fd":
        number: float = float(rng.choice([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, 1e-30]))
    else:
        bits = 8 * struct.calcsize(kind)
        limits = (0, 1, -1, 2 ** (bits - 1) - 1, -(2 ** (bits - 1)), 2 ** (bits - 2), 255)
        number = limits[int(rng.integers(len(limits)))]
    at -= at % 2
    return [(at, struct.calcsize(kind), struct.pack(kind, number))]


def _repeat(rng: np.random.Generator, content: bytes, at: int) -> list[Edit]:
    """A piece once more, or in the place of another one."""
    piece = content[at : at + int(rng.integers(1, 129))]
    to = int(rng.integers(len(content)))
    return [(to, 0 if rng.random() < 0.5 else len(piece), piece)]


def _text_field(rng: np.random.Generator, content: bytes) -> list[Edit]:
    """A number or a word of a text replaced, or two of its lines exchanged."""
    head = content[:4096]
    lines = list(re.finditer(rb"[^\n]+\n", head))
    if len(lines) > 1 and rng.random() < 0.25:
        a, b = sorted(int(i) for i in rng.choice(len(lines), 2, replace=False))
        first, second = lines[a], lines[b]
        between = head[first.end() : second.start()]
        return [(first.start(), second.end() - first.start(), second[0] + between + first[0])]
    tokens = list((NUMBER if rng.random() < 0.7 else re.compile(rb"[A-Za-z_]+")).finditer(head))
    if not tokens:
        return [(0, 0, b"1 ")]
    token = tokens[int(rng.integers(len(tokens)))]
    return [(token.start(), len(token[0]), WORDS[int(rng.integers(len(WORDS)))])]


def _dicom_field(rng: np.random.Generator, content: bytes) -> list[Edit]:
    """An element of a DICOM file gets another value, VR or length, goes, comes twice, or is exchanged with another."""
    elements = [e for e in elements_of(content) if e.tag != (0x7FE0, 0x0010) or rng.random() < 0.2]
    if not elements:
        return [(0, 0, b"\0")]
    element = elements[int(rng.integers(len(elements)))]
    what = int(rng.integers(10))
    if what == 0:
        return [(element.start, element.end - element.start, b"")]
    if what == 1:
        return [(element.end, 0, content[element.start : element.end])]
    if what == 2:
        return [(element.start + 4, 2, LITTLE_VRS[int(rng.integers(len(LITTLE_VRS)))])]
    if what == 3:
        wide = element.value - element.start == 12
        limits = (0, 1, 2, 7, 0xFFFF, 0xFFFE, 0x7FFF) if not wide else (0, 1, 7, 0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF)
        number = limits[int(rng.integers(len(limits)))]
        return [(element.value - (4 if wide else 2), 4 if wide else 2, struct.pack("<I" if wide else "<H", number))]
    if what <= 5:
        other = elements[int(rng.integers(len(elements)))]
        return _with_value(element, content[other.value : other.end])
    if what == 6 and element.vr in (b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"AT"):
        return _extreme(rng, content, element.value)
    return _with_value(element, WORDS[int(rng.integers(len(WORDS)))])


def _with_value(element: Element, value: bytes) -> list[Edit]:
    """The element with a value of another length, which its length says."""
    value += b" " * (len(value) % 2)
    wide = element.value - element.start == 12
    if len(value) > 0xFFFF and not wide:
        value = value[:0xFFFE]
    length = struct.pack("<I" if wide else "<H", len(value))
    at = element.value - len(length)
    return [(at, element.end - at, length + value)]
