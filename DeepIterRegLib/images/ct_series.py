"""Finds and reads the CT series in a folder of DICOM slices."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.itk_files import read_image
from DeepIterRegLib.images.paths import is_dicom
from DeepIterRegLib.images.slice_geometry import MIN_SLICES, SliceStack, orthogonal

if TYPE_CHECKING:
    import SimpleITK as sitk
    from pydicom import Dataset

CLEARLY_MORE = 2.0
"""A series is taken without asking when it has this many times the slices of the next one."""
VOLUME_MODALITIES = ("CT", "XA")
"""3DRA reconstructions are exported as CT or, by some scanners, as XA slices."""
HEADER = [
    "Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "ImageType", "Rows", "Columns",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "NumberOfFrames", "SOPClassUID",
]  # fmt: skip


@dataclass(frozen=True)
class Slice:
    """One file of a series."""

    path: Path
    header: Dataset


def read_ct_series(folder: Path) -> tuple[sitk.Image, list[str]]:
    """Read the CT series in a folder and its subfolders.

    Returns the image (HU as the rescale tags say, orthogonal axes) and warnings. Raises InputError for no or several
    eligible series, a series that is not one complete stack, and a run of 2D angiograms.
    """
    series, others = _series_in(folder)
    if not series:
        raise _nothing(folder, others)
    ranked = sorted(series, key=len, reverse=True)
    warnings = []
    if len(ranked) > 1:
        names = [f"{_label(s)} ({len(s)} slices)" for s in ranked]
        if len(ranked[0]) < CLEARLY_MORE * len(ranked[1]):
            raise InputError(
                "The folder {file} holds {count} series: {series}; give a folder with one of them alone for {cta}.",
                field=Field.CTA,
                file=folder,
                count=len(ranked),
                series=names,
            )
        # Without the descriptions, which may name the patient: warnings are kept in scenes and reports.
        sizes = ", ".join(f"series {s[0].header.get('SeriesNumber', '?')} ({len(s)} slices)" for s in ranked)
        warnings.append(f"The CTA's folder holds {len(ranked)} series: {sizes}; the first was taken.")
    stack = _stack(ranked[0], folder.name)
    image, more = orthogonal(_read(ranked[0], stack, folder), stack)
    return image, warnings + more


def read_ct_file(path: Path) -> sitk.Image:
    """Read a single DICOM file that holds a whole volume (enhanced CT). Raises InputError for anything else."""
    header = _header(path)
    if header is None:
        raise InputError(
            "{file} is truncated or damaged and cannot be read; export it again.", field=Field.CTA, file=path
        )
    modality = str(header.get("Modality", "") or "")
    frames = int(header.get("NumberOfFrames", 1) or 1)
    if _is_angiogram(header):
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
    if frames < MIN_SLICES:
        raise InputError(
            "{file} is a single slice; give the folder with the whole series for {cta}.", field=Field.CTA, file=path
        )
    return read_image(path, Field.CTA)


def _series_in(folder: Path) -> tuple[list[list[Slice]], set[str]]:
    """Eligible series of slices, and what else there was ("XA run", "MR", ...)."""
    groups: dict[str, list[Slice]] = defaultdict(list)
    others = set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.upper() == "DICOMDIR" or not is_dicom(path):
            continue
        header = _header(path)
        if header is None:
            raise InputError(
                "{file} is truncated or damaged and cannot be read; export it again.", field=Field.CTA, file=path
            )
        modality = str(header.get("Modality", "") or "")
        if _is_angiogram(header):
            others.add("angiogram")
        elif modality not in VOLUME_MODALITIES:
            others.add(modality or "unknown")
        elif "LOCALIZER" not in [str(word).upper() for word in header.get("ImageType", None) or []]:
            groups[str(header.get("SeriesInstanceUID", ""))].append(Slice(path, header))
    return [slices for slices in groups.values() if len(slices) >= MIN_SLICES] or list(groups.values()), others


def _header(path: Path) -> Dataset | None:
    import pydicom

    try:
        with quiet_readers():
            return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list[Any](HEADER))
    except Exception:  # whatever the damage makes pydicom stumble over; the caller says so
        return None


def _is_angiogram(header: Dataset) -> bool:
    """A projection has no position in the patient."""
    return str(header.get("Modality", "")) in ("XA", "RF", "DX", "CR") and "ImagePositionPatient" not in header


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


def _label(slices: list[Slice]) -> str:
    header = slices[0].header
    description = str(header.get("SeriesDescription", "") or "").strip()
    return f"series {header.get('SeriesNumber', '?')}" + (f" '{description}'" if description else "")


def _stack(slices: list[Slice], folder_name: str) -> SliceStack:
    """Sort the slices along their normal (in place) and take their geometry. Raises InputError."""
    if len(slices) < MIN_SLICES:
        raise InputError(
            "The folder {file} holds only {count} CT slices, too few for a head; give the whole series.",
            field=Field.CTA,
            file=folder_name,
            count=len(slices),
        )
    shapes = {(s.header.get("Rows"), s.header.get("Columns")) for s in slices}
    try:
        orientations = np.array([s.header.ImageOrientationPatient for s in slices], dtype=np.float64)
        positions = np.array([s.header.ImagePositionPatient for s in slices], dtype=np.float64)
        spacings = np.array([s.header.PixelSpacing for s in slices], dtype=np.float64)
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(
            "A slice in the folder {file} has no Image Position (0020,0032), Image Orientation (0020,0037) "
            "or Pixel Spacing (0028,0030); export the series again.",
            field=Field.CTA,
            file=folder_name,
        ) from error
    if len(shapes) > 1 or np.ptp(orientations, axis=0).max() > 1e-3 or np.ptp(spacings, axis=0).max() > 1e-4:
        raise InputError(
            "The slices in the folder {file} differ in size, pixel spacing or orientation; give one series.",
            field=Field.CTA,
            file=folder_name,
        )
    stack, order = SliceStack.from_positions(positions, orientations[0], spacings[0], folder_name)
    slices[:] = [slices[i] for i in order]
    return stack


def _read(slices: list[Slice], stack: SliceStack, folder: Path) -> sitk.Image:
    """The voxels, with the geometry of the tags (ITK's own guess ignores a tilt and averages a gap)."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(s.path) for s in slices])
    try:
        with quiet_readers():
            image = reader.Execute()
    except RuntimeError as error:
        raise InputError(
            "A slice in the folder {file} is truncated or cannot be decoded; export the series again.",
            field=Field.CTA,
            file=folder,
        ) from error
    if image.GetDimension() != 3 or image.GetSize()[2] != len(slices):
        raise InputError(
            "The folder {file} does not hold one stack of slices; give the CTA's series alone.",
            field=Field.CTA,
            file=folder,
        )
    image.SetSpacing([float(x) for x in stack.spacing_mm])
    image.SetOrigin([float(x) for x in stack.origin_mm])
    image.SetDirection([float(x) for x in stack.direction.ravel()])
    return image
