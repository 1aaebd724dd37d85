"""Volumes in one file: the same slices as single files, and the same checks."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from Testing.support.dicom_files import (
    ENHANCED_CT_STORAGE,
    LEGACY_CT_STORAGE,
    XA_3D_STORAGE,
    write_ct_frames,
    write_ct_slices,
)
from Testing.support.image_phantoms import head_hu

HEAD = head_hu((40, 60, 64))
SHUFFLED = random.Random(1).sample(range(40), 40)


def require_same(found: Volume, expected: Volume) -> None:
    np.testing.assert_array_equal(found.voxels, expected.voxels)
    np.testing.assert_allclose(found.ijk_to_ras, expected.ijk_to_ras, atol=1e-9)


@pytest.fixture
def expected(tmp_path: Path) -> Volume:
    """What single files give."""
    return read_volume(write_ct_slices(tmp_path / "slices", HEAD))


@pytest.mark.parametrize("storage", [ENHANCED_CT_STORAGE, LEGACY_CT_STORAGE])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"order": SHUFFLED},
        {"order": range(39, -1, -1)},
        {"intercepts": [-1024.0 if k < 20 else -2048.0 for k in range(40)]},
        {"SeriesNumber": None, "SeriesInstanceUID": None},
    ],
    ids=["in order", "shuffled", "reversed", "rescale of each frame", "no series"],
)
def test_a_file_of_frames_is_read_as_its_slices(
    tmp_path: Path, expected: Volume, how: dict[str, Any], storage: str
) -> None:
    found = read_volume(write_ct_frames(tmp_path / "ct.dcm", HEAD, storage=storage, **how))
    require_same(found, expected)
    assert found.warnings == ()


def test_a_folder_with_the_one_file_is_read_as_the_file(tmp_path: Path, expected: Volume) -> None:
    (tmp_path / "ct").mkdir()
    write_ct_frames(tmp_path / "ct" / "IM1", HEAD)
    require_same(read_volume(tmp_path / "ct"), expected)


def test_frames_of_several_files_of_a_series_are_one_stack(tmp_path: Path, expected: Volume) -> None:
    (tmp_path / "ct").mkdir()
    for part in (0, 1):
        write_ct_frames(
            tmp_path / "ct" / f"part{part}", HEAD, order=range(part * 20, part * 20 + 20), SeriesInstanceUID="1.2.3"
        )
    require_same(read_volume(tmp_path / "ct"), expected)


def test_a_3dra_as_x_ray_3d_angiographic_is_a_volume(tmp_path: Path) -> None:
    vessels = np.where(HEAD == 400, 900, 0).astype(np.int16)
    file = write_ct_frames(tmp_path / "a.dcm", vessels, storage=XA_3D_STORAGE, intercepts=[0] * 40, Modality="XA")
    found = read_volume(file)
    assert found.kind == "3dra"
    np.testing.assert_array_equal(found.voxels, vessels)


def test_a_tilted_gantry_is_straightened_as_in_slices(tmp_path: Path) -> None:
    tilted: dict[str, Any] = {"step_mm": (0.0, 0.5, 2.0)}
    expected = read_volume(write_ct_slices(tmp_path / "slices", HEAD, **tilted))
    found = read_volume(write_ct_frames(tmp_path / "ct.dcm", HEAD, order=SHUFFLED, **tilted))
    require_same(found, expected)
    assert "tilted by 14.0 degrees" in found.warnings[0]


def test_missing_frames_are_refused_with_the_place(tmp_path: Path) -> None:
    order = [k for k in SHUFFLED if k not in (17, 18)]
    with pytest.raises(InputError, match=r"ct\.dcm is missing slices: 6\.00 mm after slice 17 of 38"):
        read_volume(write_ct_frames(tmp_path / "ct.dcm", HEAD, order=order))


@pytest.mark.parametrize("tag", ["TemporalPositionIndex", "StackID", "FrameAcquisitionNumber"])
def test_phases_are_refused_by_name(tmp_path: Path, tag: str) -> None:
    both = np.concatenate([HEAD, np.where(HEAD == 400, 40, HEAD)]).astype(np.int16)
    file = write_ct_frames(
        tmp_path / "ct.dcm", both, of_frame=lambda k: {tag: str(1 + k // 40) if "ID" in tag else 1 + k // 40}
    )
    put_at(file, [k % 40 for k in range(80)])
    with pytest.raises(InputError, match=r"holds 2 phases, scans or reconstructions .* 1 of 40, 2 of 40 slices"):
        read_volume(file)


def test_a_dimension_that_counts_no_slices_tells_phases_apart(tmp_path: Path) -> None:
    both = np.concatenate([HEAD, np.where(HEAD == 400, 40, HEAD)]).astype(np.int16)
    file = write_ct_frames(
        tmp_path / "ct.dcm", both, of_frame=lambda k: {"DimensionIndexValues": [1 + k // 40, 1 + k % 40]}
    )
    read = put_at(file, [k % 40 for k in range(80)])
    pointers = [Dataset(), Dataset()]
    pointers[0].DimensionIndexPointer, pointers[1].DimensionIndexPointer = 0x00189324, 0x00200032
    read.DimensionIndexSequence = Sequence(pointers)
    read.save_as(file)
    with pytest.raises(InputError, match=r"which differ in .* 1 of 40, 2 of 40 slices"):
        read_volume(file)


def test_frames_that_turn_are_refused(tmp_path: Path) -> None:
    file = write_ct_frames(tmp_path / "ct.dcm", HEAD)
    read = pydicom.dcmread(file)
    for k, frame in enumerate(read.PerFrameFunctionalGroupsSequence):
        turned = Dataset()
        angle = np.radians(4 * k)
        turned.ImageOrientationPatient = [f"{x:.6f}" for x in (np.cos(angle), np.sin(angle), 0, 0, 0, -1)]
        frame.PlaneOrientationSequence = Sequence([turned])
    read.save_as(file)
    with pytest.raises(InputError, match="differ in size, pixel spacing or orientation"):
        read_volume(file)


def test_frames_without_a_place_of_their_own_are_refused(tmp_path: Path) -> None:
    file = write_ct_frames(tmp_path / "ct.dcm", HEAD)
    read = pydicom.dcmread(file)
    for frame in read.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    read.ImagePositionPatient = ["0", "0", "0"]
    read.save_as(file)
    with pytest.raises(InputError, match=r"40 images in ct\.dcm have no Image Position \(0020,0032\)"):
        read_volume(file)


def test_a_header_that_describes_other_frames_is_refused(tmp_path: Path) -> None:
    file = write_ct_frames(tmp_path / "ct.dcm", HEAD)
    read = pydicom.dcmread(file)
    read.PerFrameFunctionalGroupsSequence = Sequence(read.PerFrameFunctionalGroupsSequence[:30])
    read.save_as(file)
    with pytest.raises(InputError, match=r"ct\.dcm announces 40 frames and describes 30"):
        read_volume(file)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    file = write_ct_frames(tmp_path / "ct.dcm", HEAD)
    file.write_bytes(file.read_bytes()[:-50_000])
    with pytest.raises(InputError, match=r"ct\.dcm has pixel data that are truncated"):
        read_volume(file)


def put_at(file: Path, places: list[int]) -> Dataset:
    """Give every frame the position of the slice of that number (of the default geometry)."""
    read = pydicom.dcmread(file)
    for place, frame in zip(places, read.PerFrameFunctionalGroupsSequence, strict=True):
        frame.PlanePositionSequence[0].ImagePositionPatient = ["-100", "-90", str(20 + 2 * place)]
    read.save_as(file)
    return read
