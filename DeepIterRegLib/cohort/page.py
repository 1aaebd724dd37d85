"""The page for quality control: every result's overlay, those that most need a look first, with keys to mark them."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from DeepIterRegLib.cohort.log import PATIENTS
from DeepIterRegLib.cohort.marks import COLUMNS, Mark
from DeepIterRegLib.cohort.patient import folder_name
from DeepIterRegLib.cohort.patient_result import DONE, MARKS, PatientResult
from DeepIterRegLib.common.confidence import percent
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.page_templates import filled_in_parts
from DeepIterRegLib.common.whole_file import whole_file

PAGE_FILE = "index.html"
PACKAGE = "DeepIterRegLib.cohort"


@dataclass(frozen=True)
class Card:
    """One patient on the page."""

    outcome: PatientResult
    confidence: str
    before: str
    """URLs of the pictures, empty where there is no result."""
    after: str
    overlay: str
    """Of the large one; empty where the page shall need no other file."""
    time: str
    """Of the mark."""


def write_page(
    folder: Path, read: Callable[[], Iterable[PatientResult]], marks: dict[str, Mark], embed: bool = False
) -> None:
    """Write index.html into the cohort's folder, patient by patient. Raises InputError.

    read: the outcomes, in any order; called twice. embed: put the
    pictures into the page, which then needs no other file; without, it shows those in `patients/`.
    """
    order = []
    counts: Counter[str] = Counter()
    for number, outcome in enumerate(read()):
        order.append((-1.0 if outcome.probability is None else outcome.probability, number))
        counts[outcome.status] += 1
    parts = filled_in_parts(
        PACKAGE,
        "quality_page.html",
        cohort=_name_of_storage(folder),
        counts=counts,
        total=len(order),
        marks=MARKS,
        columns=COLUMNS,
        cards=_cards(folder, read, [number for _, number in sorted(order)], marks, embed),
    )
    with full_disk_explained(folder), whole_file(folder / PAGE_FILE) as file:
        for part in parts:
            file.write(part.encode())


def _name_of_storage(folder: Path) -> str:
    """By which a browser tells the marks of this page from those of others."""
    return hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:12]


def _cards(
    folder: Path, read: Callable[[], Iterable[PatientResult]], order: list[int], marks: dict[str, Mark], embed: bool
) -> Iterator[Card]:
    outcomes = list(read())
    for number in order:
        outcome = outcomes[number]
        mark = marks.get(outcome.patient, Mark(outcome.patient))
        place = f"{PATIENTS}/{folder_name(outcome.patient)}"
        before = after = overlay = ""
        if outcome.status in DONE:
            before, after, overlay = (f"{quote(place)}/{name}" for name in ("before.jpg", "after.jpg", "overlay.png"))
            if embed:
                before, after = (_embedded(folder / place / name) for name in ("before.jpg", "after.jpg"))
                overlay = ""
        confidence = "no result" if outcome.probability is None else percent(outcome.probability)
        yield Card(outcome, confidence, before, after, overlay, mark.time)


def _embedded(path: Path) -> str:
    try:
        return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""  # somebody has deleted it: the page says so
