"""Voxels to points: where they lie, what they weigh."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud_from_volume import cloud_from_volume

OBLIQUE = np.array([[0.0, 0.6, 0.8], [-1.0, 0.0, 0.0], [0.0, -0.8, 0.6]])
"""A rotation that mixes all three axes."""


def make_volume(shape_kji: tuple[int, int, int], spacing_ijk: tuple[float, float, float]) -> Volume:
    ijk_to_ras = np.eye(4)
    ijk_to_ras[:3, :3] = OBLIQUE * np.array(spacing_ijk)
    ijk_to_ras[:3, 3] = (-20.0, 35.0, 12.5)
    return Volume(np.zeros(shape_kji, dtype=np.int16), ijk_to_ras, "cta")


def one_voxel(shape_kji: tuple[int, int, int], at_kji: tuple[int, int, int]) -> np.ndarray:
    mask = np.zeros(shape_kji, dtype=bool)
    mask[at_kji] = True
    return mask


def test_a_voxel_becomes_a_point_at_its_centre_in_ras():
    volume = make_volume((6, 7, 8), (0.5, 0.5, 0.5))
    mask = one_voxel((6, 7, 8), (2, 3, 5))
    cloud = cloud_from_volume(volume, mask, np.zeros_like(mask), np.array([0.25], dtype=np.float32))
    expected = OBLIQUE @ (0.5 * np.array([5, 3, 2])) + [-20.0, 35.0, 12.5]
    np.testing.assert_allclose(cloud.positions_mm, expected[None], atol=1e-5)
    np.testing.assert_allclose(cloud.weights_mm3, [0.125 * 0.25], rtol=1e-6)
    assert cloud.cell_mm == pytest.approx(0.5)
    np.testing.assert_allclose(cloud.centre_mm, volume.centre_mm)


def test_long_voxels_are_cut_into_cubic_cells_that_keep_mass_and_centroid():
    volume = make_volume((12, 14, 16), (0.5, 0.5, 2.0))
    rng = np.random.default_rng(0)
    mask = np.zeros((12, 14, 16), dtype=bool)
    mask[2:10, 3:11, 4:12] = rng.random((8, 8, 8)) > 0.5
    fill = rng.uniform(0.2, 1.0, mask.shape).astype(np.float32)
    cloud = cloud_from_volume(volume, mask, np.zeros_like(mask), fill[mask])
    mass = 0.5 * fill[mask].sum()
    kji = np.argwhere(mask)
    centroid_ijk = (kji * fill[mask][:, None]).sum(axis=0)[::-1] / fill[mask].sum()
    centroid = volume.ijk_to_ras[:3, :3] @ centroid_ijk + volume.ijk_to_ras[:3, 3]
    assert cloud.cell_mm == pytest.approx(0.5)
    assert cloud.weights_mm3.sum() == pytest.approx(mass, rel=0.01)
    found = (cloud.positions_mm * cloud.weights_mm3[:, None]).sum(axis=0) / cloud.weights_mm3.sum()
    np.testing.assert_allclose(found, centroid, atol=0.02)


def test_a_slab_on_the_border_of_the_grid_keeps_its_mass():
    volume = make_volume((3, 5, 5), (1.0, 1.0, 3.0))
    mask = np.ones((3, 5, 5), dtype=bool)
    cloud = cloud_from_volume(volume, mask, np.zeros_like(mask), np.ones(mask.size, dtype=np.float32))
    assert len(cloud) == 3 * 5 * 5 * 3
    assert cloud.weights_mm3.sum() == pytest.approx(3 * 5 * 5 * 3.0)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 4.0), (4.0, 1.0, 1.0)])
def test_cells_are_the_same_however_the_volume_is_taken_apart(monkeypatch, spacing):
    volume = make_volume((13, 9, 10), spacing)
    rng = np.random.default_rng(1)
    mask = rng.random((13, 9, 10)) > 0.6
    veins, fill = mask & (np.arange(10) > 5), rng.random(np.count_nonzero(mask), dtype=np.float32)
    whole = cloud_from_volume(volume, mask, veins, fill)
    monkeypatch.setattr("DeepIterRegLib.preparation.cloud_from_volume.SLAB_LAYERS", 2)
    parts = cloud_from_volume(volume, mask, veins, fill)
    np.testing.assert_array_equal(parts.positions_mm, whole.positions_mm)
    np.testing.assert_array_equal(parts.weights_mm3, whole.weights_mm3)
    np.testing.assert_array_equal(parts.is_vein, whole.is_vein)


def test_veins_are_flagged_and_the_rest_is_not():
    volume = make_volume((6, 6, 6), (1.0, 1.0, 1.0))
    vessels = one_voxel((6, 6, 6), (1, 1, 1)) | one_voxel((6, 6, 6), (4, 4, 4))
    veins = one_voxel((6, 6, 6), (4, 4, 4))
    cloud = cloud_from_volume(volume, vessels, veins, np.ones(2, dtype=np.float32))
    np.testing.assert_array_equal(cloud.is_vein, [False, True])
    assert len(cloud.veins) == len(cloud.arteries) == 1


def test_empty_voxels_make_no_points():
    volume = make_volume((6, 6, 6), (1.0, 1.0, 1.0))
    vessels = one_voxel((6, 6, 6), (1, 1, 1)) | one_voxel((6, 6, 6), (4, 4, 4))
    fill = np.zeros(vessels.shape, dtype=np.float32)
    fill[4, 4, 4] = 1.0
    assert len(cloud_from_volume(volume, vessels, np.zeros_like(vessels), fill[vessels])) == 1


def test_no_vessel_makes_no_point():
    volume = make_volume((6, 6, 6), (1.0, 1.0, 2.0))
    none = np.zeros((6, 6, 6), dtype=bool)
    cloud = cloud_from_volume(volume, none, none, np.zeros(0, dtype=np.float32))
    assert len(cloud) == len(cloud.veins) == len(cloud.subset(cloud.is_vein)) == 0
    assert cloud.positions_mm.shape == (0, 3)
    assert cloud.cell_mm == cloud_from_volume(volume, ~none, none, np.ones(none.size, dtype=np.float32)).cell_mm
    np.testing.assert_array_equal(cloud.centre_mm, volume.centre_mm)
