"""Folders as archives hold them: what is no slice is left out and named, what would change the geometry is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRBigEndian, JPEG2000Lossless, RLELossless

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from Testing.support.dicom_files import write_ct_slices
from Testing.support.image_phantoms import head_hu

HEAD = head_hu((40, 60, 64))
SERIES: dict[str, Any] = {"SeriesInstanceUID": "1.2.3"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One whole series."""
    return write_ct_slices(tmp_path / "DOE^JOHN", HEAD, **SERIES)


def in_order(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda file: float(pydicom.dcmread(file).ImagePositionPatient[2]))


def require_head(volume: Volume) -> None:
    np.testing.assert_array_equal(volume.voxels, HEAD)
    np.testing.assert_allclose(volume.ijk_to_ras @ [1, 2, 3, 1], [99, 87, 26, 1], atol=1e-9)


def change(file: Path, to: Path | None = None, **tags: Any) -> None:
    """Write tags into a file; None removes one."""
    read = pydicom.dcmread(file)
    for keyword, value in tags.items():
        if value is None:
            delattr(read, keyword)
        else:
            setattr(read, keyword, value)
    read.save_as(to or file)


def write_raw(file: Path, **texts: str) -> None:
    """Replace decimal strings by what pydicom would not write."""
    content = file.read_bytes()
    read = pydicom.dcmread(file)
    for keyword, text in texts.items():
        element = read.get_item(keyword)
        before = element.value if isinstance(element.value, bytes) else b""
        assert len(text) <= len(before)
        assert content.count(before) == 1
        content = content.replace(before, text.encode().ljust(len(before)))
    file.write_bytes(content)


@pytest.mark.parametrize("step_mm", [0.625, 1.25, 2.5])
def test_positions_rounded_to_a_tenth_are_an_even_stack(tmp_path: Path, step_mm: float) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu((80, 60, 64)), spacing_mm=(1, 1.5, step_mm))
    for file in folder.iterdir():
        position = pydicom.dcmread(file).ImagePositionPatient
        change(file, ImagePositionPatient=[f"{float(x):.1f}" for x in position])
    volume = read_volume(folder)
    np.testing.assert_allclose(volume.spacing_mm, [1, 1.5, step_mm], atol=2e-3)
    assert volume.warnings == ()


def test_steps_that_grow_slowly_are_refused(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu((80, 60, 64)))
    for k, file in enumerate(in_order(folder)):
        change(file, ImagePositionPatient=["-100", "-90", f"{20 + 2 * k + 0.08 * max(0, k - 40):.3f}"])
    with pytest.raises(InputError, match="unevenly spaced slices"):
        read_volume(folder)


def test_slices_with_another_field_of_view_are_refused(folder: Path) -> None:
    for file in in_order(folder)[20:]:
        z = pydicom.dcmread(file).ImagePositionPatient[2]
        change(file, ImagePositionPatient=["-95", "-90", str(z)])
    with pytest.raises(InputError, match="shifted against each other"):
        read_volume(folder)


def test_numbers_with_a_decimal_comma_are_read(folder: Path) -> None:
    for file in folder.iterdir():
        position = [float(x) for x in pydicom.dcmread(file).ImagePositionPatient]
        write_raw(
            file,
            ImagePositionPatient="\\".join(f"{x:.2f}".replace(".", ",") for x in position),
            PixelSpacing="1,5\\1,0",
        )
    require_head(read_volume(folder))


def test_a_rescale_with_a_decimal_comma_is_read(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, RescaleIntercept="-1024.00", RescaleSlope="1.0000")
    for file in folder.iterdir():
        write_raw(file, RescaleIntercept="-1024,00", RescaleSlope="1,0000")
    require_head(read_volume(folder))


def test_a_number_that_is_none_is_named(folder: Path) -> None:
    write_raw(next(iter(folder.iterdir())), PixelSpacing="1.5mm")
    with pytest.raises(InputError, match=r"has Pixel Spacing \(0028,0030\) of 1\.5mm"):
        read_volume(folder)


@pytest.mark.parametrize("implicit", [True, False])
def test_slices_without_a_preamble_are_read(folder: Path, implicit: bool) -> None:
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        del read.file_meta
        with file.open("wb") as raw:
            writer = DicomFileLike(raw)
            writer.is_little_endian, writer.is_implicit_VR = True, implicit
            write_dataset(writer, read)
    require_head(read_volume(folder))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_slices_are_read(folder: Path, syntax: UID) -> None:
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        read.compress(syntax)
        read.save_as(file)
    require_head(read_volume(folder))


def test_overlays_above_the_stored_bits_are_no_part_of_the_values(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, BitsStored=12, HighBit=11)
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        pixels = read.pixel_array.copy()
        pixels[:5, :5] |= 0xF000
        read.PixelData = pixels.tobytes()
        read.save_as(file)
    require_head(read_volume(folder))


def test_signed_values_of_twelve_bits_keep_their_sign(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD)
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        read.PixelData = ((read.pixel_array.astype(np.int32) - 1024) & 0x0FFF).astype(np.uint16).tobytes()
        read.BitsStored, read.HighBit, read.PixelRepresentation, read.RescaleIntercept = 12, 11, 1, "0"
        read.save_as(file)
    require_head(read_volume(folder))


def test_padding_brighter_than_bone_is_air(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, PixelPaddingValue=63536)
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        pixels = read.pixel_array.copy()
        pixels[:3] = 63536
        read.PixelData = pixels.tobytes()
        read.save_as(file)
    voxels = read_volume(folder).voxels
    np.testing.assert_array_equal(voxels[:, :3], -1024)
    np.testing.assert_array_equal(voxels[:, 3:], HEAD[:, 3:])


def test_a_padding_value_that_tissue_has_stays_tissue(tmp_path: Path) -> None:
    require_head(read_volume(write_ct_slices(tmp_path / "ct", HEAD, PixelPaddingValue=1024 + 35)))


def test_a_rescale_that_some_slices_lack_is_refused(folder: Path) -> None:
    change(in_order(folder)[7], RescaleSlope=None, RescaleIntercept=None)
    with pytest.raises(InputError, match="image 8 has no Rescale Slope"):
        read_volume(folder)


def test_each_slice_has_its_own_rescale(folder: Path) -> None:
    for file in in_order(folder)[::3]:
        read = pydicom.dcmread(file)
        read.PixelData = (read.pixel_array * 2).tobytes()
        read.RescaleSlope = "0.5"
        read.save_as(file)
    require_head(read_volume(folder))


@pytest.mark.parametrize("kind", ["CT", "SR"])
def test_a_screen_save_in_the_series_is_left_out_and_named(folder: Path, kind: str) -> None:
    nothing = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"))
    change(in_order(folder)[0], folder / "ZZ", Modality=kind, InstanceNumber="9999", **nothing)
    volume = read_volume(folder)
    require_head(volume)
    assert len(volume.warnings) == 1
    assert "image 9999" in volume.warnings[0]
    assert "DOE" not in volume.warnings[0], "warnings are kept in reports"


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"]}, "another direction"),
        ({"PixelSpacing": ["0.5", "0.5"]}, "another pixel size"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "a localizer"),
        ({"ImagePositionPatient": ["-100", "-90", "300"]}, "beyond a gap at the end"),
    ],
    ids=["unmarked scout", "other pixels", "marked scout", "far slice"],
)
def test_a_scout_in_the_series_is_left_out_and_named(folder: Path, tags: dict[str, Any], says: str) -> None:
    change(in_order(folder)[20], folder / "ZZ", InstanceNumber="77", **tags)
    volume = read_volume(folder)
    require_head(volume)
    assert "image 77" in volume.warnings[0]
    assert says in volume.warnings[0]


def test_two_stacks_of_one_size_in_a_series_are_refused(folder: Path, tmp_path: Path) -> None:
    write_ct_slices(folder / "more", HEAD, orientation=(1, 0, 0, 0, 0, -1), **SERIES)
    with pytest.raises(InputError, match="differ in size, pixel spacing or orientation"):
        read_volume(folder)


def test_copies_are_left_out_and_counted(folder: Path) -> None:
    files = in_order(folder)[5:12]
    (folder / "again").mkdir()
    for file in files:
        shutil.copy(file, folder / "again" / file.name)
    volume = read_volume(folder)
    require_head(volume)
    assert "and 2 more (a copy of another one)" in volume.warnings[0]


def test_a_second_version_of_a_slice_is_refused_unless_a_tag_tells_it(folder: Path) -> None:
    original = in_order(folder)[5]
    read = pydicom.dcmread(original)
    read.PixelData = (read.pixel_array + 1).tobytes()
    read.save_as(folder / "ZZ")
    with pytest.raises(InputError, match="several slices at the same position"):
        read_volume(folder)
    for file in folder.iterdir():
        change(file, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"], InstanceNumber="1")
    change(folder / "ZZ", ImageType=["DERIVED", "SECONDARY", "MARKED"], InstanceNumber="500")
    volume = read_volume(folder)
    require_head(volume)
    assert "image 500 (of another scan (Image Type (0008,0008)))" in volume.warnings[0]


def test_two_phases_in_a_series_are_refused_by_name(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, AcquisitionNumber="3", **SERIES)
    late = np.where(HEAD == 400, 40, HEAD).astype(np.int16)
    write_ct_slices(folder / "late", late, AcquisitionNumber="4", **SERIES)
    with pytest.raises(InputError, match=r"holds 2 phases.*Acquisition Number \(0020,0012\): 3 of 40, 4 of 40 slices"):
        read_volume(folder)


def test_two_scans_whose_slices_lie_between_each_other_are_refused(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, AcquisitionNumber="3", **SERIES)
    write_ct_slices(folder / "late", HEAD, origin_mm=(-100, -90, 21), AcquisitionNumber="4", **SERIES)
    with pytest.raises(InputError, match=r"holds 2 phases.*Acquisition Number"):
        read_volume(folder)


def test_a_scan_in_several_blocks_is_one_stack(folder: Path) -> None:
    for k, file in enumerate(in_order(folder)):
        change(file, AcquisitionNumber=str(1 + k // 4))
    volume = read_volume(folder)
    require_head(volume)
    assert volume.warnings == ()


def test_links_are_followed_once(folder: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    os.symlink(folder, study / "series")
    os.symlink(folder, study / "series again")
    os.symlink(study, study / "round")
    os.symlink(tmp_path / "gone", study / "broken")
    volume = read_volume(study)
    require_head(volume)
    assert volume.warnings == ()


def test_other_files_in_the_folder_do_not_matter(folder: Path) -> None:
    (folder / "readme.txt").write_text("Dear colleague")
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "._IM00000").write_bytes(b"\x00\x05\x16\x07" + bytes(200))
    (folder / "zeros").write_bytes(bytes(4096))
    (folder / "note").write_bytes(b"\x08\x00\x05\x00" + bytes(3))
    require_head(read_volume(folder))


def test_a_damaged_file_is_left_out_and_counted_unless_a_slice_is_missing(folder: Path) -> None:
    slices = in_order(folder)
    (folder / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\x08\x00\x05\x00CS\xff\xff" + b"\xff" * 40)
    volume = read_volume(folder)
    require_head(volume)
    slices[17].unlink()
    with pytest.raises(InputError, match=r"broken is truncated or damaged"):
        read_volume(folder)


def test_a_tilt_that_only_the_tag_speaks_of_is_said(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", HEAD, GantryDetectorTilt="-15")
    volume = read_volume(folder)
    require_head(volume)
    assert "Gantry/Detector Tilt (0018,1120) is -15.0 degrees" in volume.warnings[0]


def test_big_endian_slices_are_read(folder: Path) -> None:
    for file in folder.iterdir():
        read = pydicom.dcmread(file)
        pixels = read.pixel_array.astype(">u2").tobytes()
        plain = pydicom.Dataset()  # of no encoding yet
        plain.update(read)
        plain.file_meta = read.file_meta
        plain.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        plain.PixelData = pixels
        plain["PixelData"].VR = "OW"
        plain.save_as(file, enforce_file_format=True)
    require_head(read_volume(folder))
