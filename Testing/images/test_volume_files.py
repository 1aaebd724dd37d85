from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.cli.register import add_command
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import VOLUME_NAMES, VolumeKind
from DeepIterRegLib.images.volume_files import RequestedKind, read_volume
from DeepIterRegLib.registration.report import report_schema
from Testing.support.cases import CASES, needs_cases
from Testing.support.dicom_files import write_ct_slices, write_xa
from Testing.support.image_phantoms import head_hu, subtracted_u8

SPACING_MM = (2.5, 3.0, 4.0)
ORIGIN_LPS_MM = (-80.0, -90.0, -75.0)


def write_image(
    path: Path, voxels: np.ndarray, direction: np.ndarray | None = None, spacing_mm: tuple[float, ...] = SPACING_MM
) -> Path:
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(spacing_mm)
    image.SetOrigin(ORIGIN_LPS_MM)
    if direction is not None:
        image.SetDirection(direction.ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


def vessel_centre_ras_mm(path: Path, kind: str = "auto") -> np.ndarray:
    """Where the phantom's vessel is in the patient, by the reader."""
    volume = read_volume(path, kind)  # type: ignore[arg-type]
    k, j, i = np.nonzero((volume.voxels > 300) & (volume.voxels < 600))
    return volume.ijk_to_ras @ [i.mean(), j.mean(), k.mean(), 1]


def test_file_axes_are_lps_and_the_array_s_place_is_ras(tmp_path: Path) -> None:
    volume = read_volume(write_image(tmp_path / "a.nrrd", head_hu()))
    expected = np.array([[-2.5, 0, 0, 80], [0, -3, 0, 90], [0, 0, 4, -75], [0, 0, 0, 1]])
    np.testing.assert_allclose(volume.ijk_to_ras, expected)
    np.testing.assert_allclose(volume.spacing_mm, SPACING_MM)
    assert volume.kind == "cta"
    assert volume.voxels.dtype == np.int16
    assert volume.warnings == ()
    np.testing.assert_array_equal(volume.voxels, head_hu())


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_any_orientation_leaves_the_vessel_where_it_is(
    tmp_path: Path, suffix: str, axes: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    straight = write_image(tmp_path / "straight.nrrd", head_hu())
    image = sitk.Flip(sitk.ReadImage(str(straight)), [f < 0 for f in flips])
    sitk.WriteImage(sitk.PermuteAxes(image, axes), str(tmp_path / f"turned{suffix}"))
    found = vessel_centre_ras_mm(tmp_path / f"turned{suffix}")
    np.testing.assert_allclose(found, vessel_centre_ras_mm(straight), atol=1e-3)


def test_oblique_axes_are_kept(tmp_path: Path) -> None:
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    volume = read_volume(write_image(tmp_path / "a.nii.gz", head_hu(), turn))
    np.testing.assert_allclose(volume.ijk_to_ras[:3, :3], np.diag([-1, -1, 1]) @ turn * SPACING_MM, atol=1e-5)


def test_a_dicom_series_is_sorted_scaled_to_hu_and_placed(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu((40, 60, 64)))
    volume = read_volume(folder)
    np.testing.assert_array_equal(volume.voxels, head_hu((40, 60, 64)))
    np.testing.assert_allclose(volume.ijk_to_ras @ [0, 0, 0, 1], [100, 90, 20, 1])
    np.testing.assert_allclose(volume.ijk_to_ras @ [1, 2, 3, 1], [99, 87, 26, 1])
    assert volume.kind == "cta"


def test_a_coronal_dicom_series_is_placed(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu(), orientation=(1, 0, 0, 0, 0, -1))
    # Rows go to the left, columns to the feet, slices (L x -S = P) to the back.
    np.testing.assert_allclose(read_volume(folder).ijk_to_ras @ [1, 2, 3, 1], [99, 90 - 6, 20 - 3, 1])


def test_a_tilted_gantry_is_resampled_onto_straight_edges(tmp_path: Path) -> None:
    # A straight vertical vessel, scanned in slices that are shifted by 0.5 mm each along j (14 degrees).
    count, drift_mm = 50, 0.5
    voxels = np.full((count, 80, 64), 30, np.int16)
    voxels[:, :5], voxels[:, -5:] = -1000, 1000
    for k in range(count):
        middle = 50 - k * drift_mm / 1.0  # pixel spacing 1 mm
        weight = np.clip(2.5 - np.abs(np.arange(80) - middle), 0, 1)
        voxels[k, :, 30:34] = np.maximum(voxels[k, :, 30:34], (400 * weight).astype(np.int16)[:, None])
    folder = write_ct_slices(
        tmp_path / "tilted", voxels, spacing_mm=(1.0, 1.0, 2.0), step_mm=(0.0, drift_mm, 2.0), origin_mm=(0, 0, 0)
    )
    volume = read_volume(folder)
    assert "tilted by 14.0 degrees" in volume.warnings[0]
    axes = volume.ijk_to_ras[:3, :3] / volume.spacing_mm
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    for k in (2, count // 2, count - 3):
        j, i = np.nonzero((volume.voxels[k] > 200) & (volume.voxels[k] < 600))
        j, i = j[j < 65], i[j < 65]
        weights = volume.voxels[k][j, i].astype(float)
        place = volume.ijk_to_ras @ [np.average(i, weights=weights), np.average(j, weights=weights), k, 1]
        np.testing.assert_allclose(place[:3], [-31.5, -50.0, 2.0 * k], atol=0.15)


def test_a_folder_with_two_equal_series_is_refused_by_name(tmp_path: Path) -> None:
    write_ct_slices(tmp_path / "ct", head_hu((30, 60, 64)), SeriesNumber="4", SeriesDescription="CTA head")
    write_ct_slices(tmp_path / "ct", head_hu((32, 60, 64)), SeriesNumber="5", SeriesDescription="native")
    with pytest.raises(InputError, match=r"series 5 'native' \(32 slices\), series 4 'CTA head' \(30 slices\)"):
        read_volume(tmp_path / "ct")


def test_the_long_series_is_taken_from_beside_a_short_one_and_that_is_said(tmp_path: Path) -> None:
    write_ct_slices(tmp_path / "DOE", head_hu((60, 60, 64)), spacing_mm=(1, 1, 1), SeriesDescription="head of DOE")
    write_ct_slices(tmp_path / "DOE" / "more", head_hu((24, 60, 64)), SeriesNumber="5", SeriesDescription="DOE")
    volume = read_volume(tmp_path / "DOE")
    assert volume.voxels.shape == (60, 60, 64)
    assert "holds 2 series" in volume.warnings[0]
    assert "DOE" not in volume.warnings[0], "warnings are kept in reports"


def test_missing_slices_are_refused_with_the_place(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu())
    files = sorted(folder.iterdir(), key=lambda f: f.stat().st_mtime_ns)
    files[17].unlink()
    with pytest.raises(InputError, match=r"is missing slices: 4\.00 mm after slice 17 of 39"):
        read_volume(folder)


def test_two_slices_at_one_position_are_refused(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu(), SeriesInstanceUID="1.2.3")
    write_ct_slices(tmp_path / "ct" / "again", head_hu() + 1, SeriesInstanceUID="1.2.3")
    with pytest.raises(InputError, match="several slices at the same position"):
        read_volume(folder)


def test_unsigned_voxels_with_an_offset_become_hu_and_that_is_said(tmp_path: Path) -> None:
    path = write_image(tmp_path / "offset.nrrd", (head_hu().astype(np.int32) + 1024).astype(np.uint16))
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, head_hu())
    assert "plus 1024" in volume.warnings[0]


def test_padding_below_air_is_raised_to_air(tmp_path: Path) -> None:
    voxels = head_hu()
    voxels[:, 0] = -3024
    assert read_volume(write_image(tmp_path / "padded.nrrd", voxels)).voxels.min() == -1024


@pytest.mark.parametrize(
    ("voxels", "says"),
    [
        (np.clip((head_hu().astype(float) + 1000) / 10, 0, 255).astype(np.uint8), "8-bit"),
        (np.where(head_hu() > -900, 400 + head_hu() // 4, 20).astype(np.int16), "not Hounsfield units"),
        (np.full((40, 60, 64), 7, np.int16), "same value in every voxel"),
        (np.where(head_hu() == 400, np.nan, head_hu()).astype(np.float32), "NaN"),
        (np.where(head_hu() == 400, np.inf, head_hu()).astype(np.float32), "NaN"),
        (head_hu()[:12], "only 12 slices"),
    ],
    ids=["8-bit", "MR", "constant", "NaN", "infinite", "few slices"],
)
def test_what_is_no_ct_angiogram_is_refused(tmp_path: Path, voxels: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_volume(write_image(tmp_path / "odd.nrrd", voxels))
    assert str(caught.value).startswith("odd.nrrd")


def test_a_vessels_only_volume_is_a_3dra(tmp_path: Path) -> None:
    vessels = np.where(head_hu() == 400, 900, 0).astype(np.int16)
    path = write_image(tmp_path / "vessels.nrrd", vessels)
    assert read_volume(path).kind == "3dra"
    assert read_volume(path, "3dra").kind == "3dra"
    with pytest.raises(InputError, match="set the kind of volume to 3dra"):
        read_volume(path, "cta")


def test_a_ct_without_bone_is_a_kind_of_its_own(tmp_path: Path) -> None:
    boneless = np.where(head_hu() == 1000, -1000, head_hu()).astype(np.int16)
    path = write_image(tmp_path / "boneless.nrrd", boneless)
    found = read_volume(path)
    assert (found.kind, found.name) == ("vessels", "CTA")
    np.testing.assert_array_equal(found.voxels, boneless)
    assert read_volume(path, "cta").kind == "cta"  # who says so knows better
    with pytest.raises(InputError, match="set the kind of volume to vessels"):
        read_volume(path, "3dra")
    plus_offset = write_image(tmp_path / "offset.nrrd", (boneless + 1024).astype(np.uint16))
    np.testing.assert_array_equal(read_volume(plus_offset).voxels, boneless)
    assert read_volume(plus_offset).kind == "vessels"


def test_vessels_that_were_cut_out_of_a_ct_are_told_from_a_3dra_by_the_air_around_them(tmp_path: Path) -> None:
    cut = np.where(head_hu() == 400, 400, -1024).astype(np.int16)
    assert read_volume(write_image(tmp_path / "cut.nrrd", cut)).kind == "vessels"
    assert read_volume(write_image(tmp_path / "cut.nrrd", cut), "3dra").kind == "3dra"


@pytest.mark.parametrize("kind", ["auto", "cta", "vessels", "3dra"])
def test_a_label_map_is_named_as_what_it_is(tmp_path: Path, kind: str) -> None:
    labels = (head_hu() == 400).astype(np.uint8)
    for name, values in (("one.nrrd", labels), ("some.nrrd", labels * 7), ("float.nrrd", labels.astype(np.float32))):
        with pytest.raises(InputError, match=f"^{name} is a label map .*the mask of the CTA's vessels") as caught:
            read_volume(write_image(tmp_path / name, values), kind)  # type: ignore[arg-type]
        assert "3dra" not in str(caught.value)


def test_where_masks_tell_the_vessels_any_unit_will_do(tmp_path: Path) -> None:
    grey = np.clip((head_hu() + 100) / 5, 0, 255).astype(np.uint8)
    path = write_image(tmp_path / "grey.nrrd", grey)
    with pytest.raises(InputError, match="8-bit grey values"):
        read_volume(path)
    assert read_volume(path, vessels_given=True).kind == "vessels"
    assert read_volume(write_image(tmp_path / "head.nrrd", head_hu()), vessels_given=True).kind == "cta"


def test_the_kinds_of_volumes_are_the_same_everywhere() -> None:
    command = argparse.ArgumentParser()
    add_command(command.add_subparsers())
    (choices,) = (
        action.choices
        for parser in next(iter(command._subparsers._group_actions)).choices.values()  # type: ignore[union-attr]
        for action in parser._actions
        if "--volume-kind" in action.option_strings
    )
    assert tuple(choices) == get_args(RequestedKind) == ("auto", *get_args(VolumeKind))
    assert tuple(VOLUME_NAMES) == get_args(VolumeKind)
    kinds = report_schema()["properties"]["volume"]["properties"]["kind"]["enum"]
    assert tuple(kinds) == get_args(VolumeKind)


def test_a_ct_is_not_taken_for_a_3dra(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="set the kind of volume to cta"):
        read_volume(write_image(tmp_path / "head.nrrd", head_hu()), "3dra")


def test_a_sheared_nrrd_is_straightened(tmp_path: Path) -> None:
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 64 60 40\n"
        "space directions: (2.5,0,0) (0,3,0) {third}\nkinds: domain domain domain\nendian: little\n"
        "encoding: raw\nspace origin: (-80,-90,-75)\n\n"
    )
    (tmp_path / "sheared.nrrd").write_bytes(header.format(third="(0,0.9,4)").encode() + head_hu().tobytes())
    volume = read_volume(tmp_path / "sheared.nrrd")
    assert "tilted by 12.7 degrees" in volume.warnings[0]
    np.testing.assert_allclose(volume.spacing_mm, [2.5, 3, 4], atol=1e-9)
    np.testing.assert_allclose(volume.ijk_to_ras @ [0, 0, 0, 1], [80, 90, -75, 1], atol=1e-9)
    # The last slice is shifted by 35.1 mm, 11.7 rows, to the back.
    assert volume.voxels.shape == (40, 60 + 12, 64)
    np.testing.assert_array_equal(volume.voxels[0, :60], head_hu()[0])
    crooked = header.format(third="(1.5,0.9,4)").replace("(0,3,0)", "(0.5,3,0)")
    (tmp_path / "crooked.nrrd").write_bytes(crooked.encode() + head_hu().tobytes())
    with pytest.raises(InputError, match="has sheared axes"):
        read_volume(tmp_path / "crooked.nrrd")


def test_a_sheared_meta_image_is_straightened(tmp_path: Path) -> None:
    whole = write_image(tmp_path / "whole.mha", head_hu()).read_bytes()
    header, _, voxels = whole.partition(b"ElementDataFile = LOCAL\n")
    lines = [line for line in header.splitlines() if not line.startswith((b"TransformMatrix", b"CompressedData"))]
    assert b"CompressedData = True" not in header
    third = np.array([0, 0.9, 4]) / np.linalg.norm([0, 0.9, 4])
    lines += [f"TransformMatrix = 1 0 0 0 1 0 {third[0]} {third[1]} {third[2]}".encode(), b"ElementDataFile = LOCAL\n"]
    lines = [b"ElementSpacing = 2.5 3 4.1" if line.startswith(b"ElementSpacing") else line for line in lines]
    (tmp_path / "sheared.mha").write_bytes(b"\n".join(lines) + voxels)
    volume = read_volume(tmp_path / "sheared.mha")
    assert "tilted by 12.7 degrees" in volume.warnings[0]
    axes = volume.ijk_to_ras[:3, :3] / volume.spacing_mm
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(volume.spacing_mm, [2.5, 3, 4], atol=1e-9)


@pytest.mark.parametrize(
    ("space", "is_said"),
    [
        ("space: left-posterior-superior\n", False),
        ("space: RAS\n", False),
        ("space: scanner-xyz\n", True),
        ("space dimension: 3\n", True),
    ],
)
def test_a_nrrd_that_does_not_name_its_axes_is_read_and_that_is_said(tmp_path: Path, space: str, is_said: bool) -> None:
    header = (
        f"NRRD0004\ntype: short\ndimension: 3\n{space}sizes: 64 60 40\nspace directions: (2.5,0,0) (0,3,0) (0,0,4)\n"
        "kinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: (-80,-90,-75)\n\n"
    )
    (tmp_path / "DOE.nrrd").write_bytes(header.encode() + head_hu().tobytes())
    warnings = read_volume(tmp_path / "DOE.nrrd").warnings
    assert [line.startswith("The CTA does not say which of its axes") for line in warnings] == [True] * is_said


def test_a_volume_of_no_head_s_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="6 x 6 x 4 mm"):
        read_volume(write_image(tmp_path / "small.nrrd", head_hu(), spacing_mm=(0.1, 0.1, 0.1)))


def test_a_4d_volume_is_refused(tmp_path: Path) -> None:
    image = sitk.JoinSeries([sitk.GetImageFromArray(head_hu())] * 3)
    sitk.WriteImage(image, str(tmp_path / "perfusion.nii.gz"))
    with pytest.raises(InputError, match="4D \\(3 time points\\)"):
        read_volume(tmp_path / "perfusion.nii.gz")


@pytest.mark.parametrize("suffix", [".nrrd", ".nii", ".nii.gz", ".mha"])
def test_damaged_files_are_one_sentence_and_nothing_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str
) -> None:
    whole = write_image(tmp_path / f"whole{suffix}", head_hu())
    content = whole.read_bytes()
    files = {
        "missing": (None, "does not exist"),
        "empty": (b"", "empty"),
        "truncated": (content[: len(content) // 2], "truncated"),
        "text": (b"Dear colleague, please find attached", "truncated|not an image"),
    }
    for name, (data, says) in files.items():
        path = tmp_path / f"{name}{suffix}"
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(InputError, match=says) as caught:
            read_volume(path)
        assert str(caught.value).startswith(path.name)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_slice_is_refused(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu())
    victim = next(iter(folder.iterdir()))
    victim.write_bytes(victim.read_bytes()[:2000])
    with pytest.raises(InputError, match="truncated"):
        read_volume(folder)


def test_an_angiogram_given_as_the_cta_is_recognised(tmp_path: Path) -> None:
    xa = write_xa(tmp_path / "run.dcm", subtracted_u8())
    picture = tmp_path / "dsa.png"
    sitk.WriteImage(sitk.GetImageFromArray(subtracted_u8()[4]), str(picture))
    frames = tmp_path / "dsa.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(subtracted_u8()), str(frames))
    (tmp_path / "folder").mkdir()
    write_xa(tmp_path / "folder" / "run.dcm", subtracted_u8())
    for path in (xa, picture, frames, tmp_path / "folder"):
        with pytest.raises(InputError, match="swap the CTA and the DSA"):
            read_volume(path)


def test_one_slice_of_a_series_asks_for_the_folder(tmp_path: Path) -> None:
    folder = write_ct_slices(tmp_path / "ct", head_hu())
    with pytest.raises(InputError, match="give the folder with the whole series"):
        read_volume(next(iter(folder.iterdir())))


@needs_cases
def test_the_rotational_head_is_a_3dra_about_the_isocentre() -> None:
    volume = read_volume(CASES / "rotational-head" / "volume.nrrd")
    assert volume.kind == "3dra"
    np.testing.assert_allclose(volume.centre_mm, 0, atol=1e-6)


@needs_cases
def test_the_skull_ct_is_in_hu() -> None:
    volume = read_volume(CASES / "anatomy" / "skull-ct" / "head_ct.nrrd")
    assert volume.kind == "cta"
    assert volume.warnings == ()
