"""What the user says about a C-arm beside numbers: a preset below the tags, the image's turn above them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_presets import CArmPreset
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, ImageTurn
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.dsa_source import overridden
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.registration.inspect import inspect_paths
from DeepIterRegLib.registration.inspect_page import page_lines
from DeepIterRegLib.worker.payload import geometry_from_json, geometry_to_json
from Testing.images.test_xa import subtracted_u8
from Testing.support.dicom_files import write_xa

PRESET = CArmPreset("Room 3", "its manual", "", 1100.0, 700.0, 0.3)


def test_a_preset_says_what_neither_tag_nor_user_says(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", subtracted_u8(), DistanceSourceToPatient=None, ImagerPixelSpacing=None)
    read = read_angiogram(path, GeometryOptions(pixel_spacing_mm=0.5, preset=PRESET))
    assert (read.carm.sdd_mm, read.carm.sid_mm) == (pytest.approx(1200), pytest.approx(700)), "the tag's, the preset's"
    assert read.carm.pixel_spacing_mm == (0.5, 0.5), "the user's"
    (said,) = [sentence for sentence in read.assumed if "preset" in sentence]
    assert "isocentre (700 mm) is that of the preset Room 3" in said


def test_what_no_preset_says_is_still_asked_for(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", subtracted_u8(), DistanceSourceToPatient=None, DistanceSourceToDetector=None)
    with pytest.raises(InputError, match="no Distance Source to Detector"):
        read_angiogram(path, GeometryOptions(preset=CArmPreset("B", "manual", sid_mm=700.0)))


def test_a_file_without_tags_takes_the_preset(tmp_path: Path) -> None:
    image = np.full((60, 80), 200, np.uint8)
    image[20:40, 30:33] = 20
    Image.fromarray(image).save(tmp_path / "a.png")
    read = read_angiogram(tmp_path / "a.png", GeometryOptions(10.0, 5.0, preset=PRESET))
    assert (read.carm.sdd_mm, read.carm.sid_mm) == (pytest.approx(1100), pytest.approx(700))
    assert len(read.assumed) == 3
    with pytest.raises(InputError, match=r"says nothing about the C-arm; give the source-to-detector distance\W"):
        read_angiogram(
            tmp_path / "a.png",
            GeometryOptions(10.0, 5.0, pixel_spacing_mm=0.3, preset=CArmPreset("B", "m", sid_mm=700.0)),
        )


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
def test_the_user_says_how_an_image_is_turned(tmp_path: Path, turn: ImageTurn) -> None:
    path = write_xa(tmp_path / "a.dcm", subtracted_u8(), PatientOrientation=["L", "F"])
    read = read_angiogram(path, GeometryOptions(image_turn=turn))
    assert read.carm.image_turn == turn
    assert not any("upright" in sentence for sentence in (*read.warnings, *read.assumed))


def test_the_turn_replaces_that_of_a_c_arm_in_a_scene() -> None:
    carm = CArm.from_angles(30, 10, 1200, 800, 0.4, 60, 80, (20.0, 30.0), ImageTurn(1))
    turned = overridden(carm, GeometryOptions(image_turn=ImageTurn(2, True)))
    assert turned.image_turn == ImageTurn(2, True)
    np.testing.assert_allclose(turned.principal_point_px, (20, 30))
    assert overridden(carm, GeometryOptions(preset=PRESET)) is carm, "a preset is below what is known"


def test_a_whole_c_arm_has_its_turn() -> None:
    carm = CArm.from_angles(30, 10, 1200, 800, 0.4, 60, 80)
    with pytest.raises(InputError, match="given as a whole; leave out how the image is turned"):
        GeometryOptions(carm=carm, image_turn=ImageTurn(1))


def test_the_page_of_what_was_read_says_who_said_it(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", subtracted_u8(), DistanceSourceToPatient=None)
    page = "\n".join(page_lines(inspect_paths([path], GeometryOptions(image_turn=ImageTurn(1), preset=PRESET))))
    assert "preset Room 3" in page
    assert "rotated clockwise by 90 degrees" in page


def test_all_of_it_travels_to_the_worker() -> None:
    options = GeometryOptions(sdd_mm=1000.0, image_turn=ImageTurn(3, True), preset=PRESET)
    again = geometry_from_json(geometry_to_json(options))
    assert (again.sdd_mm, again.image_turn, again.preset) == (1000.0, ImageTurn(3, True), PRESET)
    bare = geometry_from_json(geometry_to_json(GeometryOptions()))
    assert (bare.image_turn, bare.preset) == (None, None)
