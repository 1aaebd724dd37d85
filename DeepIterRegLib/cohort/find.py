"""Look for patients in a folder, and write them down as a table that a person can check.

DICOM files are sorted by what they say: patient, study, series, modality, body part, time. Every run, or pair of runs
taken together, becomes a row with the patient's CTA. Where nothing tells which series is the CTA, the cell stays empty
and the comment says why: nothing is guessed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from DeepIterRegLib.cohort.find_dicom import DicomTree, Run, Scan
from DeepIterRegLib.cohort.table import same_name
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.spreadsheet import without_formula
from DeepIterRegLib.images.ct.choice import CLEARLY_MORE

FOUND_COLUMNS = ("patient", "cta", "dsa", "dsa2", "comment")
VOLUMES = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
RUNS = (*VOLUMES, ".dcm", ".png")


@dataclass(frozen=True)
class FoundRow:
    """A row of the table to be written; empty where nothing was found, or nothing tells."""

    patient: str
    cta: str = ""
    dsa: str = ""
    dsa2: str = ""
    comment: str = ""


@dataclass
class Found:
    """What a folder holds."""

    rows: list[FoundRow] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """A sentence for everything that is in no row."""

    def table(self) -> str:
        """As `read_table` reads it."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(FOUND_COLUMNS)
        for row in self.rows:
            writer.writerow([without_formula(row.patient), row.cta, row.dsa, row.dsa2, row.comment])
        return text.getvalue()

    def summary(self) -> str:
        """What there is to do before it is registered."""
        open_ones = sum(not (row.cta and row.dsa) for row in self.rows)
        rest = f"; {open_ones} need a CTA or a run, see their comments" if open_ones else ""
        return f"{len(self.rows)} rows{rest}. Check them before you register them."


def find_patients(folder: Path, pseudonymise: bool = False, links: Path | None = None) -> Found:
    """The patients in a folder and those below it, links followed.

    pseudonymise: call them P001, P002, ... links: a folder for links to the files of each CTA that shares its folder
    with other series. Raises InputError where there is no such folder, or no image of one in it.
    """
    if not folder.is_dir():
        raise InputError("{file} is no folder; give one that holds images with --find.", file=folder)
    tree = DicomTree.of(folder.absolute())
    found = Found(left_out=list(tree.left_out))
    for patient in tree.patients():
        found.rows += _rows_of(patient, tree.scans_of(patient), tree.runs_of(patient), found.left_out, links)
    found.rows += _exported(tree.others, found.left_out)
    if not found.rows:
        raise InputError(
            "The folder {file} holds no CTA and no angiogram: no DICOM of CT or XA, and no folder with files named cta "
            "and dsa; give another folder with --find.",
            file=folder,
        )
    found.rows = _with_names_of_their_own(found.rows, pseudonymise)
    return found


def _rows_of(
    patient: str, scans: Sequence[Scan], runs: Sequence[Run], left_out: list[str], links: Path | None
) -> list[FoundRow]:
    if not runs:
        left_out.append(f"{patient}: a CT, but no angiogram.")
        return [FoundRow(patient, comment="no angiogram was found")]
    rows = []
    used: set[str] = set()
    for pair in _pairs(runs):
        cta, comment = _cta_for(pair[0], scans)
        path = None if cta is None else cta.path
        if cta is not None:
            used.add(cta.uid)
            if path is None and links is not None:
                path = _linked(cta, links)
            if path is None:
                comment = (
                    f"{cta.label} shares its folder with other series; put its files into a folder of their own, or "
                    "give --links"
                )
        rows.append(
            FoundRow(
                patient,
                os.fspath(path or ""),
                os.fspath(pair[0].path),
                os.fspath(pair[1].path) if len(pair) > 1 else "",
                "; ".join(filter(None, [comment, *(one.comment for one in pair)])),
            )
        )
    left_out += [f"{patient}: {scan.label} is in no row." for scan in scans if scan.uid not in used]
    return rows


def _pairs(runs: Sequence[Run]) -> list[tuple[Run, ...]]:
    """Runs in the order of their time; two that a biplane system took together are one."""
    ordered = sorted(runs, key=lambda one: (one.time, one.number, str(one.path)))
    pairs: list[tuple[Run, ...]] = []
    while ordered:
        first = ordered.pop(0)
        mates = [one for one in ordered if first.is_beside(one)]
        if len(mates) == 1:
            ordered.remove(mates[0])
            pair = sorted((first, mates[0]), key=lambda one: one.plane)
            pairs.append(tuple(pair))
        else:
            pairs.append((first,))
    return pairs


def _cta_for(run: Run, scans: Sequence[Scan]) -> tuple[Scan | None, str]:
    """The CTA of a run, and what to know of the choice; None where nothing tells which it is."""
    if not scans:
        return None, "no CT of the head was found"
    earlier = [scan for scan in scans if not run.time or not scan.time or scan.time[:8] <= run.time[:8]]
    if not earlier:
        days = ", ".join(sorted({scan.label for scan in scans}))
        return None, f"every CT was taken after the run: {days}; fill in the one to use"
    last = max(scan.time[:8] for scan in earlier)
    candidates = [scan for scan in earlier if scan.time[:8] == last]
    with_contrast = [scan for scan in candidates if scan.has_contrast]
    candidates = with_contrast or candidates
    ranked = sorted(candidates, key=lambda scan: scan.slices, reverse=True)
    if len(ranked) > 1 and ranked[0].slices < CLEARLY_MORE * ranked[1].slices:
        labels = ", ".join(scan.label for scan in ranked)
        return None, f"{len(ranked)} series could be the CTA: {labels}; fill in one"
    chosen = ranked[0]
    return chosen, f"CTA: {chosen.label}" + (f", the largest of {len(scans)}" if len(scans) > 1 else "")


def _linked(scan: Scan, links: Path) -> Path:
    """A folder with links to the series' files, or with copies where the system has no links; made once."""
    # Neither patient nor UID in the name.
    folder = links.absolute() / f"series-{hashlib.sha256(scan.uid.encode()).hexdigest()[:12]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(scan.files, start=1):
            link = folder / f"{number:05d}.dcm"
            if link.exists():
                continue
            try:
                link.symlink_to(file)
            except (OSError, NotImplementedError):
                shutil.copy2(file, link)
    except OSError as error:
        raise InputError(
            "{file} cannot be written ({reason}); give another folder with --links.", file=links, reason=error.strerror
        ) from error
    return folder


def _exported(files: Iterable[Path], left_out: list[str]) -> list[FoundRow]:
    """A row for each folder with a volume named cta and one or two runs named dsa, as exporting programs write them."""
    by_folder: dict[Path, dict[str, list[Path]]] = {}
    for path in files:
        name = path.name.lower()
        kind = "cta" if name.startswith("cta") and name.endswith(VOLUMES) else ""
        kind = kind or ("dsa" if name.startswith("dsa") and name.endswith(RUNS) else "")
        stem = name.split(".")[0]
        if kind and not any(word in stem for word in ("vessel", "vein", "mask", "seg", "label")):
            by_folder.setdefault(path.parent, {}).setdefault(kind, []).append(path)
    rows = []
    for folder, of in sorted(by_folder.items()):
        ctas, dsas = sorted(of.get("cta", ())), sorted(of.get("dsa", ()))
        if len(ctas) == 1 and 1 <= len(dsas) <= 2:
            second = os.fspath(dsas[1]) if len(dsas) > 1 else ""
            rows.append(FoundRow(folder.name, os.fspath(ctas[0]), os.fspath(dsas[0]), second, "by the files' names"))
        elif ctas or dsas:
            left_out.append(
                f"{folder.name}: {len(ctas)} files named cta and {len(dsas)} named dsa; one and one or two are needed."
            )
    return rows


def _with_names_of_their_own(rows: Sequence[FoundRow], pseudonymise: bool) -> list[FoundRow]:
    """Rows of one patient are numbered."""
    count: dict[str, int] = {}
    for row in rows:
        count[same_name(row.patient)] = count.get(same_name(row.patient), 0) + 1
    taken = {same_name(row.patient) for row in rows if count[same_name(row.patient)] == 1}
    named = []
    digits = max(3, len(str(len(rows))))
    for place, row in enumerate(rows, start=1):
        name = row.patient
        if pseudonymise:
            name = f"P{place:0{digits}d}"
        elif count[same_name(name)] > 1:
            number = 1
            while same_name(f"{name} run {number}") in taken:
                number += 1
            name = f"{name} run {number}"
            taken.add(same_name(name))
        named.append(replace(row, patient=name))
    return named
