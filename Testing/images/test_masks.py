from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.masks import mask_array, read_detector_mask, read_volume_mask
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from Testing.support.image_phantoms import ROWS, head_hu

COLUMNS = 240


def head(tmp_path: Path) -> tuple[sitk.Image, Volume]:
    image = sitk.GetImageFromArray(head_hu())
    image.SetSpacing((2.5, 3.0, 4.0))
    image.SetOrigin((-80.0, -90.0, -75.0))
    angle = np.radians(20)
    turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    image.SetDirection(np.ravel(turn).tolist())
    sitk.WriteImage(image, str(tmp_path / "cta.nrrd"))
    return image, read_volume(tmp_path / "cta.nrrd")


def detector() -> Angiogram:
    carm = CArm.from_angles(0, 0, 1000, 700, 0.5, ROWS, COLUMNS)
    return Angiogram(np.zeros((1, ROWS, COLUMNS), np.float32), carm, np.ones((ROWS, COLUMNS), bool))


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True)])
def test_a_mask_with_turned_axes_lands_on_the_volume(
    tmp_path: Path, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> None:
    image, volume = head(tmp_path)
    mask = sitk.PermuteAxes(sitk.Flip(image == 400, flips), axes)
    sitk.WriteImage(mask, str(tmp_path / "mask.nii.gz"))
    found = read_volume_mask(tmp_path / "mask.nii.gz", volume)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, volume.voxels == 400)


def test_labels_above_one_belong_to_the_mask(tmp_path: Path) -> None:
    image, volume = head(tmp_path)
    sitk.WriteImage(sitk.Cast(image == 400, sitk.sitkFloat32) * 3, str(tmp_path / "mask.nrrd"))
    np.testing.assert_array_equal(read_volume_mask(tmp_path / "mask.nrrd", volume), volume.voxels == 400)


def test_a_volume_mask_of_another_size_place_or_dimension_is_refused(tmp_path: Path) -> None:
    image, volume = head(tmp_path)
    mask = image == 400
    moved = sitk.Image(mask)
    moved.SetOrigin((-80.0, -90.0, -35.0))
    finer = sitk.Expand(mask, (2, 2, 2), sitk.sitkNearestNeighbor)
    turned = sitk.Image(mask)
    turned.SetDirection(np.eye(3).ravel().tolist())
    for name, odd, says in (
        ("cropped", mask[5:, :, :], "a mask of 59 x 60 x 40 voxels on another grid than the CTA's 64 x 60 x 40"),
        ("finer", finer, "on another grid"),
        ("moved", moved, "in another place"),
        ("turned", turned, "in another place"),
        ("flat", mask[:, :, 20], "is 2D"),
        ("nothing", mask * 0, "empty mask"),
    ):
        sitk.WriteImage(odd, str(tmp_path / f"{name}.nrrd"))
        with pytest.raises(InputError, match=says) as caught:
            read_volume_mask(tmp_path / f"{name}.nrrd", volume, Field.CTA_VESSELS)
        assert caught.value.field is Field.CTA_VESSELS


def test_an_empty_mask_of_the_veins_says_that_there_are_none(tmp_path: Path) -> None:
    image, volume = head(tmp_path)
    sitk.WriteImage((image == 400) * 0, str(tmp_path / "none.nrrd"))
    mask = read_volume_mask(tmp_path / "none.nrrd", volume, Field.CTA_VEINS)
    assert mask.shape == volume.voxels.shape
    assert not mask.any()


@pytest.mark.parametrize("suffix", [".png", ".nrrd", ".nii.gz"])
def test_a_detector_mask_keeps_rows_and_columns(tmp_path: Path, suffix: str) -> None:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[30:60, 100:104] = 255
    sitk.WriteImage(sitk.GetImageFromArray(mask), str(tmp_path / f"mask{suffix}"))
    np.testing.assert_array_equal(read_detector_mask(tmp_path / f"mask{suffix}", detector()), mask > 0)


def test_a_detector_mask_in_one_slice_or_in_colour_is_read(tmp_path: Path) -> None:
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[30:60, 100:104] = 255
    sitk.WriteImage(sitk.GetImageFromArray(mask[None]), str(tmp_path / "slice.nrrd"))
    colour = np.stack([mask, mask * 0, mask * 0, mask * 0 + 255], axis=-1)
    sitk.WriteImage(sitk.GetImageFromArray(colour, isVector=True), str(tmp_path / "red.png"))
    for name in ("slice.nrrd", "red.png"):
        np.testing.assert_array_equal(read_detector_mask(tmp_path / name, detector()), mask > 0)


def test_a_detector_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((COLUMNS, ROWS), np.uint8)), str(tmp_path / "mask.png"))
    with pytest.raises(
        InputError,
        match=r"mask of 240 x 200 pixels, but the DSA has 200 rows x 240.*the DSA's veins",
    ):
        read_detector_mask(tmp_path / "mask.png", detector(), Field.DSA_VEINS)


def test_a_mask_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png does not exist.*the mask of the DSA's vessels"):
        read_detector_mask(tmp_path / "gone.png", detector())
    (tmp_path / "odd.png").write_text("not a picture")
    with pytest.raises(InputError, match=r"odd\.png"):
        read_detector_mask(tmp_path / "odd.png", detector())


def test_a_volume_mask_that_marks_more_or_less_than_vessels_is_refused(tmp_path: Path) -> None:
    image, volume = head(tmp_path)
    with pytest.raises(InputError, match=r"cta\.nrrd marks \d+% of the CTA.*the mask of the CTA's vessels"):
        read_volume_mask(tmp_path / "cta.nrrd", volume)
    speck = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    speck.CopyInformation(image)
    speck[20, 20, 20] = 1
    sitk.WriteImage(speck, str(tmp_path / "speck.nrrd"))
    with pytest.raises(InputError, match=r"speck\.nrrd marks only 0\.03 ml.*leave out the mask of the CTA's veins"):
        read_volume_mask(tmp_path / "speck.nrrd", volume, Field.CTA_VEINS)


def test_a_detector_mask_of_a_speck_is_refused(tmp_path: Path) -> None:
    pixels = np.zeros((ROWS, COLUMNS), np.uint8)
    pixels[5, 5] = 1
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(tmp_path / "speck.png"))
    with pytest.raises(InputError, match=r"speck\.png marks only 1 of the DSA's pixels.*the mask of the DSA's vessels"):
        read_detector_mask(tmp_path / "speck.png", detector())


@pytest.mark.parametrize("given", [[[0, 2], [0, 0]], np.array([[0, 255], [0, 0]], ">u2"), [[0.0, 0.5], [0, 0]]])
def test_a_script_s_mask_is_what_is_not_zero(given: Any) -> None:
    found = mask_array(given, Field.CTA_VESSELS)
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, [[False, True], [False, False]])


@pytest.mark.parametrize("given", [[[0, 1], [1]], [["a"]], 1, [[np.nan]], {"a": 1}])
def test_what_is_no_mask_is_one_sentence(given: Any) -> None:
    with pytest.raises(InputError, match="must be an array of 0 and 1"):
        mask_array(given, Field.CTA_VESSELS)
