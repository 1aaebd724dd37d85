"""The DICOM files of a folder, sorted into scans of a head and angiographic runs by what their headers say."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.ct.choice import CLEARLY_MORE, choose_stack
from DeepIterRegLib.images.ct.series import VOLUME_MODALITIES, Series, files_below
from DeepIterRegLib.images.ct.slices import TAGS, is_projection
from DeepIterRegLib.images.ct.stack import MIN_SLICES
from DeepIterRegLib.images.dicom_file import dataset_if_sound
from DeepIterRegLib.images.dicom_numbers import element_value, number_of, word_of, words_of
from DeepIterRegLib.images.functional_groups import frame_count
from DeepIterRegLib.images.paths import is_dicom
from DeepIterRegLib.images.xa_files import runs_among

if TYPE_CHECKING:
    from pydicom import Dataset

WHO = (
    "PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime", "SeriesDate", "SeriesTime",
    "AcquisitionDate", "AcquisitionTime", "BodyPartExamined", "ContrastBolusAgent", "StudyDescription",
    "PositionerPrimaryAngle", "InstanceNumber",
)  # fmt: skip
HEAD = ("HEAD", "BRAIN", "SKULL", "NECK", "CAROTID", "CEREBR", "INTRACRANIAL", "FACE")
"""Parts of what Body Part Examined says of a head; empty, it may be one."""
BIPLANE_S = 2.0
"""Two runs that begin within it, of one study, were taken together where they look from other sides."""
OTHER_SIDE_DEG = 30.0


@dataclass(frozen=True)
class Scan:
    """A series of CT or 3DRA slices that is a whole volume of a head."""

    uid: str
    label: str
    """"series 4 (312 slices, 20260301)": without its description, which may name the patient."""
    path: Path | None
    """The folder in which a registration would take this series and no other; None where there is none."""
    slices: int
    time: str
    """YYYYMMDD, or nothing."""
    has_contrast: bool
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Run:
    """An angiographic run, or an X-ray of the head."""

    path: Path
    study: str
    time: str
    """YYYYMMDDHHMMSS.ffffff, as far as it is known."""
    seconds: float | None
    """Of the day, at which it began."""
    number: float
    plane: str
    """What Image Type says third: "BIPLANE A"."""
    angle_deg: float | None
    """Primary."""
    comment: str

    def is_beside(self, other: Run) -> bool:
        """Whether a biplane system took both together."""
        if self.study != other.study or not self.study:
            return False
        if {self.plane, other.plane} == {"BIPLANE A", "BIPLANE B"} and self.time[:8] == other.time[:8]:
            return self._begins_with(other)
        if self.angle_deg is None or other.angle_deg is None or self.plane == "SINGLE PLANE":
            return False
        return self._begins_with(other) and abs(self.angle_deg - other.angle_deg) > OTHER_SIDE_DEG

    def _begins_with(self, other: Run) -> bool:
        if self.seconds is None or other.seconds is None or self.time[:8] != other.time[:8]:
            return False
        return abs(self.seconds - other.seconds) <= BIPLANE_S


@dataclass
class DicomTree:
    """What was found."""

    left_out: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    """Files that are no DICOM with a patient."""
    _scans: dict[str, list[Scan]] = field(default_factory=lambda: defaultdict(list))
    _runs: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, folder: Path) -> DicomTree:
        """Reads every header once, those of runs twice."""
        tree = cls()
        series: dict[str, _Found] = {}
        projections: dict[str, list[Path]] = defaultdict(list)
        in_folder: dict[Path, Counter[str]] = defaultdict(Counter)
        aside: Counter[str] = Counter()
        damaged = 0
        files = [path for path in files_below(folder) if path.name.upper() != "DICOMDIR"]
        # An exported patient: a volume that is no DICOM, with the run beside it.
        exported = {path.parent for path in files if path.name.lower().startswith("cta.") and not is_dicom(path)}
        for path in files:
            if path.parent in exported or not is_dicom(path):
                tree.others.append(path)
                continue
            header = dataset_if_sound(path, pixels=False, tags=[*TAGS, *WHO])
            if header is None or "SOPClassUID" not in header:
                damaged += 1
                continue
            try:
                if not _who(header, path):
                    tree.others.append(path)
                    continue
                tree._sort(path, header, series, projections, in_folder, aside)
            except InputError as error:
                tree.left_out.append(f"A file was left out: {error.about('it')}")
        if damaged:
            tree.left_out.append(f"{damaged} damaged DICOM file(s) were left out.")
        tree.left_out += [f"{count} {what} were left out." for what, count in sorted(aside.items())]
        tree._take_scans(folder, series, in_folder)
        tree._take_runs(projections)
        return tree

    def patients(self) -> list[str]:
        return sorted({*self._scans, *self._runs})

    def scans_of(self, patient: str) -> Sequence[Scan]:
        return self._scans.get(patient, ())

    def runs_of(self, patient: str) -> Sequence[Run]:
        return self._runs.get(patient, ())

    def _sort(
        self, path: Path, header: Dataset, series: dict[str, _Found], projections: dict[str, list[Path]],
        in_folder: dict[Path, Counter[str]], aside: Counter[str],
    ) -> None:  # fmt: skip
        modality = word_of(header, "Modality", path.name)
        if not _may_be_head(header, path):
            aside[f"{modality or 'other'} image(s) of another part of the body"] += 1
        elif is_projection(header, path.name):
            projections[_who(header, path)].append(path)
        elif modality in VOLUME_MODALITIES:
            uid = _text(header, "SeriesInstanceUID", path)
            one = series.setdefault(uid, _Found(_who(header, path)))
            one.series.add(path, header)
            one.folders[path.parent] += 1
            one.time = one.time or _time(header, path)
            one.has_contrast = one.has_contrast or bool(_text(header, "ContrastBolusAgent", path))
            in_folder[path.parent][uid] += 1
        else:
            aside[f"{modality or 'other'} file(s), neither CT nor angiogram,"] += 1

    def _take_scans(self, folder: Path, series: dict[str, _Found], in_folder: dict[Path, Counter[str]]) -> None:
        for uid, found in series.items():
            count = len(found.series.slices)
            label = f"series {found.series.number} ({count} slices{', ' + found.time[:8] if found.time else ''})"
            if count < MIN_SLICES:
                self.left_out.append(
                    f"{found.patient}: series {found.series.number} was left out, {count + len(found.series.others)} "
                    "image(s) that are no volume (a scout, a report, a screen save)."
                )
                continue
            try:
                choose_stack(found.series.slices, found.series.others, folder)
            except InputError as error:
                self.left_out.append(f"{found.patient}: {label} was left out. {error.about('the series')}")
                continue
            path = _folder_of(uid, found, in_folder, series)
            files = tuple(dict.fromkeys(one.path for one in found.series.slices))
            self._scans[found.patient].append(Scan(uid, label, path, count, found.time[:8], found.has_contrast, files))

    def _take_runs(self, projections: dict[str, list[Path]]) -> None:
        for patient, paths in projections.items():
            runs = [(files, dataset_if_sound(files[0], pixels=False)) for files in runs_among(paths)]
            moving = [
                len(files) > 1 or (header is not None and _frames(header, files[0]) > 1) for files, header in runs
            ]
            for (files, header), moves in zip(runs, moving, strict=True):
                if header is None:
                    continue
                if not moves and any(moving):
                    self.left_out.append(f"{patient}: a single image of the angiography was left out.")
                    continue
                self._runs[patient].append(_run(files, header))


@dataclass
class _Found:
    patient: str
    series: Series = field(default_factory=Series)
    folders: Counter[Path] = field(default_factory=Counter)
    time: str = ""
    has_contrast: bool = False


def _folder_of(uid: str, found: _Found, in_folder: dict[Path, Counter[str]], series: dict[str, _Found]) -> Path | None:
    """The folder that holds the whole series, and below which `read_ct_series` takes it and no other."""
    if len(found.folders) != 1:
        return None
    (folder,) = found.folders
    rivals = [
        len(series[other].series.slices)
        for below, counts in in_folder.items()
        if below.is_relative_to(folder)
        for other in counts
        if other != uid
    ]
    return folder if len(found.series.slices) >= CLEARLY_MORE * max(rivals, default=0) else None


def _run(files: tuple[Path, ...], header: Dataset) -> Run:
    path = files[0]
    image_type = words_of(header, "ImageType", path.name)
    time = _time(header, path)
    frames = len(files) if len(files) > 1 else _frames(header, path)
    angles = [_number(header, name, path) for name in ("PositionerPrimaryAngle", "PositionerSecondaryAngle")]
    seen = "" if None in angles else f", {angles[0]:.0f}°/{angles[1]:.0f}°"
    return Run(
        path=path,
        study=_text(header, "StudyInstanceUID", path),
        time=time,
        seconds=_began_s(header, path),
        number=_number(header, "SeriesNumber", path) or 0.0,
        plane=image_type[2] if len(image_type) > 2 else "",
        angle_deg=angles[0],
        comment=f"run: {frames} frame(s){seen}" + (f", {time[:8]}" if time else ""),
    )


def _who(header: Dataset, path: Path) -> str:
    """The patient's ID, else the name, else the study."""
    found = (_text(header, name, path) for name in ("PatientID", "PatientName", "StudyInstanceUID"))
    return next(filter(None, found), "")


def _may_be_head(header: Dataset, path: Path) -> bool:
    part = _text(header, "BodyPartExamined", path).upper()
    return not part or any(name in part for name in HEAD)


def _time(header: Dataset, path: Path) -> str:
    """Date and time, each of the acquisition, else of the series, else of the study; the date alone without a time."""
    levels = ("Acquisition", "Series", "Study")
    moment = _text(header, "AcquisitionDateTime", path)
    dates = [moment[:8], *(_text(header, f"{level}Date", path) for level in levels)]
    times = [moment[8:], *(_text(header, f"{level}Time", path) for level in levels)]
    date = next((date for date in dates if len(date) == 8 and date.isdigit()), "")
    return date + next(filter(None, times), "") if date else ""


def _began_s(header: Dataset, path: Path) -> float | None:
    """Second of the day at which a run began; a time of its series or study may be that of others as well."""
    time = _text(header, "AcquisitionDateTime", path)[8:] or _text(header, "AcquisitionTime", path)
    clock = re.match(r"(\d\d)(\d\d)(\d\d(?:\.\d+)?)", time)
    return None if clock is None else 3600 * int(clock[1]) + 60 * int(clock[2]) + float(clock[3])


def _frames(header: Dataset, path: Path) -> int:
    try:
        return frame_count(header, path.name, field=Field.DSA)
    except InputError:
        return 1


def _number(header: Dataset, keyword: str, path: Path) -> float | None:
    try:
        return number_of(header, keyword, path.name)
    except InputError:
        return None


def _text(header: Dataset, keyword: str, path: Path) -> str:
    try:
        return str(element_value(header, keyword, path.name) or "").strip()
    except InputError:
        return ""
