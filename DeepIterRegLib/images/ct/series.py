"""Finds and reads the CT series in a folder of DICOM files, or in one file."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.ct.choice import CLEARLY_MORE, ChosenStack, choose_stack
from DeepIterRegLib.images.ct.pixels import read_voxels
from DeepIterRegLib.images.ct.slices import TAGS, LeftOut, Slice, image_name, is_projection, slices_of
from DeepIterRegLib.images.ct.stack import MIN_SLICES, orthogonal
from DeepIterRegLib.images.dicom_file import dataset_if_sound
from DeepIterRegLib.images.dicom_numbers import element_value, word_of
from DeepIterRegLib.images.paths import is_dicom
from DeepIterRegLib.images.reading_notes import SeriesRead, note_decision, note_series

if TYPE_CHECKING:
    import SimpleITK as sitk
    from pydicom import Dataset

VOLUME_MODALITIES = ("CT", "XA")
"""3DRA reconstructions are exported as CT or, by some scanners, as XA slices."""


@dataclass(eq=False)
class Series:
    """The images of one series."""

    number: str = "?"
    description: str = ""
    slices: list[Slice] = field(default_factory=list)
    others: list[LeftOut] = field(default_factory=list)

    def add(self, path: Path, header: Dataset) -> None:
        slices, others = slices_of(path, header)
        if not self.slices:
            self.number = str(element_value(header, "SeriesNumber", path.name, field=Field.CTA) or "?")
            self.description = str(element_value(header, "SeriesDescription", path.name, field=Field.CTA) or "").strip()
        self.slices += slices
        self.others += others

    @property
    def label(self) -> str:
        return f"series {self.number}" + (f" '{self.description}'" if self.description else "")


@quiet_readers()
def read_ct_series(folder: Path) -> tuple[sitk.Image, list[str]]:
    """Read the CT series in a folder and its subfolders.

    Returns the image (HU as the rescale tags say, orthogonal axes) and warnings. Raises InputError for no or several
    eligible series, a series that is not one complete stack, and a run of 2D angiograms.
    """
    series, others, damaged = _series_in(folder)
    if not series and damaged:
        raise _damaged(damaged[0])
    if not series:
        raise _nothing(folder, others)
    ranked = sorted(series, key=lambda one: len(one.slices), reverse=True)
    note_series(
        SeriesRead(one.number, len(one.slices), len(one.others), one is ranked[0] and _is_clear(ranked))
        for one in ranked
    )
    warnings = []
    if len(ranked) > 1:
        if not _is_clear(ranked):
            raise InputError(
                "The folder {file} holds {count} series: {series}; give a folder with one of them alone for {cta}.",
                field=Field.CTA,
                file=folder,
                count=len(ranked),
                series=[f"{one.label} ({len(one.slices)} slices)" for one in ranked],
            )
        # Without the descriptions, which may name the patient: warnings are kept in scenes and reports.
        sizes = ", ".join(f"series {one.number} ({len(one.slices)} slices)" for one in ranked)
        warnings.append(f"The CTA's folder holds {len(ranked)} series: {sizes}; the first was taken.")
    try:
        chosen = choose_stack(ranked[0].slices, ranked[0].others, folder)
    except InputError as error:
        if damaged:
            raise _damaged(damaged[0]) from error  # which may be what the stack lacks
        raise
    if damaged:
        warnings.append(f"{len(damaged)} damaged DICOM files in the CTA's folder were left out.")
    image, more = orthogonal(_image(chosen, folder), chosen.stack)
    return image, [*warnings, *chosen.warnings, *more]


@quiet_readers()
def read_ct_file(path: Path) -> tuple[sitk.Image, list[str]]:
    """Read a single DICOM file that holds a whole volume: Enhanced CT, X-Ray 3D Angiographic, and the like.

    Returns the image (HU as the rescale tags of each frame say, orthogonal axes) and warnings. Raises InputError for
    anything else, and as `read_ct_series` for frames that are not one complete stack.
    """
    header = dataset_if_sound(path, pixels=False, tags=TAGS)
    if header is None:
        raise _damaged(path)
    modality = word_of(header, "Modality", path.name, field=Field.CTA)
    if is_projection(header, path.name):
        raise InputError(
            "{file}, given for {cta}, is a 2D angiogram ({modality}); swap {cta} and {dsa}.",
            field=Field.CTA,
            file=path,
            modality=modality,
        )
    if modality not in VOLUME_MODALITIES:
        if not modality:
            raise InputError(
                "{file}, given for {cta}, is not an image; give a CT angiogram.", field=Field.CTA, file=path
            )
        raise InputError(
            "{file}, given for {cta}, is {modality}, not CT; give a CT angiogram.",
            field=Field.CTA,
            file=path,
            modality=modality,
        )
    series = Series()
    series.add(path, header)
    if len(series.slices) + len(series.others) < MIN_SLICES:
        raise InputError(
            "{file} is a single slice; give the folder with the whole series for {cta}.", field=Field.CTA, file=path
        )
    chosen = choose_stack(series.slices, series.others, path)
    image, more = orthogonal(_image(chosen, path), chosen.stack)
    return image, [*chosen.warnings, *more]


def _is_clear(ranked: list[Series]) -> bool:
    """Whether the first of the series, most slices first, is taken without asking."""
    return len(ranked) == 1 or len(ranked[0].slices) >= CLEARLY_MORE * len(ranked[1].slices)


def _series_in(folder: Path) -> tuple[list[Series], set[str], list[Path]]:
    """Eligible series, what else there was ("angiogram", "MR", ...), and the files that cannot be read."""
    groups: dict[str, Series] = defaultdict(Series)
    elsewhere: list[tuple[str, LeftOut]] = []
    others: set[str] = set()
    damaged = []
    for path in files_below(folder):
        if path.name.upper() == "DICOMDIR" or not is_dicom(path):
            continue
        header = dataset_if_sound(path, pixels=False, tags=TAGS)
        if header is None or ("SOPClassUID" not in header and "Modality" not in header):
            damaged.append(path)
            continue
        modality = word_of(header, "Modality", path.name, field=Field.CTA)
        series = str(element_value(header, "SeriesInstanceUID", path.name, field=Field.CTA) or "")
        if is_projection(header, path.name):
            others.add("angiogram")
        elif modality not in VOLUME_MODALITIES:
            others.add(modality or "unknown")
        else:
            groups[series].add(path, header)
            continue
        elsewhere.append((series, LeftOut(image_name(header, path.name), f"{modality or 'no image'}, not CT")))
    for series, one in elsewhere:
        if series in groups:
            groups[series].others.append(one)
    found = [one for one in groups.values() if one.slices or one.others]
    return [one for one in found if len(one.slices) >= MIN_SLICES] or found, others, damaged


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder and its subfolders, links followed, none twice; in the order of their names."""
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if _is_new(os.path.join(where, name), seen))
        for name in sorted(names):
            path = Path(where, name)
            if path.is_file() and _is_new(str(path), seen):
                yield path


def _is_new(path: str, seen: set[str]) -> bool:
    """Whether no link led there before (or round in a circle); notes that one did."""
    real = os.path.realpath(path)
    if real in seen:
        return False
    seen.add(real)
    return True


def _damaged(path: Path) -> InputError:
    return InputError("{file} is truncated or damaged and cannot be read; export it again.", field=Field.CTA, file=path)


def _nothing(folder: Path, others: set[str]) -> InputError:
    if "angiogram" in others:
        return InputError(
            "The folder {file}, given for {cta}, holds a 2D angiogram; swap {cta} and {dsa}.",
            field=Field.CTA,
            file=folder,
        )
    if others:
        return InputError(
            "The folder {file} holds {modalities} images and no CT; give a CT angiogram for {cta}.",
            field=Field.CTA,
            file=folder,
            modalities=sorted(others),
        )
    if any(path.suffix.lower() == ".png" for path in folder.iterdir()):
        return InputError(
            "The folder {file}, given for {cta}, holds 2D pictures; swap {cta} and {dsa} if it is the angiogram.",
            field=Field.CTA,
            file=folder,
        )
    return InputError(
        "The folder {file} holds no DICOM files; give the folder of a CT series, or an NRRD or NIfTI file, for {cta}.",
        field=Field.CTA,
        file=folder,
    )


def _image(chosen: ChosenStack, source: Path) -> sitk.Image:
    """The voxels with the geometry of the tags, as if the slices were aligned."""
    import SimpleITK as sitk

    note_decision("Slices that were taken", str(len(chosen.slices)), "their positions in the patient")
    image = sitk.GetImageFromArray(read_voxels(chosen.slices, source))
    image.SetSpacing([float(x) for x in chosen.stack.spacing_mm])
    image.SetOrigin([float(x) for x in chosen.stack.origin_mm])
    image.SetDirection([float(x) for x in chosen.stack.direction.ravel()])
    return image
