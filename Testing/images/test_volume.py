"""What the library takes as a volume, and how it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.axis_order import AxisOrder
from DeepIterRegLib.images.volume import Volume
from Testing.support.image_phantoms import head_hu

HEAD = head_hu((20, 24, 28))
PLACE = np.array([[-2.0, 0, 0, 28], [0, -2, 0, 24], [0, 0, 2, -20], [0, 0, 0, 1]])


def mapped(path: Path) -> np.ndarray:
    HEAD.astype(">i2").tofile(path)
    return np.memmap(path, ">i2", "r", shape=HEAD.shape)


@pytest.mark.parametrize(
    "given",
    [
        HEAD,
        HEAD.astype(">i2"),
        HEAD.astype(np.int64),
        HEAD.astype(">f8"),
        HEAD[::-1][::-1],
        np.asfortranarray(HEAD),
        HEAD.tolist(),
        "memory map",
    ],
    ids=["int16", "big-endian", "int64", "float64", "strides", "Fortran", "list", "memory map"],
)
def test_the_same_numbers_are_the_same_volume(tmp_path: Path, given: Any) -> None:
    volume = Volume(mapped(tmp_path / "voxels") if isinstance(given, str) else given, PLACE.tolist(), "cta")
    assert volume.voxels.dtype == np.int16
    assert volume.voxels.dtype.isnative
    np.testing.assert_array_equal(volume.voxels, HEAD)
    np.testing.assert_array_equal(volume.centre_mm, PLACE[:3, :3] @ [13.5, 11.5, 9.5] + PLACE[:3, 3])


def test_what_16_bits_cannot_hold_is_a_float() -> None:
    halves: Any = HEAD + 0.5
    large: Any = HEAD.astype(np.int32) * 1000
    assert Volume(halves, PLACE, "cta").voxels.dtype == np.float32
    np.testing.assert_array_equal(Volume(large, PLACE, "3dra").voxels, HEAD * np.float32(1000))


def test_a_volume_of_the_right_type_is_not_copied() -> None:
    assert Volume(HEAD, PLACE, "cta").voxels is HEAD
    whole = HEAD.astype(np.float32)
    assert Volume(whole, PLACE, "cta").voxels is whole


@pytest.mark.parametrize(
    ("voxels", "says"),
    [
        (HEAD > 0, "must be real numbers in three dimensions, not 28 x 24 x 20 of the type bool"),
        (HEAD[0], "three dimensions"),
        (HEAD.astype(complex), "real numbers"),
        ([[[1, 2], [3]]], "real numbers"),
        ("ct.nrrd", "real numbers"),
        (np.zeros((0, 3, 3)), "three dimensions"),
        (np.where(HEAD == 400, np.nan, HEAD), "NaN or infinite"),
    ],
    ids=["mask", "2D", "complex", "ragged", "text", "empty", "NaN"],
)
def test_other_voxels_are_one_sentence(voxels: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        Volume(voxels, PLACE, "cta")


@pytest.mark.parametrize(
    "matrix",
    [np.eye(3), np.diag([1, 1, 0, 1]), np.full((4, 4), np.nan), PLACE.T, [["a"] * 4] * 4, None],
    ids=["3 x 3", "flat", "NaN", "transposed", "text", "none"],
)
def test_other_places_are_one_sentence(matrix: Any) -> None:
    with pytest.raises(InputError, match="4 x 4 matrix"):
        Volume(HEAD, matrix, "cta")


def test_another_kind_is_one_sentence() -> None:
    with pytest.raises(InputError, match="no kind of volume 'mr'"):
        Volume(HEAD, PLACE, "mr")  # type: ignore[arg-type]


AXES = [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)]
FLIPS = [(False, False, False), (True, False, True), (True, True, True), (False, True, False)]


@pytest.mark.parametrize("kind", ["cta", "3dra"])
@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("flips", FLIPS)
def test_the_standard_order_does_not_depend_on_how_voxels_are_stored(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], kind: Any
) -> None:
    oblique = np.array([[0.96, -0.28, 0, 5], [0.28, 0.96, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    volume = Volume(np.arange(20 * 24 * 28, dtype=np.int16).reshape(20, 24, 28), oblique @ PLACE, kind)
    standard = AxisOrder.standard(volume).of_volume(volume)
    stored = AxisOrder(axes, flips).of_volume(volume)
    order = AxisOrder.standard(stored)
    again = order.of_volume(stored)
    np.testing.assert_array_equal(again.voxels, standard.voxels)
    np.testing.assert_allclose(again.ijk_to_ras, standard.ijk_to_ras, atol=1e-12)
    np.testing.assert_array_equal(order.undo(order.apply(stored.voxels)), stored.voxels)
    at = np.array([3, 5, 7])
    np.testing.assert_array_equal(AxisOrder(axes, flips).undo(stored.voxels), volume.voxels)
    place = np.linalg.solve(stored.ijk_to_ras, volume.ijk_to_ras @ [*at, 1])[:3]
    i, j, k = np.rint(place).astype(int)
    assert stored.voxels[k, j, i] == volume.voxels[7, 5, 3]


def test_a_ct_as_scanners_write_it_is_in_the_standard_order() -> None:
    assert AxisOrder.standard(Volume(HEAD, PLACE, "cta")).changes_nothing
