"""Runs during which C-arm, table or zoom move, and the frames of them that are at rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.xa_values import header_values
from Testing.support.dicom_files import GEOMETRY, write_xa
from Testing.support.image_phantoms import subtracted_u8

FRAMES = 5


def run(folder: Path, **tags: Any) -> Path:
    """Of five subtracted frames."""
    return write_xa(folder / "run.dcm", subtracted_u8(FRAMES), **tags)


def groups(**tags: list[Any]) -> list[Dataset]:
    """Per-frame functional groups with one value of every attribute each."""
    frames = []
    for values in zip(*tags.values(), strict=True):
        group, inner = Dataset(), Dataset()
        for keyword, value in zip(tags, values, strict=True):
            setattr(inner, keyword, value)
        group.PositionerPositionSequence = [inner]
        frames.append(group)
    return frames


@pytest.mark.parametrize(
    ("tags", "says", "moves"),
    [
        ({"TableLongitudinalIncrement": ["0", "15", "30", "45", "60"]}, r"table moved \(by 60 mm", "table"),
        ({"TableLateralIncrement": ["0", "3", "6", "9", "12"]}, r"table moved \(by 12 mm", "table"),
        ({"TableVerticalIncrement": "-4"}, r"table moved \(by 16 mm", "table"),
        ({"PositionerPrimaryAngleIncrement": ["0", "1.5", "3", "4.5", "6"]}, "rotational run .*6.0 degrees", "C-arm"),
        ({"PositionerSecondaryAngleIncrement": ["0", "2.5", "5", "7.5", "10"]}, "rotational run .*10.0 deg", "C-arm"),
        ({"PositionerPrimaryAngleIncrement": "1.5"}, r"rotational run \(the Positioner angles change by 6\.0", "C-arm"),
        (
            {"PerFrameFunctionalGroupsSequence": groups(TableTopLongitudinalPosition=[0, 15, 30, 45, 60])},
            r"table moved \(by 60 mm",
            "table",
        ),
        (
            {"PerFrameFunctionalGroupsSequence": groups(TableXPositionToIsocenter=[0.0, 15.0, 30.0, 45.0, 60.0])},
            r"table moved \(by 60 mm",
            "table",
        ),
        (
            {"PerFrameFunctionalGroupsSequence": groups(PositionerPrimaryAngle=[0, 10, 20, 30, 40])},
            "rotational run .*40.0 degrees",
            "C-arm",
        ),
        (
            {"PerFrameFunctionalGroupsSequence": groups(DistanceSourceToDetector=[1000, 1050, 1100, 1150, 1200])},
            "detector or the zoom moved",
            "zoom",
        ),
    ],
)
def test_a_run_that_is_never_at_rest_is_refused(tmp_path: Path, tags: dict[str, Any], says: str, moves: str) -> None:
    path = run(tmp_path, **tags)
    with pytest.raises(InputError, match=says) as caught:
        read_angiogram(path)
    assert caught.value.field is Field.DSA
    assert header_values(read_header(path), "The DSA").moves


@pytest.mark.parametrize(
    ("tags", "kept", "what"),
    [
        ({"TableLongitudinalIncrement": ["0", "0", "0", "20", "40"]}, slice(0, 3), "the table moved (40.0 mm)"),
        ({"TableLateralIncrement": ["20", "10", "0", "0.2", "0.4"]}, slice(2, 5), "the table moved"),
        ({"PositionerPrimaryAngleIncrement": ["0", "0", "0", "0", "30"]}, slice(0, 4), "the C-arm moved (30.0 deg"),
        (
            {"PerFrameFunctionalGroupsSequence": groups(PositionerPrimaryAngle=[0, 10, 20, 20, 20])},
            slice(2, 5),
            "the C-arm moved",
        ),
    ],
)  # fmt: skip
def test_the_frames_at_rest_are_used_and_said(tmp_path: Path, tags: dict[str, Any], kept: slice, what: str) -> None:
    path = run(tmp_path, FrameTime="250", **tags)
    angiogram = read_angiogram(path)
    np.testing.assert_array_equal(angiogram.frames, subtracted_u8(FRAMES)[kept].astype(np.float32))
    assert angiogram.frame_times_s is not None
    np.testing.assert_allclose(angiogram.frame_times_s, 0.25 * np.arange(kept.stop - kept.start))
    assert f"only {kept.start + 1} to {kept.stop}" in angiogram.warnings[0]
    assert what in angiogram.warnings[0]
    assert not header_values(read_header(path), "The DSA").moves


def test_the_angles_are_those_of_the_frames_at_rest(tmp_path: Path) -> None:
    group = groups(PositionerPrimaryAngle=[0, 10, 20, 20, 20])
    carm = read_angiogram(run(tmp_path, PerFrameFunctionalGroupsSequence=group)).carm
    assert carm.primary_angle_deg == pytest.approx(20)


def test_increments_may_be_the_angles_themselves(tmp_path: Path) -> None:
    # PS3.3 C.8.7.5.1.3, note: Positioner Primary Angle 0 and a vector of absolute angles.
    tags = {"PositionerPrimaryAngle": "0", "PositionerPrimaryAngleIncrement": ["30"] * FRAMES}
    angiogram = read_angiogram(run(tmp_path, **tags))
    assert angiogram.carm.primary_angle_deg == pytest.approx(30)
    assert len(angiogram.frames) == FRAMES


def test_the_mask_is_among_the_frames_at_rest_or_the_run_is_refused(tmp_path: Path) -> None:
    mask = Dataset()
    mask.MaskOperation, mask.MaskFrameNumbers = "AVG_SUB", [1]
    tags = {"MaskSubtractionSequence": [mask], "TableLongitudinalIncrement": ["30", "0", "0", "0", "0"]}
    with pytest.raises(InputError, match="while the table moved"):
        read_angiogram(run(tmp_path, **tags))


def test_increments_of_another_number_than_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 values of Table Lateral Increment \(0018,1136\) for 5 frames"):
        read_angiogram(run(tmp_path, TableLateralIncrement=["0", "20"]))


@pytest.mark.parametrize(
    ("keyword", "what"), [("TableMotion", "the table moved"), ("PositionerMotion", "the C-arm moved")]
)
def test_motion_that_is_announced_but_not_described_is_said(tmp_path: Path, keyword: str, what: str) -> None:
    (warning,) = read_angiogram(run(tmp_path, **{keyword: "DYNAMIC"})).warnings
    assert what in warning
    assert "but not how far" in warning


@pytest.mark.parametrize(
    "tags",
    [
        {"TableMotion": "STATIC", "TableLongitudinalIncrement": ["0"] * FRAMES, "PositionerMotion": "STATIC"},
        {"TableLongitudinalIncrement": ["0", "0"], "PositionerPrimaryAngleIncrement": ["0", "0.2", "0.1", "0", "0.1"]},
        {"TableVerticalIncrement": "", "PositionerPrimaryAngleIncrement": "0"},
    ],
)
def test_what_does_not_move_is_read_as_before(tmp_path: Path, tags: dict[str, Any]) -> None:
    angiogram = read_angiogram(run(tmp_path, **{**GEOMETRY, **tags}))
    assert len(angiogram.frames) == FRAMES
    assert angiogram.warnings == ()
