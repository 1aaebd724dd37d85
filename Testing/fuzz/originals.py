"""The undamaged files: small ones of every format that the command is given, made on the spot, the same every time."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_to_json
from Testing.support.dicom_files import CT_STORAGE, GEOMETRY, XA_STORAGE, dataset
from Testing.support.image_phantoms import head_hu, intensities, subtracted_u8

What = Literal["volume", "run", "volume mask", "detector mask", "transform", "C-arm", "scene's C-arm"]
Files = dict[str, bytes]

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ENHANCED_XA = "1.2.840.10008.5.1.4.1.1.12.1.1"
UID_ROOT = "1.2.826.0.1.3680043.8.498.1"
"""A fixed one: the same bytes in every run."""
SLICES = 22
SPACING_MM = (8.0, 8.0, 6.0)
EVERY_PX = 4
"""Of the phantom's run, whose 200 x 240 pixels would cost more to read than to damage."""


@dataclass(frozen=True)
class Original:
    """The files of one thing that is read, before any damage."""

    name: str
    what: What
    files: Files
    """By their names in a folder."""
    entry: str
    """What the reader is given: one of the names, or "." for the folder."""
    damaged: tuple[str, ...]
    """Which of them are damaged."""
    header: Literal["text", "DICOM", "binary"] = "binary"
    header_length: int | None = None
    """None: as long as the file."""
    weight: float = 1.0
    """How often it is damaged, against the others."""


@cache
def originals() -> tuple[Original, ...]:
    """All of them."""
    return (*_volumes(), *_runs(), *_masks(), *_transforms(), *_carms())


def original_of(name: str) -> Original:
    """The one of that name."""
    return next(original for original in originals() if original.name == name)


def _files(write: Callable[[Path], None]) -> Files:
    """What `write` leaves in a folder."""
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        return {path.name: path.read_bytes() for path in sorted(Path(name).iterdir())}


def _head() -> sitk.Image:
    image = sitk.GetImageFromArray(head_hu((SLICES, 24, 26)))
    image.SetSpacing(SPACING_MM)
    image.SetOrigin((-80.0, -90.0, -75.0))
    return image


def _volumes() -> list[Original]:
    image = _head()
    made = []
    for name, file, packed in (
        ("NRRD", "head.nrrd", False),
        ("NRRD gzip", "head.nrrd", True),
        ("NRRD detached", "head.nhdr", False),
        ("NRRD detached gzip", "head.nhdr", True),
        ("NIfTI", "head.nii", False),
        ("NIfTI gzip", "head.nii.gz", True),
        ("MetaImage", "head.mha", False),
        ("MetaImage packed", "head.mha", True),
        ("MetaImage detached", "head.mhd", False),
    ):

        def write(folder: Path, file: str = file, packed: bool = packed) -> None:
            sitk.WriteImage(image, str(folder / file), useCompression=packed)

        files = _files(write)
        text = not file.startswith("head.nii")
        length = _text_header(files[file]) if text else 352
        made.append(
            Original(
                name,
                "volume",
                files,
                file,
                tuple(sorted(files, key=lambda name: name != file)) if len(files) > 1 else (file,),
                "text" if text else "binary",
                length,
            )
        )
    slices = {f"IM{k:02d}": _dicom(_slice(k), f"4.{k}") for k in range(SLICES)}
    made.append(Original("CT series", "volume", slices, ".", ("IM00", "IM11", "IM21"), "DICOM", 900, weight=2))
    enhanced = _dicom(_enhanced_ct(), "5.1")
    made.append(Original("Enhanced CT", "volume", {"ct.dcm": enhanced}, "ct.dcm", ("ct.dcm",), "DICOM", 6000))
    return made


def _text_header(content: bytes) -> int:
    for end in (b"\n\n", b"ElementDataFile = LOCAL\n"):
        if end in content:
            return content.index(end) + len(end)
    return len(content)


def _dicom(made: Any, number: str) -> bytes:
    """The bytes of a data set, with the same UIDs every time."""
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = UID(f"{UID_ROOT}.{number}")
    made.StudyInstanceUID = made.FrameOfReferenceUID = UID(f"{UID_ROOT}.1")
    made.SeriesInstanceUID = UID(f"{UID_ROOT}.2.{number[0]}")
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _slice(k: int) -> Any:
    plane = head_hu((SLICES, 24, 26))[k]
    return dataset(
        CT_STORAGE,
        (plane + 1024).astype(np.uint16),
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
            "Modality": "CT",
            "SeriesNumber": "4",
            "InstanceNumber": str(k + 1),
            "PatientPosition": "HFS",
            "SliceThickness": "6",
            "RescaleSlope": "1",
            "RescaleIntercept": "-1024",
            "PixelSpacing": ["8", "8"],
            "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
            "ImagePositionPatient": ["-80", "-90", str(-75 + 6 * k)],
        },
    )


def _item(**tags: Any) -> Dataset:
    item = Dataset()
    for keyword, value in tags.items():
        setattr(item, keyword, value)
    return item


def _enhanced_ct() -> Any:
    voxels = (head_hu((SLICES, 24, 26)) + 1024).astype(np.uint16)
    shared = _item(
        PixelMeasuresSequence=[_item(PixelSpacing=["8", "8"], SliceThickness="6")],
        PlaneOrientationSequence=[_item(ImageOrientationPatient=["1", "0", "0", "0", "1", "0"])],
        PixelValueTransformationSequence=[_item(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")],
    )
    frames = [
        _item(
            PlanePositionSequence=[_item(ImagePositionPatient=["-80", "-90", str(-75 + 6 * k)])],
            FrameContentSequence=[_item(StackID="1", InStackPositionNumber=k + 1, DimensionIndexValues=[k + 1])],
        )
        for k in range(SLICES)
    ]
    return dataset(
        ENHANCED_CT,
        voxels,
        {
            "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            "Modality": "CT",
            "PatientPosition": "HFS",
            "SharedFunctionalGroupsSequence": [shared],
            "PerFrameFunctionalGroupsSequence": frames,
        },
    )


def _raw() -> np.ndarray:
    """(5, rows, columns) the logarithm of X-rays; the first frame shows no contrast."""
    return (6000 * np.log(np.maximum(intensities(), 1))).astype(np.uint16)[:, ::EVERY_PX, ::EVERY_PX]


def _subtracted() -> np.ndarray:
    return np.ascontiguousarray(subtracted_u8()[:, ::EVERY_PX, ::EVERY_PX])


def _runs() -> list[Original]:
    mask = _item(MaskOperation="AVG_SUB", MaskFrameNumbers=[1], MaskSubPixelShift=[0.0, 0.0])
    tags = {
        "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        "Modality": "XA",
        **GEOMETRY,
        "ImagerPixelSpacing": ["1.6", "1.6"],
        "EstimatedRadiographicMagnificationFactor": "1.5",
        "FrameTimeVector": ["0", "250", "250", "250", "250"],
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": 1,
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": "1",
        "ShutterRightVerticalEdge": "60",
        "ShutterUpperHorizontalEdge": "1",
        "ShutterLowerHorizontalEdge": "50",
        "FieldOfViewShape": "RECTANGLE",
        "FieldOfViewDimensions": ["96", "80"],
        "FieldOfViewOrigin": [0.0, 0.0],
        "FieldOfViewRotation": "0",
        "FieldOfViewHorizontalFlip": "NO",
        "PatientOrientation": ["L", "F"],
        "TableMotion": "STATIC",
        "PositionerMotion": "STATIC",
        "WindowCenter": "32000",
        "WindowWidth": "60000",
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
        "MaskSubtractionSequence": [mask],
    }
    made = []

    def add(name: str, content: Any, number: str, header_length: int, weight: float = 1.0) -> None:
        files = {"run.dcm": _dicom(content, number)}
        made.append(Original(name, "run", files, "run.dcm", ("run.dcm",), "DICOM", header_length, weight))

    add("XA", dataset(XA_STORAGE, _raw(), tags), "6.1", 1400, weight=3)
    subtracted = {k: v for k, v in tags.items() if k not in ("MaskSubtractionSequence", "ImageType", "ShutterShape")}
    for name, syntax, number in (("XA RLE", RLELossless, "6.2"), ("XA JPEG 2000", JPEG2000Lossless, "6.3")):
        packed = dataset(XA_STORAGE, _subtracted(), subtracted)
        packed.SOPInstanceUID = packed.file_meta.MediaStorageSOPInstanceUID = UID(f"{UID_ROOT}.{number}")
        packed.compress(syntax, generate_instance_uid=False)
        add(name, packed, number, 1400)
    jpeg = dataset(XA_STORAGE, _subtracted(), subtracted)
    jpeg.PixelData = encapsulate([_picture(frame, "JPEG") for frame in _subtracted()])
    jpeg["PixelData"].VR = "OB"
    jpeg["PixelData"].is_undefined_length = True
    jpeg.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    add("XA JPEG", jpeg, "6.4", 1400)
    add("Enhanced XA", dataset(ENHANCED_XA, _raw(), _enhanced_xa_tags(mask)), "7.1", 2600, weight=2)

    frames = sitk.GetImageFromArray(_subtracted())
    for name, file in (("run NRRD", "run.nrrd"), ("run NIfTI gzip", "run.nii.gz"), ("run MetaImage", "run.mha")):

        def write(folder: Path, file: str = file) -> None:
            sitk.WriteImage(frames, str(folder / file))

        files = _files(write)
        text = file != "run.nii.gz"
        length = _text_header(files[file]) if text else 352
        made.append(Original(name, "run", files, file, (file,), "text" if text else "binary", length, 0.5))
    pictures = {f"frame_{t}.png": _picture(frame, "PNG") for t, frame in enumerate(_subtracted())}
    made.append(Original("run PNG", "run", pictures, ".", ("frame_1.png", "frame_3.png"), weight=0.5))
    return made


def _enhanced_xa_tags(mask: Dataset) -> dict[str, Any]:
    shared = _item(
        XRayGeometrySequence=[_item(DistanceSourceToDetector=1150.0, DistanceSourceToIsocenter=785.0)],
        FramePixelDataPropertiesSequence=[
            _item(ImagerPixelSpacing=[1.6, 1.6], PixelIntensityRelationship="LOG", PixelIntensityRelationshipSign=1)
        ],
        FieldOfViewSequence=[
            _item(
                FieldOfViewShape="RECTANGLE",
                FieldOfViewDimensionsInFloat=[96.0, 80.0],
                FieldOfViewOrigin=[0.0, 0.0],
                FieldOfViewRotation="0",
                FieldOfViewHorizontalFlip="NO",
            )
        ],
        PixelValueTransformationSequence=[_item(RescaleSlope="1", RescaleIntercept="0", RescaleType="US")],
    )
    frames = [
        _item(
            PositionerPositionSequence=[_item(PositionerPrimaryAngle=45.0, PositionerSecondaryAngle=5.0)],
            TablePositionSequence=[_item(TableTopVerticalPosition=0.0, TableTopLongitudinalPosition=0.0)],
            FrameContentSequence=[_item(FrameReferenceDateTime=f"20200101120000.{t}00000")],
        )
        for t in range(5)
    ]
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "", ""],
        "Modality": "XA",
        "PatientPosition": "HFS",
        "PositionerType": "CARM",
        "C-armPositionerTabletopRelationship": None,
        "MaskSubtractionSequence": [mask],
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": frames,
    }


def _picture(pixels: np.ndarray, kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def _masks() -> list[Original]:
    vessels = _head() > 200
    mask = sitk.Cast(vessels & (_head() < 600), sitk.sitkUInt8)

    def write(folder: Path) -> None:
        sitk.WriteImage(mask, str(folder / "mask.nrrd"), useCompression=True)

    files = _files(write)
    volume_mask = Original(
        "mask NRRD", "volume mask", files, "mask.nrrd", ("mask.nrrd",), "text", _text_header(files["mask.nrrd"]), 0.5
    )
    dark = (_subtracted()[-1] < 120).astype(np.uint8) * 255
    detector_mask = Original(
        "mask PNG", "detector mask", {"mask.png": _picture(dark, "PNG")}, "mask.png", ("mask.png",), weight=0.5
    )
    return [volume_mask, detector_mask]


def _transforms() -> list[Original]:
    euler = sitk.Euler3DTransform((10.0, -20.0, 30.0), 0.1, -0.2, 0.3, (1.0, 2.0, 3.0))
    affine = sitk.AffineTransform(euler.GetMatrix(), (1.0, 2.0, 3.0), (10.0, -20.0, 30.0))
    made = []
    for name, file, transform, weight in (
        ("transform .tfm", "pose.tfm", affine, 1.5),
        ("transform .txt", "pose.txt", sitk.CompositeTransform([euler, affine]), 1.0),
        ("transform .mat", "pose.mat", affine, 0.25),
        ("transform .xfm", "pose.xfm", affine, 0.25),
        ("transform .h5", "pose.h5", affine, 0.3),
        ("transform .h5 composite", "pose.h5", sitk.CompositeTransform([euler, affine]), 0.3),
    ):

        def write(folder: Path, file: str = file, transform: sitk.Transform = transform) -> None:
            sitk.WriteTransform(transform, str(folder / file))

        text = file.endswith((".tfm", ".txt", ".xfm"))
        made.append(
            Original(name, "transform", _files(write), file, (file,), "text" if text else "binary", None, weight)
        )
    return made


def _carms() -> list[Original]:
    carm = CArm.from_angles(30, -10, 1200, 800, 0.4, 50, 60)
    plane = json.loads(carm_to_json(carm))
    for key in ("primary_angle_deg", "secondary_angle_deg"):
        del plane[key]
    matrix = {
        "projection_matrix": carm.projection_matrix.tolist(),
        "pixel_spacing_mm": 0.4,
        "rows": 50,
        "columns": 60,
    }
    made = []
    for name, what, content in (
        ("C-arm plane", "C-arm", json.dumps(plane, indent=1)),
        ("C-arm matrix", "C-arm", json.dumps(matrix, indent=1)),
        ("scene's C-arm", "scene's C-arm", carm_to_json(carm)),
    ):
        files = {"carm.json": content.encode()}
        made.append(Original(name, what, files, "carm.json", ("carm.json",), "text"))  # type: ignore[arg-type]
    return made
