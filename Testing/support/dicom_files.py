"""Small DICOM files for tests: XA runs and CT series, with the tags in the open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

XA_STORAGE = "1.2.840.10008.5.1.4.1.1.12.1"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2.2"
XA_3D_STORAGE = "1.2.840.10008.5.1.4.1.1.13.1.1"
GEOMETRY = {
    "PositionerPrimaryAngle": "30",
    "PositionerSecondaryAngle": "-10",
    "DistanceSourceToDetector": "1200",
    "DistanceSourceToPatient": "800",
    "ImagerPixelSpacing": ["0.4", "0.4"],
    "PatientPosition": "HFS",
}


def dataset(storage: str, pixels: np.ndarray, tags: dict[str, Any]) -> FileDataset:
    """A data set for (rows, columns) or (T, rows, columns) unsigned or signed integers; a tag of None is left out."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(storage)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = UID(storage), meta.MediaStorageSOPInstanceUID
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for keyword, value in tags.items():
        if value is not None:
            setattr(made, keyword, value)
    return made


def write_xa(path: Path, pixels: np.ndarray, transfer_syntax: Any = None, **tags: Any) -> Path:
    """An XA file with a complete geometry; `tags` replace or (None) remove some of it."""
    made = dataset(XA_STORAGE, pixels, {"Modality": "XA", **GEOMETRY, **tags})
    if transfer_syntax is not None:
        made.compress(transfer_syntax)
    made.save_as(path, enforce_file_format=True)
    return path


def write_ct_slices(
    folder: Path,
    voxels_hu: np.ndarray,
    origin_mm: tuple[float, float, float] = (-100.0, -90.0, 20.0),
    spacing_mm: tuple[float, float, float] = (1.0, 1.5, 2.0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    step_mm: tuple[float, float, float] | None = None,
    **tags: Any,
) -> Path:
    """A CT series of (K, J, I) voxels, stored as unsigned with an intercept of -1024.

    origin_mm, orientation: LPS, as DICOM has them. spacing_mm: along i, j, k. step_mm: from slice to slice, where it is
    not along the normal. The files' names are in no particular order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    along_row, down_column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    step = np.array(step_mm) if step_mm is not None else spacing_mm[2] * np.cross(along_row, down_column)
    series = generate_uid()
    for k, plane in enumerate(voxels_hu):
        made = dataset(
            CT_STORAGE,
            (plane + 1024).astype(np.uint16),
            {
                "Modality": "CT",
                "SeriesInstanceUID": series,
                "SeriesNumber": "4",
                "InstanceNumber": str(k + 1),
                "RescaleSlope": "1",
                "RescaleIntercept": "-1024",
                "PixelSpacing": [str(spacing_mm[1]), str(spacing_mm[0])],
                "ImageOrientationPatient": [str(x) for x in orientation],
                "ImagePositionPatient": [f"{x:.6f}" for x in np.array(origin_mm) + k * step],
                **tags,
            },
        )
        made.save_as(folder / f"IM{(k * 7919) % 10007:05d}_{tags.get('SeriesNumber', '4')}", enforce_file_format=True)
    return folder


def write_ct_frames(
    path: Path,
    voxels_hu: np.ndarray,
    origin_mm: tuple[float, float, float] = (-100.0, -90.0, 20.0),
    spacing_mm: tuple[float, float, float] = (1.0, 1.5, 2.0),
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0),
    step_mm: tuple[float, float, float] | None = None,
    order: Sequence[int] | None = None,
    intercepts: Sequence[float] | None = None,
    of_frame: Callable[[int], dict[str, Any]] = lambda k: {},
    storage: str = ENHANCED_CT_STORAGE,
    **tags: Any,
) -> Path:
    """The same volume as `write_ct_slices` in one multi-frame file, with its values in the functional groups.

    order: of the slices in the file. intercepts: one for each slice, instead of a shared one of -1024. of_frame: tags
    of a slice's Frame Content. storage: the SOP class.
    """
    along_row, down_column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    step = np.array(step_mm) if step_mm is not None else spacing_mm[2] * np.cross(along_row, down_column)
    kept = list(range(len(voxels_hu))) if order is None else list(order)
    each = [-1024.0] * len(voxels_hu) if intercepts is None else list(intercepts)
    stored = np.stack([voxels_hu[k] - each[k] for k in kept]).astype(np.uint16)
    made = dataset(
        storage, stored, {"Modality": "CT", "SeriesInstanceUID": generate_uid(), "SeriesNumber": "4", **tags}
    )
    shared = Dataset()
    shared.PixelMeasuresSequence = _item(PixelSpacing=[str(spacing_mm[1]), str(spacing_mm[0])])
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=[str(x) for x in orientation])
    if intercepts is None:
        shared.PixelValueTransformationSequence = _item(RescaleSlope="1", RescaleIntercept="-1024")
    made.SharedFunctionalGroupsSequence = DicomSequence([shared])
    frames = []
    for k in kept:
        frame = Dataset()
        frame.PlanePositionSequence = _item(ImagePositionPatient=[f"{x:.6f}" for x in np.array(origin_mm) + k * step])
        frame.FrameContentSequence = _item(**of_frame(k))
        if intercepts is not None:
            frame.PixelValueTransformationSequence = _item(RescaleSlope="1", RescaleIntercept=f"{each[k]:g}")
        frames.append(frame)
    made.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    made.save_as(path, enforce_file_format=True)
    return path


def _item(**tags: Any) -> DicomSequence:
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return DicomSequence([made])


def functional_groups(sequence: str, **tags: object) -> Dataset:
    """With one macro, as an Enhanced object keeps attributes shared or per frame."""
    item, outer = Dataset(), Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    setattr(outer, sequence, [item])
    return outer
