"""Reads an angiographic run from an XA DICOM file.

pydicom decodes; what the values mean (mask frames, LOG and LIN, shutters, detector sizes) no library reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dicom_file import read_dataset
from DeepIterRegLib.images.dicom_numbers import whole_number_of, word_of
from DeepIterRegLib.images.functional_groups import frame_count, holder_of
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.paths import nameless
from DeepIterRegLib.images.reading_notes import ASSUMED, note_decision
from DeepIterRegLib.images.run import RawRun, subtracted_run
from DeepIterRegLib.images.shutter import valid_from_tags
from DeepIterRegLib.images.xa_files import PLAIN, RunFiles
from DeepIterRegLib.images.xa_geometry import carm_from_tags, image_size
from DeepIterRegLib.images.xa_mask import MaskFrames, mask_frames
from DeepIterRegLib.images.xa_motion import StillFrames, still_frames
from DeepIterRegLib.images.xa_pixels import is_inverted, is_linear, kind_told, rescale
from DeepIterRegLib.images.xa_times import frame_times_s

if TYPE_CHECKING:
    from pydicom import Dataset

NOT_PROJECTIONS = ("MR", "PT", "US")


class UndecodableError(InputError):
    """The pixel data are truncated, or compressed in a way for which no decoder is installed."""


def read_xa(path: Path, options: GeometryOptions, frames: npt.NDArray[Any] | None = None) -> Angiogram:
    """Read an XA (or RF, or secondary capture) file: one frame or many, any transfer syntax with a decoder.

    frames: (T, rows, columns) the file's pixels as another program decoded and rescaled them, used where this one
    cannot. Raises InputError for a file that is no X-ray projection, is truncated, has no geometry (naming the
    tags), or shows neither subtracted frames nor a mask.
    """
    return _read((path,), options, frames, ())


def read_xa_run(run: RunFiles, options: GeometryOptions) -> Angiogram:
    """The same of a run that may be one file per frame; the first file's header counts for all."""
    return _read(run.files, options, None, run.warnings)


def _read(
    files: Sequence[Path], options: GeometryOptions, frames: npt.NDArray[Any] | None, said: tuple[str, ...]
) -> Angiogram:
    path = files[0]
    dataset = _dataset(path)
    mask, still = _mask_and_still(dataset, len(files), path.name)
    tagged = carm_from_tags(dataset, options, path.name, still)
    warnings = list(tagged.warnings)
    pixels = np.concatenate([_decoded(_dataset(file) if n else dataset, file, frames) for n, file in enumerate(files)])
    header = pixels_of_header(dataset, path.name, still, mask)
    _note(header, len(files), len(pixels), still)
    run = subtracted_run(replace(header, pixels=pixels[still.frames]), path.name)
    times_s = frame_times_s(dataset, len(pixels), path.name) if len(run.frames) else None
    if times_s is not None:
        times_s = times_s[still.frames] - times_s[still.first]
    position = word_of(dataset, "PatientPosition", path.name, field=Field.DSA)
    if not position:
        position = HEAD_FIRST_SUPINE
        note_decision("Patient Position", position, ASSUMED)
        warnings.append(f"{path.name} has no Patient Position (0018,5100); head first, supine was assumed.")
    return Angiogram(
        run.frames, tagged.carm, run.valid, times_s, position,
        warnings=nameless((*said, *still.warnings, *warnings, *run.warnings), path, "The DSA"), native=run.native,
        head_motion=run.head_motion, assumed=tagged.assumed,
    )  # fmt: skip


def _note(header: RawRun, files: int, frames: int, still: StillFrames) -> None:
    """Note what the header makes of the frames."""
    note_decision("Files of the run", str(files), "the file or folder that was given")
    note_decision("Frames in them", str(frames), "Number of Frames (0028,0008), and what was decoded")
    note_decision(
        "Frames at rest, which count",
        f"{still.first + 1} to {still.first + still.count}",
        "positioner and table, see below",
    )
    masks = "none named" if header.mask is None else ", ".join(str(still.first + n + 1) for n in header.mask.indices)
    note_decision("Mask frames", masks, "Mask Subtraction Sequence (0028,6100)")
    note_decision("Pixels by the header", header.told or "not told", header.told_by or "no tag")
    intensity = "proportional to the X-rays" if header.linear else "to their logarithm"
    note_decision("Pixel values", intensity, "Pixel Intensity Relationship (0028,1040), else the logarithm")


def _mask_and_still(dataset: Dataset, files: int, name: str) -> tuple[MaskFrames | None, StillFrames]:
    """The mask frames, of those at rest, and those. files: how many hold the run."""
    if files > 1:
        # What a single frame says of mask frames is of the run that it was taken from.
        return None, StillFrames(0, files)
    mask = mask_frames(dataset, frame_count(dataset, name, field=Field.DSA), name)
    still = still_frames(dataset, name, () if mask is None else mask.indices)
    return None if mask is None else mask.among(still.frames), still


def pixels_of_header(dataset: Dataset, name: str, still: StillFrames, mask: MaskFrames | None) -> RawRun:
    """What a header says about the pixels of the frames at rest, without them. mask: counted among those.

    Raises InputError for tags that cannot be read.
    """
    rows, columns = image_size(dataset, name)
    frame = min(still.first, frame_count(dataset, name, field=Field.DSA) - 1)
    told, told_by = kind_told(dataset, frame, name)
    return RawRun(
        pixels=np.zeros((0, rows, columns), dtype=np.float32),
        valid=valid_from_tags(dataset, rows, columns, frame),
        linear=is_linear(dataset, frame, name),
        inverted=is_inverted(dataset, frame, name),
        brightest=_brightest(dataset, frame, name),
        mask=mask,
        told=told,
        told_by=told_by,
        plain=word_of(dataset, "Modality", name, field=Field.DSA) in PLAIN,
        has_text=word_of(dataset, "BurnedInAnnotation", name, field=Field.DSA) == "YES",
    )


def _decoded(dataset: Dataset, path: Path, frames: npt.NDArray[Any] | None) -> npt.NDArray[np.float32]:
    """(T, rows, columns) of one file, or `frames` where it cannot be decoded here."""
    try:
        return _pixels(dataset, path)
    except UndecodableError:
        shape = (frame_count(dataset, path.name, field=Field.DSA), *image_size(dataset, path.name))
        if frames is None or frames.shape != shape:
            raise
        return frames.astype(np.float32)


def _dataset(path: Path) -> Dataset:
    """The header and the undecoded pixels. Raises InputError for what is no DICOM image of a projection."""
    dataset = read_dataset(path)
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
    modality = word_of(dataset, "Modality", name, field=Field.DSA)
    if modality == "XA" and holder_of(dataset, "ImagePositionPatient", 0, name, field=Field.DSA) is not None:
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
    if (whole_number_of(dataset, "SamplesPerPixel", path.name, field=Field.DSA) or 1) != 1:
        if np.ptp(array.astype(np.int32), axis=-1).max() > 0:
            raise InputError(
                "{file} is a colour picture of a screen; give the X-ray frames themselves for {dsa}.",
                field=Field.DSA,
                file=path,
            )
        array = array[..., 0]
    if word_of(dataset, "PhotometricInterpretation", path.name, field=Field.DSA) == "PALETTE COLOR":
        raise InputError(
            "{file} is a picture in colours from a palette; give the X-ray frames themselves for {dsa}.",
            field=Field.DSA,
            file=path,
        )
    stored = whole_number_of(dataset, "BitsStored", path.name, field=Field.DSA) or array.dtype.itemsize * 8
    if array.dtype.kind == "u" and array.max() > (most := 2**stored - 1):
        array = array & array.dtype.type(most)  # Older files keep overlays in the bits above the stored ones.
    frames = array.reshape(-1, *image_size(dataset, path.name)).astype(np.float32)
    expected = frame_count(dataset, path.name, field=Field.DSA)
    if len(frames) != expected:
        raise InputError(
            "{file} is truncated: it announces {announced} frames and holds {held}; export it again.",
            field=Field.DSA,
            file=path,
            announced=expected,
            held=len(frames),
        )
    return _rescaled(frames, dataset, path.name)


def _rescaled(frames: npt.NDArray[np.float32], dataset: Dataset, name: str) -> npt.NDArray[np.float32]:
    """Frames in the unit that their rescale gives them, one by one where they have their own."""
    scales = [rescale(dataset, frame, name) for frame in range(len(frames))]
    if all(scale == (1, 0) for scale in scales):
        return frames
    slopes, intercepts = np.array(scales, dtype=np.float32).T[..., None, None]
    return frames * slopes + intercepts


def _brightest(dataset: Dataset, frame: int, name: str) -> float | None:
    """The largest value that the stored bits can hold; None for signed or rescaled pixels."""
    if whole_number_of(dataset, "PixelRepresentation", name, field=Field.DSA):
        return None
    if holder_of(dataset, "RescaleSlope", frame, name, field=Field.DSA) is not None:
        return None
    return float(2 ** (whole_number_of(dataset, "BitsStored", name, field=Field.DSA) or 16) - 1)
