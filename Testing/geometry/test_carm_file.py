from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.geometry.projection import project

CARM = CArm.from_angles(35, -12, 1180, 790, (0.3, 0.4), 400, 500, principal_point_px=(230.0, 210.5))
PLANE: dict[str, Any] = {
    "source_mm": CARM.source_mm.tolist(),
    "detector_origin_mm": CARM.detector_origin_mm.tolist(),
    "column_direction": CARM.column_direction.tolist(),
    "row_direction": CARM.row_direction.tolist(),
}
DETECTOR: dict[str, Any] = {"pixel_spacing_mm": [0.3, 0.4], "rows": 400, "columns": 500}
MATRIX: dict[str, Any] = {"projection_matrix": CARM.projection_matrix.tolist()}
POINTS_MM = np.random.default_rng(0).normal(scale=60, size=(20, 3))


def write(tmp_path: Path, *parts: dict[str, Any]) -> Path:
    path = tmp_path / "carm.json"
    path.write_text(json.dumps({key: value for part in parts for key, value in part.items()}))
    return path


@pytest.mark.parametrize("parts", [(PLANE,), (MATRIX,), (PLANE, MATRIX)], ids=["plane", "matrix", "both"])
def test_every_way_to_write_a_carm_projects_alike(tmp_path: Path, parts: tuple[dict[str, Any], ...]) -> None:
    carm = read_carm(write(tmp_path, DETECTOR, *parts), 400, 500)
    np.testing.assert_allclose(project(POINTS_MM, carm), project(POINTS_MM, CARM), atol=1e-6)
    assert carm.sdd_mm == pytest.approx(1180)
    assert carm.pixel_spacing_mm == (0.3, 0.4)


def test_the_source_straight_below_and_a_hand_computed_pixel(tmp_path: Path) -> None:
    # Source 600 mm behind the isocentre, detector 300 mm in front: 10 mm to the left are 15 mm on the detector.
    content = {
        "source_mm": [0, -600, 0],
        "detector_origin_mm": [20, 300, 30],
        "column_direction": [-1, 0, 0],
        "row_direction": [0, 0, -1],
        "pixel_spacing_mm": 0.5,
        "rows": 120,
        "columns": 80,
    }
    carm = read_carm(write(tmp_path, content))
    np.testing.assert_allclose(project(np.array([[-10.0, 0.0, 0.0]]), carm), [[(20 + 15) / 0.5, 30 / 0.5]])


def test_the_image_s_size_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    carm = read_carm(write(tmp_path, PLANE, {"pixel_spacing_mm": 0.3}), 400, 500)
    assert (carm.rows, carm.columns) == (400, 500)


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((PLANE,), "has no pixel_spacing_mm, rows, columns"),
        ((DETECTOR,), "has no source_mm, detector_origin_mm, column_direction, row_direction .*projection_matrix"),
        ((DETECTOR, {"source_mm": [0, 0, 0]}), "has no detector_origin_mm, column_direction, row_direction;"),
        ((DETECTOR, PLANE, {"source": 3}), "unknown keys \\(source\\)"),
        ((DETECTOR, PLANE, {"source_mm": [0, 0]}), "source_mm that is not 3 finite numbers"),
        ((DETECTOR, PLANE, {"source_mm": "here"}), "source_mm that is not 3 finite numbers"),
        ((DETECTOR, {"projection_matrix": np.eye(4).tolist()}), "projection_matrix that is not 3 x 4 finite numbers"),
        ((DETECTOR, {"projection_matrix": np.zeros((3, 4)).tolist()}), "singular"),
        ((DETECTOR, PLANE, {"column_direction": [2, 0, 0]}), "orthogonal unit vectors"),
        ((DETECTOR, PLANE, {"rows": 400.5}), "rows of 400.5"),
        ((DETECTOR, PLANE, {"pixel_spacing_mm": 0}), "pixel_spacing_mm of 0"),
        ((DETECTOR, PLANE, {"pixel_spacing_mm": 10**400}), "pixel_spacing_mm of 1000"),
        ((DETECTOR, PLANE, {"source_mm": [0, -(10**400), 0]}), "source_mm that is not 3 finite numbers"),
        ((DETECTOR, PLANE, MATRIX, {"source_mm": [0, -700, 5]}), "contradict each other"),
    ],
)
def test_what_is_wrong_with_a_carm_file_is_said(tmp_path: Path, parts: tuple[dict[str, Any], ...], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_carm(write(tmp_path, *parts))
    assert str(caught.value).startswith("carm.json")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((PLANE, {"source_mm": [0, -9000, 0]}), r"puts the detector \d+ mm .*correct source_mm, detector_origin_mm in"),
        ((MATRIX, {"pixel_spacing_mm": [3.0, 4.0]}), r"puts the detector 11800 mm .*correct projection_matrix, pixel"),
        ((PLANE, {"pixel_spacing_mm": 30}), "has pixels of 30 mm, .*correct pixel_spacing_mm in the file"),
    ],
    ids=["source", "matrix", "pixels"],
)
def test_a_wrong_distance_is_told_in_terms_of_the_file(
    tmp_path: Path, parts: tuple[dict[str, Any], ...], says: str
) -> None:
    """An option for the distance corrects no file, and is refused beside one."""
    with pytest.raises(InputError, match=says) as caught:
        read_carm(write(tmp_path, DETECTOR, *parts))
    told = caught.value.told(OPTION_NAMES)
    assert told.startswith("carm.json, given for --carm FILE")
    assert "--sdd" not in told
    assert "--pixel-spacing" not in told


def test_a_carm_of_another_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"carm\.json has rows 400, but the image has 512 rows"):
        read_carm(write(tmp_path, PLANE, DETECTOR), 512, 500)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, PLANE, DETECTOR)
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert read_carm(path).rows == 400


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00\x01"])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "carm.json").write_text(text)
    with pytest.raises(InputError, match=r"carm\.json, given for the C-arm\'s geometry, is not"):
        read_carm(tmp_path / "carm.json")
    with pytest.raises(InputError, match=r"gone\.json does not exist or is not a file"):
        read_carm(tmp_path / "gone.json")
