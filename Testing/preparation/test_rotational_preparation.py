"""Vessels of a 3DRA."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cta import prepare_volume
from Testing.support.cases import CASES, needs_cases

SHAPE = (60, 64, 70)


def tube(radius: float, k: float, j: float) -> np.ndarray:
    """(K, J, I) share of each voxel inside a straight vessel along i."""
    distance = np.hypot(*np.meshgrid(np.arange(SHAPE[0]) - k, np.arange(SHAPE[1]) - j, indexing="ij"))
    share = np.clip(radius - distance + 0.5, 0, 1)
    return np.repeat(share[:, :, None], SHAPE[2], axis=2).astype(np.float32)


def rotational(voxels: np.ndarray) -> Volume:
    return Volume(voxels.astype(np.float32), np.diag([0.75, 0.75, 0.75, 1.0]), "3dra", "run")


def noisy_run(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A thick and a thin vessel in noise, and the share of each voxel that is vessel."""
    thick, thin = tube(4.0, 20, 20), tube(1.0, 40, 45)
    noise = np.random.default_rng(1).normal(0, 12, SHAPE)
    return scale * (1000 * thick + 250 * thin + noise), np.maximum(thick, thin)


def test_thick_and_thin_vessels_are_found_and_noise_is_not():
    voxels, share = noisy_run()
    found = prepare_volume(rotational(voxels)).vessels
    assert found[share > 0.5].mean() > 0.97
    assert found[40, 45].mean() > 0.97  # along the thin one's axis
    assert (share[found] > 0).mean() > 0.99
    assert not found[50:, :30].any()


def test_the_unit_of_the_volume_does_not_matter():
    voxels, _ = noisy_run()
    small, large = (prepare_volume(rotational(scale * voxels)) for scale in (0.001, 40.0))
    np.testing.assert_array_equal(small.vessels, large.vessels)
    np.testing.assert_allclose(small.cloud.weights_mm3, large.cloud.weights_mm3, rtol=1e-3, atol=1e-5)


def test_weights_follow_the_brightness_and_a_full_voxel_weighs_its_volume():
    voxels, _ = noisy_run()
    cloud = prepare_volume(rotational(voxels)).cloud
    cell = 0.75**3
    kji = np.rint(cloud.positions_mm[:, ::-1] / 0.75).astype(int)
    core = np.hypot(kji[:, 0] - 20, kji[:, 1] - 20) < 2.5
    thin = np.hypot(kji[:, 0] - 40, kji[:, 1] - 45) < 0.5
    assert cloud.weights_mm3[core].mean() == pytest.approx(cell, rel=0.1)
    assert cloud.weights_mm3[thin].mean() == pytest.approx(0.25 * cell, rel=0.3)
    assert not cloud.is_vein.any()


@pytest.mark.parametrize("voxels", [np.zeros(SHAPE), np.full(SHAPE, 7.0)], ids=["zeros", "constant"])
def test_an_empty_run_is_refused(voxels):
    with pytest.raises(InputError, match="No vessel stands out"):
        prepare_volume(rotational(voxels))


def test_a_given_mask_replaces_the_segmentation():
    voxels, _ = noisy_run()
    mask = tube(4.0, 20, 20) > 0.5
    prepared = prepare_volume(rotational(voxels), vessels=mask, veins=None)
    np.testing.assert_array_equal(prepared.vessels, mask)
    assert len(prepared.cloud) == mask.sum()


@needs_cases
def test_the_real_run_keeps_its_carotid_and_its_thin_arteries():
    image = sitk.ReadImage(str(CASES / "rotational-head" / "volume.nrrd"))
    voxels = sitk.GetArrayFromImage(image)
    prepared = prepare_volume(Volume(voxels, np.diag([-0.75, 0.75, 0.75, 1.0]), "3dra"))
    # Not a truth, but nothing else in the volume is this bright or this faint.
    assert prepared.vessels[voxels > 300].mean() > 0.97
    assert not prepared.vessels[voxels < 60].any()
    # Most of the mask is thin arteries: an order of magnitude more than the carotid's 8,000 bright voxels.
    assert 60_000 < prepared.vessels.sum() < 130_000
