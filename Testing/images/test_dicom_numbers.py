from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_numbers import (
    element_value,
    label_of,
    number_of,
    numbers_of,
    whole_number_of,
    word_of,
    words_of,
)
from Testing.support.dicom_files import CT_STORAGE, dataset


def element(tag: int, vr: str, content: bytes) -> bytes:
    """One element with an explicit value representation of the short form, little endian."""
    content += b" " * (len(content) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(content)) + content


def file_of(path: Path, *elements: bytes) -> Dataset:
    """A file with these elements alone, as it is read back; nothing in it has been looked at yet."""
    made = Dataset()
    made.file_meta = dataset(CT_STORAGE, np.zeros((2, 2), np.uint16), {}).file_meta
    made.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(b"".join(elements))
    return pydicom.dcmread(path)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("0,488281\\0,5", [0.488281, 0.5]),
        (" 1.5 \\ -2,25", [1.5, -2.25]),
        ("+1E-2\\.5", [0.01, 0.5]),
        ("3.\\4", [3, 4]),
        ("1024", [1024]),
    ],
)
def test_a_decimal_string_may_have_a_comma_and_blanks(tmp_path: Path, written: str, found: list[float]) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00280030, "DS", written.encode()))
    np.testing.assert_array_equal(numbers_of(read, "PixelSpacing", "a.dcm"), found)


@pytest.mark.parametrize("written", ["", "  ", "\\"])
def test_an_empty_element_is_none(tmp_path: Path, written: str) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00280030, "DS", written.encode()))
    assert numbers_of(read, "PixelSpacing", "a.dcm") is None
    assert numbers_of(read, "ImagePositionPatient", "a.dcm") is None


@pytest.mark.parametrize("written", ["1.024,5", "1,2,3", "nan", "inf", "1_000", "0x10", "0.5 mm", "0.5\\", "\xb5"])
def test_what_is_no_number_is_one_sentence_with_file_and_tag(tmp_path: Path, written: str) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00280030, "DS", written.encode("latin-1")))
    with pytest.raises(InputError, match=r"a\.dcm has Pixel Spacing \(0028,0030\) of .*not a number") as caught:
        numbers_of(read, "PixelSpacing", "a.dcm", field=Field.CTA)
    assert caught.value.field == Field.CTA


def test_the_count_is_checked(tmp_path: Path) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00280030, "DS", b"0,5,0,5"), element(0x00281053, "DS", b"1\\2"))
    with pytest.raises(InputError, match="not a number"):
        numbers_of(read, "PixelSpacing", "a.dcm", count=2)
    with pytest.raises(InputError, match=r"Rescale Slope \(0028,1053\) of 1\\2, which should be 1 number"):
        number_of(read, "RescaleSlope", "a.dcm")


def test_a_whole_number_is_whole(tmp_path: Path) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00280008, "IS", b"1,024"), element(0x00200013, "IS", b" 7"))
    assert whole_number_of(read, "InstanceNumber", "a.dcm") == 7
    assert whole_number_of(read, "SeriesNumber", "a.dcm") is None
    with pytest.raises(InputError, match="not a whole number"):
        whole_number_of(read, "NumberOfFrames", "a.dcm")


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_transfer_syntax_gives_the_same_numbers(tmp_path: Path, syntax: UID) -> None:
    made = dataset(
        CT_STORAGE,
        np.zeros((2, 2), np.int16),
        {"RevolutionTime": 0.25, "RescaleSlope": "2", "PixelPaddingValue": -2000},
    )
    made.file_meta.TransferSyntaxUID = syntax
    plain = Dataset()  # of no encoding yet
    plain.update(made)
    plain.file_meta = made.file_meta
    plain.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    for touched in (False, True):
        read = pydicom.dcmread(tmp_path / "a.dcm")
        if touched:
            str(read)  # pydicom converts every element
        assert number_of(read, "RevolutionTime", "a.dcm") == 0.25
        assert number_of(read, "RescaleSlope", "a.dcm") == 2
        assert number_of(read, "Rows", "a.dcm") == 2
        assert number_of(read, "PixelPaddingValue", "a.dcm") == -2000


def test_an_unknown_value_representation_is_one_sentence(tmp_path: Path) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00080060, "ZZ", b"CT"), element(0x00280030, "QQ", b"1\\1"))
    with pytest.raises(InputError, match=r"a\.dcm has Modality \(0008,0060\) in a form that cannot be read"):
        element_value(read, "Modality", "a.dcm")
    with pytest.raises(InputError, match="in a form that cannot be read"):
        numbers_of(read, "PixelSpacing", "a.dcm")
    short = file_of(tmp_path / "b.dcm", element(0x00189305, "FD", b"1234"))
    with pytest.raises(InputError, match="in a form that cannot be read"):
        number_of(short, "RevolutionTime", "b.dcm")


def test_words_are_in_capitals_without_blanks(tmp_path: Path) -> None:
    read = file_of(tmp_path / "a.dcm", element(0x00080008, "CS", b"Original\\PRIMARY \\axial"))
    assert words_of(read, "ImageType", "a.dcm") == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert word_of(read, "ImageType", "a.dcm") == "ORIGINAL"
    assert word_of(read, "Modality", "a.dcm") == ""


def test_a_tag_is_named_as_the_person_reads_it() -> None:
    assert label_of("DistanceSourceToDetector") == "Distance Source to Detector (0018,1110)"
