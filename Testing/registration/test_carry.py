"""A pose on another run than the one it was found on."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.carry import DOUBTED_ORIGIN, MOVED_ORIGIN, carry, doubts_of
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.overlay_image import write_overlay
from DeepIterRegLib.registration.report import build_report, origin_of, report_schema
from DeepIterRegLib.registration.result import CarriedFrom, Registration
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram, prepared_volume

POSE = radiological_pose(CENTRE_MM)
ORIGIN = CarriedFrom(90.0, -2.5, "registered")


@pytest.fixture(scope="module")
def images() -> PreparedImages:
    return PreparedImages(prepared_volume(), (prepared_angiogram(POSE, FRONTAL),))


@pytest.fixture(scope="module")
def carried(images: PreparedImages) -> Registration:
    return carry(images, POSE, ORIGIN)


def test_the_pose_stays_as_it_is_and_gets_a_verdict_and_a_report(carried: Registration) -> None:
    np.testing.assert_array_equal(carried.pose, POSE)
    assert carried.method == "carried"
    assert [term.term for term in carried.terms] == ["vessels"]
    report = build_report(carried, compare_views(carried))
    jsonschema.Draft202012Validator(report_schema()).validate(report)
    assert report["carried_from"] == {
        "primary_angle_deg": 90.0, "secondary_angle_deg": -2.5, "verdict": "registered", "moved_by_hand": False,
    }  # fmt: skip
    assert report["moved"]["translation_mm"] == 0


def test_a_run_of_a_patient_who_has_moved_disagrees(images: PreparedImages, carried: Registration) -> None:
    assert carried.confidence is not None
    elsewhere = POSE.copy()
    elsewhere[:3, 3] += [15.0, 0.0, 10.0]
    moved = carry(images, elsewhere, ORIGIN)
    assert moved.confidence is not None
    assert moved.confidence.probability < carried.confidence.probability
    assert moved.confidence.verdict != "registered"


def test_a_doubted_origin_is_a_doubt_about_the_carried_pose(images: PreparedImages) -> None:
    assert doubts_of(ORIGIN) == ()
    assert doubts_of(CarriedFrom(None, None, None)) == ()
    found = carry(images, POSE, replace(ORIGIN, verdict="check", moved_by_hand=True))
    assert found.confidence is not None
    assert found.confidence.verdict != "registered"
    assert found.confidence.reasons[:2] == (DOUBTED_ORIGIN, MOVED_ORIGIN)


def test_a_head_out_of_view_is_refused(images: PreparedImages) -> None:
    with pytest.raises(InputError, match="same patient, who has not moved"):
        carry(images, rigid(translation_mm=np.array([900.0, 0, 0])) @ POSE, ORIGIN)


def test_where_it_comes_from_is_read_from_a_report(carried: Registration) -> None:
    report = build_report(carried, compare_views(carried))
    origin = origin_of(report, moved_by_hand=False)
    assert origin.primary_angle_deg == pytest.approx(0.0)
    assert origin.secondary_angle_deg == pytest.approx(15.0)
    assert not origin.moved_by_hand
    assert origin_of({**report, "method": "by hand"}, False).moved_by_hand
    passed_on = {**report, "carried_from": {**report["carried_from"], "moved_by_hand": True}}
    assert origin_of(passed_on, False).moved_by_hand, "a hand's work is not forgotten on the way"
    assert origin_of({}, False) == CarriedFrom(None, None, None)


def test_its_picture_has_one_panel(carried: Registration, tmp_path) -> None:
    from PIL import Image

    views = compare_views(carried)
    write_overlay(tmp_path / "one.png", views, carried=True)
    write_overlay(tmp_path / "two.png", views)
    assert Image.open(tmp_path / "one.png").width < 0.6 * Image.open(tmp_path / "two.png").width
