"""The skull as points: bone of cranium and upper face, and nothing else that is dense."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.head_grid import HeadGrid, find_head
from DeepIterRegLib.preparation.skull import cloud as skull
from DeepIterRegLib.preparation.skull.cloud import BONE_FROM_HU, DENSEST, FADE_MM, SOFT_HU, skull_cloud

SHAPE_MM = np.array([205.0, 200.0, 180.0])
"""Height, depth, width of the scan."""
BRAIN_MM = np.array([125.0, 95.0, 90.0])
"""(z, y, x) of the brain's middle in the scan."""
BONE_HU, SPINE_HU, TABLE_HU = 900, 800, 600
FILLING_AT_MM = np.array([84.0, 150.0, 90.0])


def head(spacing_kji_mm: tuple[float, float, float] = (2.0, 2.0, 2.0), with_filling: bool = False) -> Volume:
    """A hollow ellipsoid of bone about soft tissue, a neck with a spine in it, and a table behind, in air."""
    spacing = np.array(spacing_kji_mm)
    shape = np.round(SHAPE_MM / spacing).astype(int)
    z, y, x = (axis * step for axis, step in zip(np.ogrid[tuple(slice(n) for n in shape)], spacing, strict=True))
    radius = np.sqrt(((z - 125) / 62) ** 2 + ((y - 95) / 78) ** 2 + ((x - 90) / 62) ** 2)
    neck = np.hypot(y - 80, x - 90)
    voxels = np.full(shape, -1000, dtype=np.int16)
    voxels[(radius < 1.08) | ((neck < 45) & (z < 100))] = 40
    voxels[(radius < 1) & (radius > 0.9)] = BONE_HU
    voxels[(neck < 15) & (neck > 8) & (z < 66)] = SPINE_HU
    voxels[np.broadcast_to((y < 8) & (y > 2), shape)] = TABLE_HU
    if with_filling:
        at = np.abs(np.stack(np.broadcast_arrays(z, y, x)) - FILLING_AT_MM[:, None, None, None]).max(axis=0)
        voxels[at <= 4] = 40
        voxels[at <= 2] = 3071
    matrix = np.diag([*spacing[::-1], 1.0])
    matrix[:3, 3] = [-90, -95, 300]
    return Volume(voxels, matrix, "cta")


def found(volume: Volume) -> HeadGrid:
    grid = find_head(volume, lambda stage, fraction: None)
    assert grid is not None
    return grid


@cache
def plain() -> HeadGrid:
    return found(head())


def in_scan_mm(positions_mm: np.ndarray) -> np.ndarray:
    """(N, 3) z, y, x of points in the patient frame."""
    return (positions_mm - [-90, -95, 300])[:, ::-1]


def vault(volume: Volume) -> BoolArray:
    """Bone above the brain's middle, without the table."""
    z, y, _ = np.indices(volume.voxels.shape) * volume.spacing_mm[::-1, None, None, None]
    return (volume.voxels > BONE_FROM_HU) & (z > BRAIN_MM[0]) & (y > 10)


def mass_of_the_vault(volume: Volume) -> float:
    return float((volume.voxels[vault(volume)] - SOFT_HU).sum() / 1000 * np.prod(volume.spacing_mm))


def mass_above_the_middle(cloud) -> float:
    return float(cloud.weights_mm3[in_scan_mm(cloud.positions_mm)[:, 0] > BRAIN_MM[0]].sum())


def test_the_vault_has_its_points_and_its_mass():
    volume = head()
    cloud = skull_cloud(plain(), volume.centre_mm)
    assert cloud.cell_mm == pytest.approx(2.0)
    np.testing.assert_array_equal(cloud.centre_mm, volume.centre_mm)
    assert not cloud.is_vein.any()
    above = in_scan_mm(cloud.positions_mm)[:, 0] > BRAIN_MM[0]
    assert np.count_nonzero(above) == np.count_nonzero(vault(volume))
    assert mass_above_the_middle(cloud) == pytest.approx(mass_of_the_vault(volume), rel=1e-4)
    # Points lie where the bone does.
    index = np.round(apply(np.linalg.inv(volume.ijk_to_ras), cloud.positions_mm.astype(float))).astype(int)
    assert (volume.voxels[tuple(index[:, ::-1].T)] > BONE_FROM_HU).all()


def test_table_and_neck_are_left_out_and_the_base_fades():
    cloud = skull_cloud(plain(), np.zeros(3))
    z, y, _ = in_scan_mm(cloud.positions_mm).T
    assert y.min() > 15
    shares = cloud.weights_mm3 / (8 * (BONE_HU - SOFT_HU) / 1000)
    behind = y < 95
    assert shares[behind & (z > 80)] == pytest.approx(1, abs=1e-4)
    # No bone of the spine from FADE_MM below the foramen magnum, where the brain's bottom is.
    assert z[behind].min() > 125 - 62 - FADE_MM - 10
    assert 0.02 < shares[behind].min() < 0.6


def test_what_the_scan_cuts_off_fades_out():
    volume = head()
    cut = Volume(volume.voxels[: round(170 / 2)], volume.ijk_to_ras, "cta")  # without the vertex
    whole, cloud = skull_cloud(plain(), np.zeros(3)), skull_cloud(found(cut), np.zeros(3))
    z = in_scan_mm(cloud.positions_mm)[:, 0]
    weights = cloud.weights_mm3 / whole.weights_mm3.max()
    assert weights[z > 164].max() < 0.5
    assert np.median(weights[(z > 130) & (z < 150)]) == pytest.approx(1)


def test_vessels_and_their_rim_are_left_out():
    grid = plain()
    vessels = np.zeros(grid.work.hu.shape, dtype=bool)
    vessels[80:, :, 44:47] = True  # the sagittal sinus, say
    without = skull_cloud(replace(grid, vessels=vessels), np.zeros(3))
    z, _, x = in_scan_mm(without.positions_mm).T
    assert not ((z > 162) & (np.abs(x - 90) < 3)).any()
    assert ((z > 162) & (np.abs(x - 90) > 5)).any()


def test_fillings_are_capped():
    cloud = skull_cloud(found(head(with_filling=True)), np.zeros(3))
    near = np.abs(in_scan_mm(cloud.positions_mm) - FILLING_AT_MM).max(axis=1) < 4
    assert cloud.weights_mm3[near].max() == pytest.approx(DENSEST * 8)
    assert cloud.weights_mm3.max() <= DENSEST * 8 * (1 + 1e-6)


def test_thick_slices_keep_the_mass():
    volume = head((5.0, 2.0, 2.0))
    cloud = skull_cloud(found(volume), volume.centre_mm)
    assert cloud.cell_mm == pytest.approx(20 ** (1 / 3))
    assert mass_above_the_middle(cloud) == pytest.approx(mass_of_the_vault(volume), rel=1e-3)
    assert mass_above_the_middle(cloud) == pytest.approx(mass_of_the_vault(head()), rel=0.05)


@pytest.mark.parametrize("most", [12_000, 5_000])
def test_blocks_are_put_together_where_there_are_too_many(monkeypatch, most):
    every = skull_cloud(plain(), np.zeros(3))
    monkeypatch.setattr(skull, "MOST_POINTS", most)
    fewer = skull_cloud(plain(), np.zeros(3))
    assert most / 3 < len(fewer) <= most < len(every)
    assert fewer.weights_mm3.sum() == pytest.approx(every.weights_mm3.sum(), rel=1e-5)
    assert fewer.cell_mm > every.cell_mm
    centres = [c.weights_mm3.astype(float) @ c.positions_mm / c.weights_mm3.sum() for c in (every, fewer)]
    np.testing.assert_allclose(*centres, atol=1e-2)


def test_without_bone_there_is_no_skull():
    grid = plain()
    soft = replace(grid.work, hu=np.minimum(grid.work.hu, np.float32(200)))
    assert skull_cloud(replace(grid, work=soft), np.zeros(3)) is None
