"""What headers say about pixels and their size, wherever they keep it and however it is written or damaged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.xa_values import header_values
from Testing.support.dicom_files import functional_groups, write_xa
from Testing.support.image_phantoms import COLUMNS, ROWS, anatomy, intensities, subtracted_u8, vessels_mm

RAW = (6000 * np.log(np.maximum(intensities(), 1))).astype(np.uint16)
LINEAR = intensities().astype(np.uint16)


def as_text(path: Path, tag: int, text: bytes, representation: str = "DS") -> Path:
    """The file with an element's bytes replaced."""
    dataset = dcmread(path)
    padded = text + b" " * (len(text) % 2)
    dataset[Tag(tag)] = RawDataElement(Tag(tag), representation, len(padded), padded, 0, False, True)
    dataset.save_as(path)
    return path


def shown(path: Path, frame: int = 4) -> float:
    """Correlation with the phantom's vessels; -1 is perfect."""
    frames = read_angiogram(path).frames
    return float(np.corrcoef(frames[frame].ravel(), vessels_mm(frame).ravel())[0, 1])


def test_linear_pixels_and_their_rescale_are_found_in_functional_groups(tmp_path: Path) -> None:
    plain = read_angiogram(write_xa(tmp_path / "plain.dcm", LINEAR, PixelIntensityRelationship="LIN"))
    shared = functional_groups("FramePixelDataPropertiesSequence", PixelIntensityRelationship="LIN")
    shared.update(functional_groups("PixelValueTransformationSequence", RescaleSlope="1", RescaleIntercept="0"))
    path = write_xa(tmp_path / "run.dcm", LINEAR, SharedFunctionalGroupsSequence=[shared])
    np.testing.assert_allclose(read_angiogram(path).frames, plain.frames, atol=1e-5)
    per_frame = [
        functional_groups("PixelValueTransformationSequence", RescaleSlope=str(2 + k), RescaleIntercept="-10")
        for k in range(5)
    ]
    stored = np.stack([(frame + 10.0) / (2 + k) for k, frame in enumerate(RAW)]).round().astype(np.uint16)
    path = write_xa(tmp_path / "scaled.dcm", stored, PerFrameFunctionalGroupsSequence=per_frame)
    assert shown(path) < -0.95


def test_the_sign_is_found_in_functional_groups(tmp_path: Path) -> None:
    mask = Dataset()
    mask.MaskOperation, mask.MaskFrameNumbers = "AVG_SUB", [1]
    shared = functional_groups(
        "FramePixelDataPropertiesSequence", PixelIntensityRelationship="LIN", PixelIntensityRelationshipSign=-1
    )
    tags = {"SharedFunctionalGroupsSequence": [shared], "MaskSubtractionSequence": [mask]}
    assert shown(write_xa(tmp_path / "run.dcm", 65535 - LINEAR, **tags)) < -0.95


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY"]},
        {"RecommendedViewingMode": "SUB", "ImageType": ["DERIVED", "PRIMARY"]},
        {
            "SharedFunctionalGroupsSequence": [
                functional_groups("XAXRFFrameCharacteristicsSequence", FrameType=["ORIGINAL", "M"])
            ]
        },
    ],
    ids=["Image Type", "Recommended Viewing Mode", "Frame Type"],
)
def test_pixels_that_the_header_calls_raw_are_subtracted(tmp_path: Path, tags: dict[str, Any]) -> None:
    # So little anatomy that statistics alone take it for subtracted.
    noise = np.random.default_rng(0).normal(0, 40, (5, ROWS, COLUMNS))
    filled = np.stack([np.zeros((ROWS, COLUMNS)), *(vessels_mm(frame) for frame in range(1, 5))])
    quiet = (40000 - 6000 * (0.25 * anatomy() + 0.2 * filled) + noise).astype(np.uint16)
    assert read_angiogram(write_xa(tmp_path / "silent.dcm", quiet)).warnings == ()
    path = write_xa(tmp_path / "run.dcm", quiet, **tags)
    angiogram = read_angiogram(path)
    assert "its first frame was the mask" in " ".join(angiogram.warnings)
    assert np.std(angiogram.frames[4][vessels_mm(4) < 0.01]) < 80  # noise of two frames
    assert shown(path) < -0.95


def test_pixels_that_contradict_the_header_are_believed_and_said(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), ImageType=["ORIGINAL", "PRIMARY"])
    angiogram = read_angiogram(path)
    np.testing.assert_array_equal(angiogram.frames, subtracted_u8().astype(np.float32))
    assert "raw by its header (Image Type (0008,0008)), but its pixels are" in angiogram.warnings[0]
    path = write_xa(tmp_path / "raw.dcm", RAW, ImageType=["DERIVED", "PRIMARY", "SINGLE PLANE", "SUBTRACTION"])
    assert "subtracted by its header" in read_angiogram(path).warnings[0]
    assert shown(path) < -0.95


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    path = as_text(write_xa(tmp_path / "run.dcm", subtracted_u8()), 0x00181510, b"93,15")
    path = as_text(path, 0x00181164, b"0,31\\0,31")
    carm = read_angiogram(path).carm
    assert carm.primary_angle_deg == pytest.approx(93.15)
    assert carm.pixel_spacing_mm == (0.31, 0.31)


@pytest.mark.parametrize(
    "tag",
    [
        0x00080008, 0x00080060, 0x00181063, 0x00181110, 0x00181111, 0x00181114, 0x00181134, 0x00181137, 0x00181149,
        0x00181164, 0x00181500, 0x00181510, 0x00181520, 0x00181600, 0x00181620, 0x00185100, 0x00187030, 0x00187032,
        0x00189430, 0x00200013, 0x00200020, 0x00280008, 0x00280010, 0x00280100, 0x00281040, 0x00281041, 0x00281053,
        0x00281090, 0x00280301, 0x00286100, 0x52009229, 0x52009230,
    ],
)  # fmt: skip
def test_damaged_elements_are_read_or_refused_by_a_sentence(tmp_path: Path, tag: int) -> None:
    content = write_xa(tmp_path / "whole.dcm", subtracted_u8(3)[:, ::4, ::4]).read_bytes()
    start = content.index(b"\x08\x00\x60\x00CS")  # Modality: anything before it is spared
    element = tag.to_bytes(4, "big")
    for representation, text in product(
        (b"DS", b"ZZ", b"UN", b"SQ", b"OB", b"FL"), (b"12\xb0 ", b"\xff\xfe\x00\x01", b"\xd9\xa3\xd9\xa0")
    ):
        long = representation in (b"OB", b"UN", b"SQ")
        length = b"\0\0" + len(text).to_bytes(4, "little") if long else len(text).to_bytes(2, "little")
        path = tmp_path / "run.dcm"
        path.write_bytes(
            content[:start] + element[1::-1] + element[:1:-1] + representation + length + text + content[start:]
        )
        with suppress(InputError):
            read_angiogram(path)
        try:
            dataset = read_header(path)
        except InputError:
            continue
        header_values(dataset, "The DSA")


FIELD = {"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["160", "192"]}
"""Twice the 80 x 96 mm of the image."""
HALVED = {"PixelSpacing": ["0.533333", "0.533333"]}
"""0.8 mm at the magnification of 1.5: the matrix was halved."""
AS_IT_IS = {"PixelSpacing": ["0.266667", "0.266667"]}
BINNED = {"DetectorElementSpacing": ["0.2", "0.2"], "DetectorBinning": ["2", "2"]}
IN_BEAM = {"ObjectPixelSpacingInCenterOfBeam": [0.533333, 0.533333]}


@pytest.mark.parametrize(
    ("tags", "pixel_mm", "says"),
    [
        ({**FIELD, **HALVED}, 0.8, ("scaled by 2 to agree with Field of View", "and Pixel Spacing (0028,0030)")),
        (HALVED, 0.8, ("scaled by 2 to agree with Pixel Spacing",)),
        (IN_BEAM, 0.8, ("scaled by 2 to agree with Object Pixel Spacing",)),
        ({**FIELD, **AS_IT_IS}, 0.4, ("contradict each other", "against Field of View", "cut from the middle")),
        ({**FIELD, **BINNED}, 0.4, ("contradict each other", "against Field of View", "cut from the middle")),
        ({**HALVED, **BINNED}, 0.8, ("scaled by 2", ", against Detector Element Spacing")),
        ({**HALVED, **IN_BEAM, **FIELD, **BINNED}, 0.8, ("scaled by 2", ", against Detector Element Spacing")),
        ({**AS_IT_IS, **BINNED}, 0.4, ()),
        ({"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["130", "156"]}, 0.4, ("cut from the middle",)),
        ({"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["80", "130"]}, 0.4, ("cut from the middle",)),
        ({"FieldOfViewShape": "RECTANGLE", "FieldOfViewDimensions": ["120", "144"], "PixelSpacing": ["0.402", "0.402"],
          }, 0.603, ("scaled by 1.5", "and Pixel Spacing")),
        ({"PixelSpacing": ["0.3", "0.3"]}, 0.4, ()),
        ({"PixelSpacing": ["0.36", "0.36"]}, 0.4, ("contradict each other",)),
        ({**FIELD, "PixelSpacing": ["0.4", "0.4"]}, 0.8, ("scaled by 2 to agree with Field of View",)),
    ],
)  # fmt: skip
def test_all_that_tell_the_pixel_size_are_weighed_and_named(
    tmp_path: Path, tags: dict[str, Any], pixel_mm: float, says: tuple[str, ...]
) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    assert angiogram.carm.pixel_spacing_mm == pytest.approx((pixel_mm, pixel_mm))
    said = " ".join(angiogram.warnings)
    assert all(part in said for part in says)
    assert bool(said) == bool(says)


def test_a_magnification_that_contradicts_the_distances_is_said_and_not_used(tmp_path: Path) -> None:
    tags = {"EstimatedRadiographicMagnificationFactor": "3", **AS_IT_IS}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    assert angiogram.carm.pixel_spacing_mm == (0.4, 0.4)
    assert "contradicts the distances" in angiogram.warnings[0]


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda d: setattr(d, "PhotometricInterpretation", "PALETTE COLOR"), "colours from a palette"),
        (lambda d: setattr(d, "Rows", 0), "cannot be decoded|does not say how large"),
    ],
)
def test_pictures_that_are_no_frames_are_refused(tmp_path: Path, edit: Callable[[Any], None], says: str) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8())
    dataset = dcmread(path)
    edit(dataset)
    dataset.save_as(path)
    with pytest.raises(InputError, match=says):
        read_angiogram(path)


def test_signed_pixels_around_zero_are_a_subtracted_run(tmp_path: Path) -> None:
    frames = (subtracted_u8().astype(np.int16) - 180) * 8
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", frames))
    np.testing.assert_array_equal(angiogram.frames, frames.astype(np.float32))
