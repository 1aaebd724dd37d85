"""What the library takes as an angiogram, and how it is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.angiogram import Angiogram

FRAMES = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
VALID = np.ones((4, 5), dtype=bool)
CARM = CArm.from_angles(
    primary_angle_deg=0, secondary_angle_deg=0, sdd_mm=1200, sid_mm=800, pixel_spacing_mm=(0.4, 0.4), rows=4, columns=5
)


@pytest.mark.parametrize(
    "frames",
    [FRAMES, FRAMES.astype(">f4"), FRAMES.astype(np.uint8), FRAMES.tolist(), np.flip(np.flip(FRAMES, 1), 1)],
    ids=["float32", "big-endian", "uint8", "list", "strides"],
)
@pytest.mark.parametrize("valid", [VALID, VALID.astype(np.uint8) * 255, VALID.tolist()])
def test_the_same_numbers_are_the_same_angiogram(frames: Any, valid: Any) -> None:
    made = Angiogram(frames, CARM, valid)
    assert made.frames.dtype == np.float32
    assert made.frames.dtype.isnative
    np.testing.assert_array_equal(made.frames, FRAMES)
    np.testing.assert_array_equal(made.valid, VALID)
    assert made.valid.dtype == np.bool_


@pytest.mark.parametrize(
    "frames",
    [FRAMES[0], FRAMES > 0, FRAMES * np.nan, [[[1, 2], [3]]], "run.dcm"],
    ids=["2D", "mask", "NaN", "ragged", "text"],
)
def test_other_frames_are_one_sentence(frames: Any) -> None:
    with pytest.raises(InputError, match="real numbers in three dimensions"):
        Angiogram(frames, CARM, VALID)


def test_sizes_that_contradict_each_other_are_one_sentence() -> None:
    with pytest.raises(InputError, match="of 4 x 4 pixels, its valid part of 4 x 5"):
        Angiogram(FRAMES[:, :, :4], CARM, VALID)
    with pytest.raises(InputError, match="of one size"):
        Angiogram(FRAMES[:, :, :4], CARM, VALID[:, :4])
