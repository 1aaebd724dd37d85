"""Runs that are stored as one file per frame, and what lies beside them in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import generate_uid

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from Testing.support.cases import CASES, needs_cases
from Testing.support.dicom_files import write_ct_slices, write_xa
from Testing.support.image_phantoms import head_hu, intensities, subtracted_u8

RAW = (6000 * np.log(np.maximum(intensities(), 1))).astype(np.uint16)


def single_frames(folder: Path, pixels: np.ndarray = RAW, names: str = "IM{:04d}.dcm", **tags: Any) -> list[Path]:
    """One file per frame, in a series of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    common = {"SeriesInstanceUID": generate_uid(), "ImageType": ["ORIGINAL", "PRIMARY"], "FrameTime": "250"}
    files = []
    for k, frame in enumerate(pixels):
        own = {name: value[k] if isinstance(value, tuple) else value for name, value in tags.items()}
        number = {} if "InstanceNumber" in tags else {"InstanceNumber": str(k + 1)}
        # The names are in another order than the frames.
        files.append(write_xa(folder / names.format((k * 7) % 11), frame, **common, **number, **own))
    return files


@pytest.fixture
def whole(tmp_path: Path) -> np.ndarray:
    """The frames of the same run as one file."""
    path = write_xa(tmp_path / "whole.dcm", RAW, ImageType=["ORIGINAL", "PRIMARY"], FrameTime="250")
    return read_angiogram(path).frames


def test_single_frames_are_one_run_by_the_folder_or_any_of_its_files(tmp_path: Path, whole: np.ndarray) -> None:
    files = single_frames(tmp_path / "run")
    for given in (tmp_path / "run", files[0], files[3]):
        angiogram = read_angiogram(given)
        np.testing.assert_array_equal(angiogram.frames, whole)
        assert angiogram.frame_times_s is not None
        assert "read from 5 files of one frame each" in angiogram.warnings[0]


@pytest.mark.parametrize(
    "tags",
    [
        {"InstanceNumber": None, "AcquisitionTime": tuple(f"10000{k}.5" for k in range(5))},
        {"InstanceNumber": "7", "ContentTime": tuple(f"10000{k}.5" for k in range(5))},
    ],
    ids=["no instance numbers", "the same instance number"],
)
def test_times_order_what_numbers_do_not(tmp_path: Path, whole: np.ndarray, tags: dict[str, Any]) -> None:
    single_frames(tmp_path / "run", **tags)
    np.testing.assert_array_equal(read_angiogram(tmp_path / "run").frames, whole)


def test_names_order_what_nothing_else_does(tmp_path: Path, whole: np.ndarray) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for k, frame in enumerate(RAW):
        tags = {"SeriesInstanceUID": "1.2.3", "ImageType": ["ORIGINAL", "PRIMARY"], "InstanceNumber": None}
        write_xa(folder / f"frame {k + 8}", frame, **tags)
    np.testing.assert_array_equal(read_angiogram(folder).frames, whole)


def test_odd_files_copies_and_links_take_no_part_and_are_said(tmp_path: Path, whole: np.ndarray) -> None:
    folder = tmp_path / "run"
    files = single_frames(folder)
    write_xa(folder / "screen.dcm", subtracted_u8()[0][:50], SeriesInstanceUID="1.2.9")
    write_xa(folder / "other angle.dcm", RAW[2], SeriesInstanceUID="1.2.8", PositionerPrimaryAngle="-60")
    shutil.copy(files[1], folder / "copy of one.dcm")
    os.symlink(files[2], folder / "link to one.dcm")
    (folder / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (folder / "readme.txt").write_text("exported on Monday")
    angiogram = read_angiogram(folder)
    np.testing.assert_array_equal(angiogram.frames, whole)
    said = " ".join(angiogram.warnings)
    assert "holds 2 more DICOM files of another series, kind or geometry" in said
    assert "holds 2 files twice" in said
    assert "other angle" not in said


def test_a_multi_frame_file_with_a_screen_save_is_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    run = read_angiogram(write_xa(folder / "IM1", subtracted_u8()))
    write_xa(folder / "IM2", subtracted_u8()[0][:50])
    angiogram = read_angiogram(folder)
    np.testing.assert_array_equal(angiogram.frames, run.frames)
    assert "holds 1 more DICOM file of another series" in angiogram.warnings[0]


def test_a_folder_of_folders_and_a_linked_folder_hold_the_run(tmp_path: Path, whole: np.ndarray) -> None:
    single_frames(tmp_path / "archive" / "series")
    (tmp_path / "outer").mkdir()
    os.symlink(tmp_path / "archive", tmp_path / "outer" / "linked")
    os.symlink(tmp_path / "outer", tmp_path / "archive" / "back")
    np.testing.assert_array_equal(read_angiogram(tmp_path / "outer").frames, whole)


def test_files_without_preamble_are_read(tmp_path: Path, whole: np.ndarray) -> None:
    files = single_frames(tmp_path / "run", names="{:04d}")
    for file in files:
        content = file.read_bytes()
        start = content.index(b"\x08\x00\x08\x00CS")  # Image Type, the data set's first element here
        file.write_bytes(content[start:])
    np.testing.assert_array_equal(read_angiogram(tmp_path / "run").frames, whole)


@pytest.mark.parametrize(
    "tags",
    [
        {"PositionerPrimaryAngle": tuple(str(10 * k) for k in range(5))},
        {"DistanceSourceToDetector": tuple(str(1000 + 20 * k) for k in range(5))},
        {"FieldOfViewHorizontalFlip": ("NO", "YES", "NO", "YES", "NO")},
    ],
    ids=["angles", "distance", "flip"],
)
def test_frames_of_other_geometries_are_not_one_run(tmp_path: Path, tags: dict[str, Any]) -> None:
    files = single_frames(tmp_path / "run", subtracted_u8(), **tags)
    if "PositionerPrimaryAngle" in tags:
        assert len(read_angiogram(files[0]).frames) == 1
    with pytest.raises(InputError, match="give one run"):
        read_angiogram(tmp_path / "run")


def test_two_runs_in_one_series_are_refused(tmp_path: Path) -> None:
    series = generate_uid()
    for run in range(2):
        for k, frame in enumerate(RAW):
            (tmp_path / "run").mkdir(exist_ok=True)
            write_xa(tmp_path / "run" / f"{run}{k}", frame, SeriesInstanceUID=series, InstanceNumber=str(k + 1))
    with pytest.raises(InputError, match="single frames of more than one run"):
        read_angiogram(tmp_path / "run")


def test_acquisition_numbers_tell_runs_of_one_series_apart(tmp_path: Path) -> None:
    series = generate_uid()
    (tmp_path / "run").mkdir()
    for run in range(2):
        for k, frame in enumerate(RAW):
            tags = {
                "SeriesInstanceUID": series,
                "InstanceNumber": str(5 * run + k + 1),
                "AcquisitionNumber": str(run + 1),
            }
            write_xa(tmp_path / "run" / f"{run}{k}", frame, **tags)
    with pytest.raises(InputError, match="holds 10 DICOM files; give one run"):
        read_angiogram(tmp_path / "run")
    assert len(read_angiogram(tmp_path / "run" / "13").frames) == 5


def test_views_without_angles_are_no_run_unless_their_folder_is_given(tmp_path: Path, whole: np.ndarray) -> None:
    files = single_frames(tmp_path / "run", PositionerPrimaryAngle=None)
    options = GeometryOptions(primary_angle_deg=30.0)
    assert read_angiogram(files[1], options).frames.shape[0] == 0  # a native image
    np.testing.assert_array_equal(read_angiogram(tmp_path / "run", options).frames, whole)
    single_frames(tmp_path / "radiographs", Modality="DX")
    with pytest.raises(InputError, match="give one run"):
        read_angiogram(tmp_path / "radiographs")


def test_a_run_beside_pictures_is_the_run(tmp_path: Path, whole: np.ndarray) -> None:
    single_frames(tmp_path / "run")
    (tmp_path / "run" / "key image.png").write_bytes(b"any picture")
    angiogram = read_angiogram(tmp_path / "run")
    np.testing.assert_array_equal(angiogram.frames, whole)
    assert any("1 PNG picture(s) beside the DICOM run" in line for line in angiogram.warnings)


def test_mask_frames_of_the_whole_run_are_not_those_of_a_single_frame(tmp_path: Path, whole: np.ndarray) -> None:
    mask = Dataset()
    mask.MaskOperation, mask.MaskFrameNumbers = "AVG_SUB", [30]
    single_frames(tmp_path / "run", MaskSubtractionSequence=[mask])
    np.testing.assert_array_equal(read_angiogram(tmp_path / "run").frames, whole)


def test_slices_in_a_folder_are_recognised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="swap the CTA and the DSA"):
        read_angiogram(write_ct_slices(tmp_path / "ct", head_hu()))


@needs_cases
@pytest.mark.parametrize("folder", ["rotational-head", "xa-dicom"])
def test_real_files_that_lie_together_stay_apart(folder: str) -> None:
    from DeepIterRegLib.images.xa_files import run_of_file

    for path in sorted((CASES / folder).glob("*.dcm")):
        assert run_of_file(path).files == (path,)
