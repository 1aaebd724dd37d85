"""Images that were rotated or mirrored before they were stored, and where the isocentre falls in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, UPRIGHT, ImageTurn
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.dsa_source import overridden
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.xa_values import header_values
from Testing.support.dicom_files import GEOMETRY, write_xa
from Testing.support.image_phantoms import COLUMNS, ROWS, subtracted_u8

POINTS_MM = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [20, -15, 5]])
LATERAL = {"PositionerPrimaryAngle": "-86", "PositionerSecondaryAngle": "0"}
FRONTAL = {"PositionerPrimaryAngle": "0", "PositionerSecondaryAngle": "0"}


def stored(pixels: np.ndarray, turn: ImageTurn) -> np.ndarray:
    """(T, rows, columns) frames as a console turns them."""
    turned = np.rot90(pixels, -turn.quarter_turns, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if turn.mirrored else turned)


def moved(points_px: np.ndarray, turn: ImageTurn) -> np.ndarray:
    """(N, 2) column and row of points of the upright image in the stored one."""
    rows, columns = ROWS, COLUMNS
    for _ in range(turn.quarter_turns):
        points_px = np.stack([rows - 1 - points_px[:, 1], points_px[:, 0]], axis=1)
        rows, columns = columns, rows
    return points_px * [-1, 1] + [columns - 1, 0] if turn.mirrored else points_px


def letters_of(carm: CArm) -> list[str]:
    """Patient Orientation: the nearest letter to where rows and columns of an image point."""
    names = ("R", "A", "H"), ("L", "P", "F")
    return [names[int(d[k] < 0)][k] for d in (carm.column_direction, carm.row_direction) for k in [np.abs(d).argmax()]]


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
@pytest.mark.parametrize(
    "angles", [FRONTAL, LATERAL, {"PositionerPrimaryAngle": "38", "PositionerSecondaryAngle": "-20"}]
)
def test_patient_orientation_turns_the_image_back(tmp_path: Path, turn: ImageTurn, angles: dict[str, str]) -> None:
    upright = read_angiogram(write_xa(tmp_path / "upright.dcm", subtracted_u8(), **angles)).carm
    letters = letters_of(
        CArm.from_angles(
            float(angles["PositionerPrimaryAngle"]), float(angles["PositionerSecondaryAngle"]), 1200, 800, 0.4, 9, 9,
            image_turn=turn,
        )
    )  # fmt: skip
    path = write_xa(tmp_path / "run.dcm", stored(subtracted_u8(), turn), **angles, PatientOrientation=letters)
    angiogram = read_angiogram(path)
    np.testing.assert_allclose(project(POINTS_MM, angiogram.carm), moved(project(POINTS_MM, upright), turn), atol=1e-6)
    assert angiogram.carm.image_turn == turn
    if turn == UPRIGHT:
        assert angiogram.warnings == ()
    else:
        (warning,) = angiogram.warnings
        assert f"an image {turn} at the C-arm's angles" in warning


@pytest.mark.parametrize("turn", ALL_TURNS[1:], ids=str)
def test_the_detectors_tags_alone_turn_it_back_and_say_that_nothing_confirms_it(
    tmp_path: Path, turn: ImageTurn
) -> None:
    upright = read_angiogram(write_xa(tmp_path / "upright.dcm", subtracted_u8())).carm
    tags = {
        "FieldOfViewRotation": str(90 * turn.quarter_turns),
        "FieldOfViewHorizontalFlip": "YES" if turn.mirrored else "NO",
    }
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", stored(subtracted_u8(), turn), **tags))
    np.testing.assert_allclose(project(POINTS_MM, angiogram.carm), moved(project(POINTS_MM, upright), turn), atol=1e-6)
    assert "has no Patient Orientation (0020,0020) that confirms it" in angiogram.warnings[0]


def test_what_both_say_is_believed_and_said(tmp_path: Path) -> None:
    tags = {"FieldOfViewHorizontalFlip": "YES", "PatientOrientation": ["P", "F"]}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **LATERAL, **tags))
    assert angiogram.carm.image_turn == ImageTurn(mirrored=True)
    assert "Patient Orientation (0020,0020) P\\F say so" in angiogram.warnings[0]


def test_an_upright_patient_orientation_wins_over_the_detectors_tags(tmp_path: Path) -> None:
    tags = {"FieldOfViewRotation": "180", "PatientOrientation": ["A", "F"]}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **LATERAL, **tags))
    assert angiogram.carm.image_turn == UPRIGHT
    assert "rotated clockwise by 180 degrees" in angiogram.warnings[0]


@pytest.mark.parametrize(
    ("letters", "warns"),
    [(["L", "F"], True), (["LP", "F"], False), (["A", "P"], True), (["", ""], False), (["N", "S"], False)],
    ids=["of a frontal view, everywhere", "two letters", "along the beam", "empty", "no letters"],
)
def test_letters_that_say_nothing_turn_nothing(tmp_path: Path, letters: list[str], warns: bool) -> None:
    angles = {"PositionerPrimaryAngle": "80", "PositionerSecondaryAngle": "0"}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **angles, PatientOrientation=letters))
    assert angiogram.carm.image_turn == UPRIGHT
    assert any("does not fit the C-arm's angles (LAO 80, CRA 0)" in line for line in angiogram.warnings) == warns


def test_a_patient_who_lies_feet_first_may_be_upright_by_table_or_by_patient(tmp_path: Path) -> None:
    for letters in (["L", "F"], ["R", "H"]):
        tags = {**FRONTAL, "PatientPosition": "FFS", "PatientOrientation": letters}
        angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
        assert angiogram.carm.image_turn == UPRIGHT
        assert angiogram.warnings == ()


def test_a_rotation_by_no_right_angle_is_refused(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), FieldOfViewRotation="30")
    with pytest.raises(InputError, match=r"\(0018,7032\) of 30 degrees, which is not by right angles"):
        read_angiogram(path)


def test_angles_typed_over_keep_turn_and_isocentre() -> None:
    carm = CArm.from_angles(-86, 3, 1200, 800, 0.4, 200, 240, (60.0, 90.0), ImageTurn(1, True))
    typed = overridden(carm, GeometryOptions(sdd_mm=1100.0))
    assert typed.image_turn == ImageTurn(1, True)
    assert typed.principal_point_px == pytest.approx((60, 90))
    assert typed.sdd_mm == pytest.approx(1100)


def item(**tags: Any) -> list[Dataset]:
    made = Dataset()
    for keyword, value in tags.items():
        setattr(made, keyword, value)
    return [made]


DETECTOR = {"PhysicalDetectorSize": [200.0, 240.0], "DetectorElementSpacing": ["0.2", "0.2"]}
"""1000 rows and 1200 columns of elements."""
ACTIVE = {
    "DetectorActiveDimensions": ["160", "200"], "DetectorActiveOrigin": ["100", "100"],
    "DetectorElementSpacing": ["0.2", "0.2"],
}  # fmt: skip
"""The same detector, its active area alone."""


def test_the_isocentre_is_where_its_tag_says_in_a_part_of_the_detector(tmp_path: Path) -> None:
    # 200 x 240 pixels of two elements each, from element (100, 500) on.
    group = Dataset()
    group.FieldOfViewSequence = item(
        FieldOfViewShape="RECTANGLE", FieldOfViewDimensionsInFloat=[80.0, 96.0], FieldOfViewOrigin=["100", "500"],
        FieldOfViewRotation="0", FieldOfViewHorizontalFlip="NO",
    )  # fmt: skip
    tags = {**DETECTOR, "PositionOfIsocenterProjection": [249.5, 899.5], "SharedFunctionalGroupsSequence": [group]}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    # Element 249.5 is 150 elements, 75 pixels, below the image's upper edge, half a pixel above its first centre.
    assert angiogram.carm.principal_point_px == pytest.approx((199.5, 74.5))
    assert angiogram.warnings == ()


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
def test_the_isocentre_turns_with_the_image(tmp_path: Path, turn: ImageTurn) -> None:
    tags = {
        **DETECTOR, **FRONTAL, "PositionOfIsocenterProjection": [249.5, 899.5], "FieldOfViewOrigin": ["100", "500"],
        "FieldOfViewRotation": str(90 * turn.quarter_turns),
        "FieldOfViewHorizontalFlip": "YES" if turn.mirrored else "NO",
    }  # fmt: skip
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", stored(subtracted_u8(), turn), **tags))
    expected = moved(np.array([[199.5, 74.5]]), turn)[0]
    assert angiogram.carm.principal_point_px == pytest.approx(tuple(expected))


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"PositionOfIsocenterProjection": [249.5, 899.5]}, "but no Detector Element Spacing"),
        ({"PositionOfIsocenterProjection": [249.5, 899.5], **DETECTOR}, "but no Field of View Origin"),
        ({"PositionOfIsocenterProjection": [9e4, 9e4], "FieldOfViewOrigin": ["0", "0"], **DETECTOR}, "which cannot be"),
    ],
    ids=["no element size", "no origin", "far outside"],
)
def test_an_isocentre_that_says_nothing_is_assumed_in_the_middle_and_said(
    tmp_path: Path, tags: dict[str, Any], says: str
) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    assert angiogram.carm.principal_point_px == pytest.approx(((COLUMNS - 1) / 2, (ROWS - 1) / 2))
    (warning,) = angiogram.warnings
    assert says in warning
    assert "assumed in the image's middle" in warning


@pytest.mark.parametrize(
    "detector",
    [DETECTOR, ACTIVE],
    ids=["physical", "active area"],
)  # fmt: skip
def test_a_plain_file_that_shows_the_detectors_edge_has_its_isocentre_in_the_detectors_middle(
    tmp_path: Path, detector: dict[str, Any]
) -> None:
    tags = {**detector, "FieldOfViewOrigin": ["0", "0"]}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    # 500 and 600 elements from the corner, of two to a pixel.
    assert angiogram.carm.principal_point_px == pytest.approx((299.5, 249.5))
    assert "the detector's middle was taken" in angiogram.warnings[0]


def test_a_plain_file_of_the_detectors_middle_is_as_before(tmp_path: Path) -> None:
    plain = read_angiogram(write_xa(tmp_path / "plain.dcm", subtracted_u8()))
    tags = {**DETECTOR, "FieldOfViewOrigin": ["300", "360"], "FieldOfViewRotation": "0"}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    np.testing.assert_array_equal(angiogram.carm.projection_matrix, plain.carm.projection_matrix)
    assert angiogram.warnings == ()


def test_an_image_intensifier_has_no_origin(tmp_path: Path) -> None:
    tags = {**DETECTOR, "FieldOfViewOrigin": ["0", "0"], "XRayReceptorType": "IMG_INTENSIFIER"}
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **tags))
    assert angiogram.carm.principal_point_px == pytest.approx(((COLUMNS - 1) / 2, (ROWS - 1) / 2))


@pytest.mark.parametrize("keyword", ["DetectorPrimaryAngle", "PositionerIsocenterDetectorRotationAngle"])
def test_a_detector_that_is_tilted_or_turned_is_said(tmp_path: Path, keyword: str) -> None:
    angiogram = read_angiogram(write_xa(tmp_path / "run.dcm", subtracted_u8(), **{keyword: 12.0}))
    assert "of 12 degrees, which is not applied" in angiogram.warnings[0]


def test_the_panel_says_what_the_registration_will(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "run.dcm", subtracted_u8(), **{**GEOMETRY, **LATERAL}, PatientOrientation=["P", "F"])
    notes = header_values(read_header(path), "The DSA").notes
    assert "mirrored left to right" in str(notes[""])


def test_what_no_tag_says_is_told_as_assumed(tmp_path: Path) -> None:
    silent = read_angiogram(write_xa(tmp_path / "silent.dcm", subtracted_u8()))
    assert silent.warnings == ()
    assert [line.split(" was ")[0] for line in silent.assumed] == ["The isocentre", "The image"]
    told = {"PatientOrientation": ["L", "F"], **DETECTOR, "FieldOfViewOrigin": ["300", "360"]}
    assert read_angiogram(write_xa(tmp_path / "told.dcm", subtracted_u8(), **told)).assumed == ()
