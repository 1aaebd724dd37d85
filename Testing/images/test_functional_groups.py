from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.functional_groups import (
    frame_count,
    has_value,
    holder_of,
    holders_of,
    numbers_of_frame,
    words_of_frame,
)


def item(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def multi_frame(shared: Dataset | None, *frames: Dataset, **top: Any) -> Dataset:
    made = item(NumberOfFrames=len(frames), PerFrameFunctionalGroupsSequence=Sequence(frames), **top)
    if shared is not None:
        made.SharedFunctionalGroupsSequence = Sequence([shared])
    return made


def position(z: float) -> Dataset:
    return item(PlanePositionSequence=Sequence([item(ImagePositionPatient=[0, 0, z])]))


def rescale(slope: float | str) -> Dataset:
    return item(PixelValueTransformationSequence=Sequence([item(RescaleSlope=slope)]))


def test_a_frame_s_own_value_comes_before_the_shared_one_and_that_before_the_top() -> None:
    both = multi_frame(rescale(2), rescale(3), position(0), RescaleSlope=4, RescaleIntercept=-1024)
    assert numbers_of_frame(both, "RescaleSlope", 0, "a") == 3
    assert numbers_of_frame(both, "RescaleSlope", 1, "a") == 2
    assert numbers_of_frame(both, "RescaleIntercept", 1, "a") == -1024
    assert numbers_of_frame(both, "SliceThickness", 1, "a") is None
    del both.SharedFunctionalGroupsSequence
    assert numbers_of_frame(both, "RescaleSlope", 1, "a") == 4


def test_an_empty_value_is_none_and_a_zero_is_one() -> None:
    frames = multi_frame(rescale(2), rescale(""), RescaleIntercept=0)
    assert numbers_of_frame(frames, "RescaleSlope", 0, "a") == 2
    assert numbers_of_frame(frames, "RescaleIntercept", 0, "a") == 0
    assert not has_value(frames, "SliceThickness")


def test_what_a_converter_left_over_comes_last_and_bare_values_count() -> None:
    rest = item(ImageType=["X", "Y"], GantryDetectorTilt=5)
    left = item(UnassignedPerFrameConvertedAttributesSequence=Sequence([rest]), ImageType=["ORIGINAL", "PRIMARY"])
    assert words_of_frame(multi_frame(None, left), "ImageType", 0, "a") == ["ORIGINAL", "PRIMARY"]
    assert numbers_of_frame(multi_frame(None, left), "GantryDetectorTilt", 0, "a") == 5


def test_the_holders_of_all_frames() -> None:
    frames = multi_frame(rescale(2), position(0), position(1))
    assert [float(h.ImagePositionPatient[2]) for h in holders_of(frames, "ImagePositionPatient", "a")] == [0, 1]
    assert len(holders_of(frames, "RescaleSlope", "a")) == 1, "all frames share it"
    assert holders_of(frames, "SliceThickness", "a") == []
    with pytest.raises(InputError, match=r"a has Image Position \(Patient\) \(0020,0032\) for 1 of its 2 frames alone"):
        holders_of(multi_frame(None, position(0), rescale(1)), "ImagePositionPatient", "a")


def test_a_plain_object_has_one_frame() -> None:
    plain = item(RescaleSlope="2")
    assert frame_count(plain, "a") == 1
    assert holder_of(plain, "RescaleSlope", 0, "a") is plain
    assert holders_of(plain, "RescaleSlope", "a") == [plain]


def test_frames_without_groups_are_refused() -> None:
    frames = multi_frame(None, position(0), position(1))
    frames.NumberOfFrames = 3
    with pytest.raises(InputError, match="announces 3 frames and describes 2"):
        frame_count(frames, "a")
    with pytest.raises(InputError, match="announces 0 frames"):
        frame_count(item(NumberOfFrames=0), "a")


def test_groups_that_are_no_sequence_are_one_sentence() -> None:
    odd = Dataset()
    odd.add_new("PerFrameFunctionalGroupsSequence", "LO", "hello")
    with pytest.raises(InputError, match="a has functional groups that cannot be read"):
        holder_of(odd, "RescaleSlope", 0, "a")
