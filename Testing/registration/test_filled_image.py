"""The picture of the vessel map, and its place in the command's scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.cli.register import write_filled
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.filling.vessel_map import VesselMap, vessel_map
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.carry import carry
from DeepIterRegLib.registration.filled_image import filled_panel, painted, write_filled_image
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.registration.result import CarriedFrom, Registration
from DeepIterRegLib.registration.vessel_colours import (
    EMPTY_ORANGE,
    FILLED_BLUE,
    UNKNOWN_GREY,
    arrival_colours,
    arrival_range,
)
from Testing.support.small_registration import LATERAL, FakeRegister, plain, small_angiogram, small_volume
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram, prepared_volume, tree_cloud

POSE = radiological_pose(CENTRE_MM)


@pytest.fixture(scope="module")
def shown() -> tuple[Registration, VesselMap]:
    """The left side is filled."""
    cloud = tree_cloud()
    left = cloud.subset(~cloud.is_vein & (cloud.positions_mm[:, 0] < CENTRE_MM[0]))
    images = PreparedImages(prepared_volume(), (prepared_angiogram(POSE, FRONTAL, shown=[left]),))
    found = carry(images, POSE, CarriedFrom(None, None, None))
    return found, vessel_map(cloud, found.angiograms, POSE)


def test_each_point_has_the_colour_of_its_group(shown: tuple[Registration, VesselMap]) -> None:
    registration, _ = shown
    run = registration.angiograms[0]
    group = (registration.volume.cloud.positions_mm[:, 0] > CENTRE_MM[0]).astype(np.intp)
    colours = np.array([(0.0, 0.0, 1.0), (1.0, 0.0, 0.0)])
    image = painted(registration, run, group, colours).astype(float)
    tint = image[..., 0] - image[..., 2]
    # A frontal view shows the patient's left (x < 0 in RAS) on the image's right.
    middle = image.shape[1] // 2
    assert tint[:, middle + 10 :].min() < -150
    assert tint[:, middle + 10 :].max() < 60
    assert tint[:, : middle - 10].max() > 150


def test_filled_is_blue_and_empty_is_orange(shown: tuple[Registration, VesselMap]) -> None:
    registration, found = shown
    image = filled_panel(registration, registration.angiograms[0], found).astype(float)
    blueness = image[..., 2] - image[..., 0]
    middle = image.shape[1] // 2
    strong = 80
    blue, orange = blueness > strong, blueness < -strong
    assert blue[:, middle:].sum() > 5 * max(blue[:, :middle].sum(), 1)
    assert orange[:, :middle].sum() > 5 * max(orange[:, middle:].sum(), 1)
    assert FILLED_BLUE != EMPTY_ORANGE


def test_the_file_has_a_row_and_says_nothing_of_time_where_there_is_none(
    shown: tuple[Registration, VesselMap], tmp_path: Path
) -> None:
    write_filled_image(tmp_path / "filled.png", *shown)
    image = np.asarray(Image.open(tmp_path / "filled.png").convert("L"))
    right = image[:, image.shape[1] // 2 + 40 :]
    assert image.std() > 5
    assert right.std() == 0, "one frame tells no time"


def test_early_is_darker_than_late_and_unknown_is_grey() -> None:
    times = np.array([1.0, 4.0, np.nan, 7.0])
    limits = arrival_range(times)
    assert limits == (1.0, 7.0)
    colours = arrival_colours(times, limits)
    brightness = colours @ [0.3, 0.59, 0.11]
    assert brightness[0] < brightness[1] < brightness[3]
    np.testing.assert_allclose(colours[2], UNKNOWN_GREY)
    assert arrival_range(np.array([np.nan])) is None


def test_without_vessels_there_is_no_map(tmp_path: Path) -> None:
    found = plain(FakeRegister()(PatientImages(small_volume(), (small_angiogram(LATERAL),))))
    with pytest.raises(InputError, match="do not both show vessels"):
        write_filled(tmp_path, found)


def test_the_command_writes_picture_and_numbers_and_colours_the_scene(tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    from DeepIterRegLib.mrml.nodes.registered_case import registered_cases
    from DeepIterRegLib.mrml.nodes.scene import read_scene
    from DeepIterRegLib.mrml.saving.registration_scene import write_registration_scene
    from DeepIterRegLib.mrml.views.coloured_vessels import coloured_by, has_map
    from DeepIterRegLib.registration.comparison import compare_views
    from DeepIterRegLib.registration.report import build_report

    found = FakeRegister()(PatientImages(small_volume(), (small_angiogram(LATERAL),)))
    there = write_filled(tmp_path, found)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filled.json", "filled.png"]
    write_registration_scene(tmp_path / "scene.mrb", found, build_report(found, compare_views(found)), filled=there)
    (case,) = registered_cases(read_scene(tmp_path / "scene.mrb"))
    assert coloured_by(case) == "filled"
    assert has_map(case)
