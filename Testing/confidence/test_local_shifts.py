"""Parts of an X-ray that lie elsewhere than the CTA's skull are found where they were put."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.confidence.local_shifts import EdgeFields, local_shifts
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.refinement.evidence import Evidence
from Testing.support.skull_case import skull_alone, skull_image, volume_with_skull
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL

VOLUME = volume_with_skull()
POSE = radiological_pose(CENTRE_MM)
IMAGE = skull_image(POSE)


def shifts_of(image):
    evidence = Evidence(VOLUME, [skull_alone(image)], ("skull",), vessel_sizes_px=(), skull_sizes_px=(192,))
    return local_shifts(EdgeFields(*evidence.skull_similarity(192, 0).edge_fields(POSE)))


def test_a_skull_that_fits_everywhere_has_none():
    found = shifts_of(IMAGE)
    assert found.median_mm < 0.5
    assert found.gain < 0.02
    assert found.systematic_mm < 0.7


@pytest.mark.parametrize("shift_px", [(3, 0), (0, -4), (2, 3)])
def test_a_moved_picture_is_moved_alike_everywhere(shift_px):
    moved = replace(IMAGE, values=ndimage.shift(IMAGE.values, shift_px, order=1, mode="nearest"))
    found = shifts_of(moved)
    size_mm = float(np.hypot(*shift_px)) * max(LATERAL.pixel_spacing_mm)
    assert found.median_mm == pytest.approx(size_mm, abs=1.3)  # a pixel of 1.2 mm
    assert found.systematic_mm == pytest.approx(size_mm, abs=1.3)
    assert found.gain > 0.1


def test_a_larger_head_has_a_systematic_part():
    middle = np.array(IMAGE.values.shape) / 2
    larger = ndimage.affine_transform(IMAGE.values, np.eye(2) / 1.05, middle - middle / 1.05, order=1, mode="nearest")
    found, right = shifts_of(replace(IMAGE, values=larger)), shifts_of(IMAGE)
    assert found.systematic_mm > 2
    assert found.gain > 3 * right.gain


def test_where_nothing_is_seen_nothing_is_said():
    found = shifts_of(replace(IMAGE, valid=np.zeros_like(IMAGE.valid)))
    assert np.isnan([found.median_mm, found.gain, found.systematic_mm]).all()
