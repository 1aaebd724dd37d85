"""Reads an angiographic run from an XA DICOM file.

pydicom decodes; what the values mean (mask frames, LOG and LIN, shutters, detector sizes) no library reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.paths import nameless
from DeepIterRegLib.images.run import RawRun, subtracted_run
from DeepIterRegLib.images.shutter import valid_from_tags
from DeepIterRegLib.images.xa_geometry import carm_from_tags
from DeepIterRegLib.images.xa_header import read_header
from DeepIterRegLib.images.xa_mask import mask_frames
from DeepIterRegLib.images.xa_times import frame_times_s

if TYPE_CHECKING:
    from pydicom import Dataset

NOT_PROJECTIONS = ("MR", "PT", "US")
PLAIN = ("DX", "CR")
"""Radiographs: nothing is subtracted from them."""


class UndecodableError(InputError):
    """The pixel data are truncated, or compressed in a way for which no decoder is installed."""


def read_xa(path: Path, options: GeometryOptions, frames: npt.NDArray[Any] | None = None) -> Angiogram:
    """Read an XA (or RF, or secondary capture) file: one frame or many, any transfer syntax with a decoder.

    frames: (T, rows, columns) the file's pixels as another program decoded and rescaled them, used where this one
    cannot. Raises InputError for a file that is no X-ray projection, is truncated, has no geometry (naming the
    tags), or shows neither subtracted frames nor a mask.
    """
    dataset = _dataset(path)
    carm, warnings = carm_from_tags(dataset, options, path.name)
    try:
        pixels = _pixels(dataset, path)
    except UndecodableError:
        if frames is None or frames.shape != (_frame_count(dataset), int(dataset.Rows), int(dataset.Columns)):
            raise
        pixels = frames.astype(np.float32)
    position = str(dataset.get("PatientPosition", "") or "").strip().upper()
    if not position:
        position = HEAD_FIRST_SUPINE
        warnings.append(f"{path.name} has no Patient Position (0018,5100); head first, supine was assumed.")
    raw = RawRun(
        pixels=pixels,
        valid=valid_from_tags(dataset, int(dataset.Rows), int(dataset.Columns)),
        linear=str(dataset.get("PixelIntensityRelationship", "") or "").upper() == "LIN",
        inverted=_inverted(dataset),
        brightest=_brightest(dataset),
        mask=mask_frames(dataset, len(pixels), path.name),
        as_acquired=_as_acquired(dataset),
        plain=str(dataset.get("Modality", "") or "").upper() in PLAIN,
    )
    run = subtracted_run(raw, path.name)
    return Angiogram(
        run.frames, carm, run.valid, frame_times_s(dataset, len(pixels)) if len(run.frames) else None, position,
        warnings=nameless((*warnings, *run.warnings), path, "The DSA"), native=run.native, head_motion=run.head_motion,
    )  # fmt: skip


def _dataset(path: Path) -> Dataset:
    """The header and the undecoded pixels. Raises InputError for what is no DICOM image of a projection."""
    dataset = read_header(path, stop_before_pixels=False)
    require_projection(dataset, path.name)
    if "Rows" not in dataset or "Columns" not in dataset or "PixelData" not in dataset:
        if "SOPClassUID" not in dataset:
            raise InputError(
                "{file} is not a DICOM file; give an XA DICOM file, NRRD, NIfTI or PNG frames for {dsa}.",
                field=Field.DSA,
                file=path,
            )
        raise InputError(
            "{file} holds no image (truncated?); give an XA DICOM file, NRRD, NIfTI or PNG frames for {dsa}.",
            field=Field.DSA,
            file=path,
        )
    return dataset


def require_projection(dataset: Dataset, name: str) -> None:
    """Raise InputError for a slice of a CT or MR that was given as the angiogram."""
    modality = str(dataset.get("Modality", "") or "").upper()
    if modality == "XA" and "ImagePositionPatient" in dataset:
        raise InputError(
            "{file}, given for {dsa}, is a slice of a 3D reconstruction; swap {cta} and {dsa}.",
            field=Field.DSA,
            file=name,
        )
    if modality == "CT":
        raise InputError("{file}, given for {dsa}, is a CT slice; swap {cta} and {dsa}.", field=Field.DSA, file=name)
    if modality in NOT_PROJECTIONS:
        raise InputError(
            "{file}, given for {dsa}, is an image of the modality {modality}; give an X-ray angiogram (XA).",
            field=Field.DSA,
            file=name,
            modality=modality,
        )


def _pixels(dataset: Dataset, path: Path) -> npt.NDArray[np.float32]:
    """(T, rows, columns) decoded, rescaled. Raises InputError for truncated data, a missing decoder, or colours."""
    try:
        with quiet_readers():
            array = np.asarray(dataset.pixel_array)
    except Exception as error:  # each codec has its own
        syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
        name = getattr(syntax, "name", "unknown transfer syntax")
        raise UndecodableError(
            "{file} has pixel data ({syntax}) that are truncated or cannot be decoded; export it again, "
            "uncompressed if need be, for {dsa}.",
            field=Field.DSA,
            file=path,
            syntax=name,
        ) from error
    if int(dataset.get("SamplesPerPixel", 1) or 1) != 1:
        if np.ptp(array.astype(np.int32), axis=-1).max() > 0:
            raise InputError(
                "{file} is a colour picture of a screen; give the X-ray frames themselves for {dsa}.",
                field=Field.DSA,
                file=path,
            )
        array = array[..., 0]
    if array.dtype.kind == "u" and array.max() > (most := 2 ** int(dataset.BitsStored) - 1):
        array = array & array.dtype.type(most)  # Older files keep overlays in the bits above the stored ones.
    frames = array.reshape(-1, int(dataset.Rows), int(dataset.Columns)).astype(np.float32)
    expected = _frame_count(dataset)
    if len(frames) != expected:
        raise InputError(
            "{file} is truncated: it announces {announced} frames and holds {held}; export it again.",
            field=Field.DSA,
            file=path,
            announced=expected,
            held=len(frames),
        )
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    return frames if (slope, intercept) == (1, 0) else frames * np.float32(slope) + np.float32(intercept)


def _frame_count(dataset: Dataset) -> int:
    return int(dataset.get("NumberOfFrames", 1) or 1)


def _inverted(dataset: Dataset) -> bool:
    """Whether the tags say that vessels are stored bright: what stands in where the pixels do not tell."""
    sign = dataset.get("PixelIntensityRelationshipSign", None)
    if sign not in (None, ""):
        return int(sign) == -1
    return str(dataset.get("PhotometricInterpretation", "")).upper() == "MONOCHROME1"


def _as_acquired(dataset: Dataset) -> bool:
    """Whether Image Type (0008,0008) begins with ORIGINAL."""
    kinds = dataset.get("ImageType", None)
    return bool(kinds) and str(np.atleast_1d(kinds)[0]).strip().upper() == "ORIGINAL"


def _brightest(dataset: Dataset) -> float | None:
    """The largest value that the stored bits can hold; None for signed or rescaled pixels."""
    if int(dataset.get("PixelRepresentation", 0) or 0) or "RescaleSlope" in dataset:
        return None
    return float(2 ** int(dataset.get("BitsStored", 16)) - 1)
