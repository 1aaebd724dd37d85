"""What a reader took from where, written down while it reads: for the page that tells it (`registration/inspect.py`).

The one place that reads a tag notes it, and the places that decide something note that; in a registration nobody
listens. So the page tells what was done, also of a file that was refused in the end, and no second reader can differ
from the first. Notes hold what the file holds: whoever shows them leaves out what may be the patient's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

ASSUMED = "assumed"
"""The source of what nothing in the file says."""
GIVEN = "given"
"""The source of what the user says, over the file."""


@dataclass(frozen=True)
class TagRead:
    """The values of one tag."""

    keyword: str
    nested: bool
    """Found in a sequence, such as the functional groups of a multi-frame object."""
    values: tuple[str, ...]
    """As read first."""
    varies: bool = False
    """Other files or frames had other values."""


@dataclass(frozen=True)
class SeriesRead:
    """A series of slices that a folder holds."""

    number: str
    """Series Number (0020,0011), or "?"."""
    slices: int
    others: int
    """Images of it that are no slices."""
    taken: bool


@dataclass(frozen=True)
class Decision:
    """What a reader made of a file, and by what: a tag, the pixels, or nothing (`ASSUMED`)."""

    what: str
    """In words, or the `Field` of a value of the C-arm."""
    value: str
    source: str
    """In words, or a tag's keyword."""


@dataclass(eq=False)
class ReadingNotes:
    """All that was noted, in its order."""

    tags: dict[tuple[str, bool], TagRead] = field(default_factory=dict)
    series: list[SeriesRead] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


_listener: ContextVar[ReadingNotes | None] = ContextVar("notes of the readers in this thread", default=None)


@contextmanager
def noted_reading() -> Iterator[ReadingNotes]:
    """The notes of everything that this thread reads in the block."""
    notes = ReadingNotes()
    token = _listener.set(notes)
    try:
        yield notes
    finally:
        _listener.reset(token)


@contextmanager
def not_noted() -> Iterator[None]:
    """For what is read of other files, to see whether they belong together."""
    token = _listener.set(None)
    try:
        yield
    finally:
        _listener.reset(token)


def note_tag(dataset: Any, keyword: str, values: Iterable[Any]) -> None:
    """A tag of a pydicom data set, or of an item of a sequence, and its values as they were read."""
    notes = _listener.get()
    if notes is None:
        return
    told = tuple(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    key = keyword, not hasattr(dataset, "file_meta")
    before = notes.tags.get(key)
    if before is None:
        notes.tags[key] = TagRead(*key, told)
    elif before.values != told and not before.varies:
        notes.tags[key] = TagRead(*key, before.values, varies=True)


def note_series(found: Iterable[SeriesRead]) -> None:
    """The series in a folder."""
    notes = _listener.get()
    if notes is not None:
        notes.series += found


def note_decision(what: str, value: str, source: str) -> None:
    """Something that was decided."""
    notes = _listener.get()
    if notes is not None:
        notes.decisions.append(Decision(what, value, source))
