"""Arrays that share the memory of ITK's images."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.images.itk_files import voxels_of


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_voxels_outlive_the_image_and_can_be_changed(kind):
    expected = np.random.default_rng(0).integers(0, 200, (40, 50, 60)).astype(kind)
    image = sitk.GetImageFromArray(expected)
    voxels = voxels_of(image)
    address = voxels.__array_interface__["data"][0]
    assert address == sitk.GetArrayViewFromImage(image).__array_interface__["data"][0]
    del image
    gc.collect()
    others = [np.full(expected.shape, 7, kind) for _ in range(20)]
    np.testing.assert_array_equal(voxels, expected)
    assert voxels.dtype == kind
    voxels += 1
    np.testing.assert_array_equal(voxels, expected + kind(1))
    assert len(others) == 20
