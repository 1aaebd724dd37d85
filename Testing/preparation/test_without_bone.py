"""CTAs without bone or without a head: what is made of them, and what is said."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import NO_HEAD, NO_PLACE, NO_SKULL, VEINS_NOT_SOUGHT, prepare_volume
from DeepIterRegLib.preparation.prepared import PreparedVolume
from DeepIterRegLib.research.simulate.ct.ct_angiogram import scan
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from Testing.support.patients import average_anatomy


@cache
def cta() -> Volume:
    plan = CtPlan(columns=142, slices=128, voxel_mm=1.6, slice_mm=1.6, centre_mm=(0, 4, -22), noise_hu=10)
    return scan(average_anatomy(), None, np.eye(4), plan, np.random.default_rng(5)).volume


@cache
def plain() -> PreparedVolume:
    return prepare_volume(cta())


def bone_taken_out(value: int) -> Volume:
    """As a workstation does it: what was bone, and a voxel around it, has one value."""
    voxels = cta().voxels.copy()
    voxels[ndimage.binary_dilation(voxels > 620)] = value
    return replace(cta(), voxels=voxels, kind="vessels")


@pytest.mark.parametrize("value", [-1024, -1000, 0, 35])
def test_bones_that_were_taken_out_leave_a_head_by_their_holes(value):
    prepared = prepare_volume(bone_taken_out(value))
    assert prepared.volume.kind == "vessels"
    assert prepared.warnings == (NO_SKULL,)
    both = np.count_nonzero(prepared.vessels & plain().vessels)
    assert both > 0.9 * np.count_nonzero(prepared.vessels)
    assert both > 0.6 * np.count_nonzero(plain().vessels)
    assert prepared.veins.any()
    assert prepared.skull is not None
    middles = [one.skull.positions_mm.mean(axis=0) for one in (prepared, plain())]
    np.testing.assert_allclose(*middles, atol=6)
    assert prepared.frame.found


def test_lungs_are_no_holes_of_bone():
    """Air with noise in it, however closed in: a chest is no head whose bones were taken out."""
    voxels = np.full((80, 80, 80), 50.0)
    k, j, i = np.indices(voxels.shape) - 40
    shell = np.abs(np.sqrt(k**2 + j**2 + i**2) - 34) < 3
    rng = np.random.default_rng(0)
    voxels[shell] = rng.normal(-850, 40, np.count_nonzero(shell))
    with pytest.raises(InputError, match="shows no head"):
        prepare_volume(Volume(np.rint(voxels).astype(np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), "cta"))


@cache
def soft_tissue() -> tuple[Volume, np.ndarray]:
    """Tissue and two vessels, no bone anywhere, as a box cut out of a CTA from inside the skull."""
    rng = np.random.default_rng(0)
    voxels = rng.normal(38, 9, (70, 80, 90))
    k, j, i = np.indices(voxels.shape)
    vessels = (np.hypot(j - 30, i - 40 - 0.2 * k) < 2.5) | (np.hypot(k - 40, i - 60) < 2)
    voxels[vessels] += 300
    return Volume(np.rint(voxels).astype(np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]), "vessels"), vessels


def test_in_tissue_without_bone_the_vessels_are_what_is_bright():
    volume, vessels = soft_tissue()
    prepared = prepare_volume(volume)
    assert np.count_nonzero(prepared.vessels ^ vessels) < 0.05 * np.count_nonzero(vessels)
    assert prepared.warnings == (NO_HEAD, VEINS_NOT_SOUGHT)
    assert prepared.skull is None
    assert not prepared.frame.found
    np.testing.assert_array_equal(prepared.frame.centre_mm, volume.centre_mm)
    np.testing.assert_array_equal(prepared.frame.axes, np.eye(3))


def test_vessels_that_were_cut_out_are_found_as_those_of_a_3dra_are():
    volume, vessels = soft_tissue()
    cut = np.where(ndimage.binary_dilation(vessels), volume.voxels, np.int16(-1024))
    prepared = prepare_volume(replace(volume, voxels=cut))
    assert prepared.vessels[vessels].mean() > 0.9


def test_without_contrast_there_is_nothing_to_go_by():
    volume, vessels = soft_tissue()
    with pytest.raises(InputError, match="has no bones, and no vessel stands out"):
        prepare_volume(replace(volume, voxels=np.where(vessels, np.int16(38), volume.voxels)))


@pytest.mark.parametrize("kind", ["cta", "vessels"])
def test_with_both_masks_nothing_is_refused_and_no_veins_are_missed(kind):
    volume, vessels = soft_tissue()
    veins = vessels & (np.indices(vessels.shape)[0] > 40)
    for given in (veins, np.zeros_like(veins)):
        prepared = prepare_volume(replace(volume, kind=kind), vessels=vessels, veins=given)
        np.testing.assert_array_equal(prepared.vessels, vessels)
        np.testing.assert_array_equal(prepared.veins, given)
        assert prepared.warnings == (NO_PLACE,)


def test_veins_that_nobody_looked_for_are_not_said_to_be_missing():
    volume, vessels = soft_tissue()
    prepared = prepare_volume(replace(volume, kind="cta"), vessels=vessels)
    assert prepared.warnings == (NO_PLACE, VEINS_NOT_SOUGHT)
    assert "--cta-veins" in VEINS_NOT_SOUGHT
    assert not prepared.veins.any()


def test_an_empty_mask_of_veins_says_that_there_are_none():
    volume = cta()
    prepared = prepare_volume(volume, veins=np.zeros(volume.voxels.shape, dtype=bool))
    np.testing.assert_array_equal(prepared.vessels, plain().vessels)
    assert not prepared.veins.any()
    assert prepared.warnings == ()


def test_the_advice_for_a_ct_without_a_head_does_not_name_a_3dra():
    volume, _ = soft_tissue()
    with pytest.raises(InputError) as caught:
        prepare_volume(replace(volume, kind="cta"))
    assert "3dra" not in caught.value.sentence
    assert "{volume_kind} to vessels" in caught.value.sentence


def long_neck() -> tuple[Volume, int]:
    made = cta()
    count = round(250 / 1.6)
    low = np.repeat(made.voxels[4:8].mean(axis=0, keepdims=True).astype(np.int16), count, axis=0)
    matrix = made.ijk_to_ras.copy()
    matrix[:3, 3] -= matrix[:3, 2] * count
    return Volume(np.concatenate([low, made.voxels]), matrix, "cta"), count


def test_a_long_scan_has_the_heads_centre_and_its_vessels():
    volume, count = long_neck()
    prepared = prepare_volume(volume)
    assert prepared.vessels.shape == volume.voxels.shape
    head = slice(count + 10, None)
    found, expected = prepared.vessels[head], plain().vessels[10:]
    assert np.count_nonzero(found & expected) > 0.95 * np.count_nonzero(found | expected)
    assert not prepared.vessels[: count // 2].any()
    assert np.linalg.norm(prepared.frame.centre_mm - plain().frame.centre_mm) < 25
    np.testing.assert_array_equal(prepared.cloud.centre_mm, prepared.frame.centre_mm)
    np.testing.assert_array_equal(prepared.skull.centre_mm, prepared.frame.centre_mm)
    # In a scene the pose turns about the volume's centre, as ever.
    np.testing.assert_array_equal(prepared.cloud_for_scene.centre_mm, volume.centre_mm)
    np.testing.assert_array_equal(plain().frame.centre_mm, cta().centre_mm)


def test_a_mask_outside_of_the_head_is_kept():
    volume, _ = long_neck()
    low = np.zeros(volume.voxels.shape, dtype=bool)
    low[5:30, 70:74, 70:74] = True
    bright = volume.voxels.copy()
    bright[low] = 400
    prepared = prepare_volume(replace(volume, voxels=bright), vessels=low, veins=np.zeros_like(low))
    np.testing.assert_array_equal(prepared.vessels, low)
