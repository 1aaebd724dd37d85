"""What is known of a CTA's head on the work grid, and where that grid lies in the patient."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.head_grid import HeadGrid, find_head
from DeepIterRegLib.preparation.work_grid import work_grid
from Testing.support.patients import plain_ct


def tell(stage: str, fraction: float) -> None:
    pass


@cache
def halved() -> tuple[Volume, HeadGrid]:
    """The average head without contrast, its voxels cut in two along i and j: blocks of more than one voxel."""
    made = plain_ct()
    voxels = np.repeat(np.repeat(made.voxels, 2, axis=1), 2, axis=2)
    matrix = made.ijk_to_ras.copy()
    matrix[:3, 3] -= (matrix[:3, 0] + matrix[:3, 1]) / 4
    matrix[:3, :2] /= 2
    volume = Volume(voxels, matrix, "cta")
    head = find_head(volume, tell)
    assert head is not None
    return volume, head


def test_blocks_lie_at_their_centres():
    """Of a plane of brightness the mean over a block is the brightness at its centre."""
    volume, head = halved()
    slope = np.array([1.0, -2.0, 3.0])
    index = np.stack(np.indices(volume.voxels.shape)[::-1], axis=-1)
    bright = (index @ volume.ijk_to_ras[:3, :3].T + volume.ijk_to_ras[:3, 3]) @ slope
    means = work_grid(bright.astype(np.float32), volume.spacing_mm[::-1]).hu
    assert means.shape == head.work.hu.shape
    places = np.stack(np.indices(means.shape)[::-1], axis=-1)
    expected = (places @ head.ijk_to_ras[:3, :3].T + head.ijk_to_ras[:3, 3]) @ slope
    np.testing.assert_allclose(means, expected, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(head.kji_step_to_head, axis=0), head.work.spacing_kji)


def test_a_mask_of_voxels_marks_the_blocks_they_lie_in():
    volume, head = halved()
    mask = np.zeros(volume.voxels.shape, dtype=bool)
    block = np.array(head.work.hu.shape) // 2
    mask[tuple(block * head.work.factors + head.work.factors - 1)] = True
    np.testing.assert_array_equal(np.argwhere(head.work.from_fine(mask)), [block])
    np.testing.assert_array_equal(head.work.from_fine(head.work.to_fine(head.body)), head.body)


def test_the_body_holds_bone_and_cavity_and_no_air():
    _, head = halved()
    cavity = head.coarse.to_fine(head.cavity.inside)
    assert head.body[cavity].mean() > 0.99
    assert head.body[head.bone.dense].mean() > 0.97
    assert not head.body[ndimage.binary_erosion(head.work.hu < -900, iterations=3)].any()
    assert not head.vessels.any()


def test_a_volume_without_a_head_has_none():
    assert find_head(Volume(np.zeros((40, 40, 40), dtype=np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), "cta"), tell) is None


@pytest.mark.parametrize("part", ["dense", "solid"])
def test_bone_is_found_without_contrast(part):
    _, head = halved()
    assert not head.levels.has_contrast
    assert head.levels.dense_hu == 500.0
    assert np.count_nonzero(getattr(head.bone, part)) * head.work.voxel_ml > 200


def test_layers_of_blocks_make_up_the_fine_grid():
    """A remainder at the far end, which is no whole block, goes with the last one."""
    grid = work_grid(np.zeros((7, 9, 11), dtype=np.int16), np.array([0.5, 0.4, 1.0]))
    mask = np.random.default_rng(0).random(grid.hu.shape) > 0.7
    mask[1] = False
    fine = np.zeros((7, 9, 11), dtype=bool)
    for layers, blocks in grid.slabs(mask):
        fine[layers] = blocks
    np.testing.assert_array_equal(fine, grid.to_fine(mask))
