"""Where a NIfTI file puts the head: sform, qform, what ITK makes of them, and what is believed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.masks import read_volume_mask
from DeepIterRegLib.images.nifti_header import is_truncated_nifti, read_nifti_header
from DeepIterRegLib.images.volume_files import read_volume
from Testing.support.image_phantoms import head_hu

VOXELS = head_hu((40, 60, 64))
STRAIGHT = np.array([[-2.5, 0, 0, 80], [0, -3, 0, 90], [0, 0, 4, -75], [0, 0, 0, 1.0]])
"""Index to RAS mm."""
TILTED = STRAIGHT + np.array([[0, 0, 0, 0], [0, 0, 1.2, 0], [0, 0, 0, 0], [0, 0, 0, 0.0]])
"""Each slice is 1.2 mm in front of the one before."""
TURN = np.array([[0.96, -0.28, 0, 0], [0.28, 0.96, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
MIRRORED = np.diag([-1.0, 1, 1, 1]) @ STRAIGHT
STRETCHED = np.diag([1.2, 1.0, 0.9, 1.0]) @ STRAIGHT


def write_nifti(
    path: Path,
    sform: np.ndarray | None,
    sform_code: int,
    qform: np.ndarray | None,
    qform_code: int,
    voxels: np.ndarray = VOXELS,
    kind: Any = nibabel.Nifti1Image,
    units: str = "mm",
) -> Path:
    """(K, J, I) voxels with these places, None for the straight one."""
    image = kind(voxels.transpose(2, 1, 0), None)
    image.header.set_xyzt_units(units)
    image.set_qform(STRAIGHT if qform is None else qform, qform_code)
    image.set_sform(STRAIGHT if sform is None else sform, sform_code)
    nibabel.save(image, path)
    return path


def marked() -> np.ndarray:
    """A head with a bright spot in one slice."""
    voxels = VOXELS.copy()
    voxels[25, 27:30, 33:36] = 700
    return voxels


def spot_ras_mm(path: Path) -> np.ndarray:
    volume = read_volume(path)
    k, j, i = np.nonzero((volume.voxels > 600) & (volume.voxels < 800) & spots(volume.voxels))
    weights = volume.voxels[k, j, i].astype(float) - 500
    ijk = [np.average(axis, weights=weights) for axis in (i, j, k)]
    return (volume.ijk_to_ras @ [*ijk, 1])[:3]


def spots(voxels: np.ndarray) -> np.ndarray:
    """Where there is no bone within a few voxels, which interpolation makes as bright as the spot."""
    from scipy import ndimage

    return ~ndimage.binary_dilation(voxels > 800, iterations=3)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize(("sform_code", "qform_code"), [(1, 0), (0, 1), (1, 1), (2, 1), (4, 1)])
def test_a_straight_file_keeps_its_place(
    tmp_path: Path, sform_code: int, qform_code: int, suffix: str, kind: Any
) -> None:
    volume = read_volume(write_nifti(tmp_path / f"ct{suffix}", None, sform_code, None, qform_code, kind=kind))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    np.testing.assert_allclose(volume.ijk_to_ras, STRAIGHT, atol=1e-4)
    assert volume.warnings == ()


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(("sform_code", "qform_code"), [(1, 1), (1, 0), (2, 1), (2, 0)])
def test_the_shear_of_a_tilted_gantry_is_straightened(
    tmp_path: Path, sform_code: int, qform_code: int, kind: Any
) -> None:
    path = write_nifti(tmp_path / "ct.nii", TILTED, sform_code, None, qform_code, marked(), kind)
    np.testing.assert_allclose(spot_ras_mm(path), (TILTED @ [34, 28, 25, 1])[:3], atol=0.3)
    volume = read_volume(path)
    assert volume.warnings == (
        "The CTA was taken with the gantry tilted by 16.7 degrees; it was resampled onto a grid with straight edges.",
    )
    axes = volume.ijk_to_ras[:3, :3] / volume.spacing_mm
    np.testing.assert_allclose(np.abs(axes), np.eye(3), atol=1e-6)


@pytest.mark.parametrize("axes", [(2, 0, 1), (0, 2, 1), (1, 0, 2)])
def test_a_shear_is_straightened_whatever_the_order_of_axes(tmp_path: Path, axes: tuple[int, int, int]) -> None:
    expected = spot_ras_mm(write_nifti(tmp_path / "a.nii", TILTED, 1, None, 0, marked()))
    image: Any = nibabel.load(tmp_path / "a.nii")
    turned = image.as_reoriented(np.array([[axes.index(n), 1 - 2 * (n == 1)] for n in range(3)]))
    nibabel.save(turned, tmp_path / "b.nii")
    np.testing.assert_allclose(spot_ras_mm(tmp_path / "b.nii"), expected, atol=0.05)


def test_a_rescaled_and_big_endian_sheared_file_has_the_same_values(tmp_path: Path) -> None:
    expected = read_volume(write_nifti(tmp_path / "a.nii", TILTED, 1, None, 0))
    stored = ((VOXELS + 1024) * 2).transpose(2, 1, 0).astype(">i2")
    image = nibabel.Nifti1Image(stored, TILTED, nibabel.Nifti1Header(endianness=">"))
    image.header.set_slope_inter(0.5, -1024)
    image.set_sform(TILTED, 1)
    image.set_qform(None, 0)
    nibabel.save(image, tmp_path / "b.nii")
    found = read_volume(tmp_path / "b.nii")
    np.testing.assert_allclose(found.voxels, expected.voxels, atol=1)
    np.testing.assert_allclose(found.ijk_to_ras, expected.ijk_to_ras, atol=1e-6)


def test_a_file_that_does_not_say_how_it_lies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="left and right are unknown"):
        read_volume(write_nifti(tmp_path / "ct.nii", None, 0, None, 0))


def test_sform_and_qform_that_mirror_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mirror each other"):
        read_volume(write_nifti(tmp_path / "ct.nii", MIRRORED, 1, None, 1))


@pytest.mark.parametrize("sform_code", [1, 2, 4])
def test_the_place_in_an_atlas_is_no_place_in_the_patient(tmp_path: Path, sform_code: int) -> None:
    volume = read_volume(write_nifti(tmp_path / "ct.nii", STRETCHED, sform_code, None, 1))
    np.testing.assert_allclose(volume.ijk_to_ras, STRAIGHT, atol=1e-4)
    assert "the qform was taken" in volume.warnings[0]
    assert volume.warnings[0].startswith("The CTA has an sform")
    with pytest.raises(InputError, match="stretches the head"):
        read_volume(write_nifti(tmp_path / "alone.nii", STRETCHED, sform_code, None, 0))


@pytest.mark.parametrize(("sform_code", "qform_code", "taken"), [(1, 1, "sform"), (1, 2, "sform"), (2, 1, "qform")])
def test_of_two_places_the_scanner_s_is_taken_and_that_is_said(
    tmp_path: Path, sform_code: int, qform_code: int, taken: str
) -> None:
    volume = read_volume(write_nifti(tmp_path / "ct.nii", TURN @ STRAIGHT, sform_code, None, qform_code))
    np.testing.assert_allclose(volume.ijk_to_ras, TURN @ STRAIGHT if taken == "sform" else STRAIGHT, atol=1e-4)
    assert f"the {taken} was taken" in volume.warnings[0]


def test_metres_are_metres(tmp_path: Path) -> None:
    metres = np.diag([1e-3, 1e-3, 1e-3, 1]) @ STRAIGHT
    path = write_nifti(tmp_path / "ct.nii", metres, 1, metres, 1, units="meter")
    np.testing.assert_allclose(read_volume(path).ijk_to_ras, STRAIGHT, atol=1e-3)


def test_a_mask_has_its_place_by_the_same_rules(tmp_path: Path) -> None:
    volume = read_volume(write_nifti(tmp_path / "ct.nii", TURN @ STRAIGHT, 2, None, 1))
    vessels = (VOXELS == 400).astype(np.uint8)
    mask = read_volume_mask(write_nifti(tmp_path / "m.nii", STRETCHED, 4, None, 1, vessels), volume, Field.CTA_VESSELS)
    np.testing.assert_array_equal(mask, VOXELS == 400)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_the_header_is_read_as_nibabel_reads_it(tmp_path: Path, kind: Any) -> None:
    turned = TURN @ STRAIGHT
    path = write_nifti(tmp_path / "ct.nii.gz", TILTED, 2, turned, 1, kind=kind)
    header = read_nifti_header(path)
    expected: Any = nibabel.load(path)
    assert header is not None
    np.testing.assert_allclose(header.sform, expected.get_sform(), atol=1e-4)
    np.testing.assert_allclose(header.qform, expected.get_qform(), atol=1e-4)
    assert (header.sform_code, header.qform_code, header.size) == (2, 1, (64, 60, 40))
    assert not is_truncated_nifti(path)


def test_nonsense_in_the_header_is_one_sentence(tmp_path: Path) -> None:
    whole = write_nifti(tmp_path / "ct.nii", TILTED, 1, None, 0).read_bytes()
    nonsense = {
        "nan": (280, struct.pack("<f", float("nan"))),
        "zero": (280, struct.pack("<12f", *[0] * 12)),
        "infinite": (292, struct.pack("<f", float("inf"))),
        "no size": (40, struct.pack("<8h", 3, 0, -1, 40, 1, 1, 1, 1)),
        "many sizes": (40, struct.pack("<8h", 300, 64, 60, 40, 5, 5, 5, 5)),
        "offset": (108, struct.pack("<f", -1e30)),
        "type": (70, struct.pack("<h", 7777)),
    }
    for name, (at, content) in nonsense.items():
        path = tmp_path / f"{name}.nii"
        path.write_bytes(whole[:at] + content + whole[at + len(content) :])
        with pytest.raises(InputError, match=rf"^{name}\.nii"):
            read_volume(path)


@pytest.mark.parametrize("name", ["plain-in-spite-of.nii.gz", "pair.img", "pair.hdr"])
def test_the_place_is_found_whatever_the_file_s_name(tmp_path: Path, name: str) -> None:
    if name.startswith("pair"):
        write_nifti(tmp_path / "pair.img", TILTED, 1, None, 1, marked(), nibabel.Nifti1Pair)
    else:
        write_nifti(tmp_path / "plain.nii", TILTED, 1, None, 1, marked()).rename(tmp_path / name)
    np.testing.assert_allclose(spot_ras_mm(tmp_path / name), (TILTED @ [34, 28, 25, 1])[:3], atol=0.3)


def test_analyze_files_are_refused(tmp_path: Path) -> None:
    write_nifti(tmp_path / "old.img", None, 1, None, 1, kind=nibabel.Nifti1Pair)
    header = bytearray((tmp_path / "old.hdr").read_bytes())
    header[344:348] = bytes(4)
    (tmp_path / "old.hdr").write_bytes(header)
    with pytest.raises(InputError, match="left and right are unknown"):
        read_volume(tmp_path / "old.img")
