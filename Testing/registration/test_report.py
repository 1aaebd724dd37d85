"""report.json: what it says is true, and its schema holds for it."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import numpy as np
import pytest

from DeepIterRegLib.cli.outcome import outcome_lines
from DeepIterRegLib.common.confidence import Confidence
from DeepIterRegLib.common.terms import TermAgreement
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose
from DeepIterRegLib.images.native_image import NativeImage
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.report import (
    adjustment_fields,
    bones_come_first,
    build_report,
    compared_terms,
    report_schema,
    reported_head_motion,
    rounded_pose,
    shows_skull,
    to_json,
)
from Testing.support.three_bars import SHIFT_MM, TURN_DEG, registered_bars


def report_of(registration, **options):
    return build_report(registration, compare_views(registration), reading_seconds=0.1, **options)


def problems(report) -> list[str]:
    validator = jsonschema.Draft202012Validator(report_schema())
    return [error.message for error in validator.iter_errors(json.loads(to_json(report)))]


def test_the_schema_is_itself_valid_and_describes_every_field():
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, field in schema["properties"].items():
        assert field.get("description"), name


@pytest.mark.parametrize("angles_deg", [(0.0,), (0.0, 90.0)])
def test_a_report_fits_its_schema(angles_deg):
    registration = registered_bars(angles_deg)
    assert problems(report_of(registration)) == []
    assert problems(report_of(registration, truth_pose=registration.pose)) == []
    assert len(report_of(registration)["angiograms"]) == len(angles_deg)


def test_how_sure_the_result_is_stands_in_the_report_and_last_in_the_command(tmp_path):
    confidence = Confidence(0.423, 0.1, "check", 1.5, 12.0, 2.0, np.eye(6), ("The skull does not fit.",), "ab" * 32)
    report = report_of(dataclasses.replace(registered_bars(), confidence=confidence))
    assert problems(report) == []
    assert report["confidence"]["verdict"] == "check"
    assert report["confidence"]["reasons"] == ["The skull does not fit."]
    assert np.shape(report["confidence"]["covariance"]) == (6, 6)
    lines = outcome_lines(tmp_path, report, {"total": 1.0})
    assert lines[-2:] == [
        "  The skull does not fit.", "CHECK before you rely on it: 42 % sure to be within 5 mm, 10 % within 2 mm.",
    ]  # fmt: skip
    assert not any("registered" in line.lower() for line in lines)
    believed = dataclasses.replace(confidence, verdict="registered")
    lines = outcome_lines(tmp_path, report_of(dataclasses.replace(registered_bars(), confidence=believed)), {})
    assert lines[-1].startswith("Registered: 42 %")


def test_the_schema_refuses_a_report_without_its_pose():
    report = report_of(registered_bars())
    del report["pose"]
    assert any("'pose' is a required property" in problem for problem in problems(report))


def test_the_head_moved_as_far_as_the_poses_say():
    report = report_of(registered_bars())
    assert report["moved"]["translation_mm"] == pytest.approx(np.linalg.norm(SHIFT_MM))
    assert report["moved"]["rotation_deg"] == pytest.approx(TURN_DEG)
    view = report["angiograms"][0]
    assert view["moved_mm"] == pytest.approx(1.5 * view["moved_px"])
    # At 0 degrees a shift along A is along the rays; the rest is magnified by SDD / SID = 1.5, and a turn adds to it.
    assert view["moved_mm"] > 1.5 * np.hypot(SHIFT_MM[0], SHIFT_MM[2]) * 0.9


def test_the_error_against_the_truth_is_zero_for_the_truth_and_the_shift_for_the_start():
    registration = registered_bars()
    report = report_of(registration, truth_pose=registration.pose)
    errors, view = report["truth"]["angiograms"][0], report["angiograms"][0]
    assert errors["mpe_px_after"] == pytest.approx(0, abs=1e-9)
    assert errors["mpe_px_before"] == pytest.approx(view["moved_px"])
    assert errors["mpe_mm_before"] == pytest.approx(view["moved_mm"])


def test_ncc_is_one_where_drr_and_dsa_are_the_same_image():
    view = report_of(registered_bars())["angiograms"][0]
    assert view["ncc_after"] == pytest.approx(1.0, abs=0.02)
    assert view["ncc_before"] < 0.5


def test_terms_and_the_head_without_contrast_are_told_and_fit_the_schema():
    registration = registered_bars((0.0, 90.0))
    first, second = registration.angiograms
    rows_columns = first.angiogram.valid.shape
    native = NativeImage(np.ones(rows_columns, np.float32), np.ones(rows_columns, bool), "mask frame")
    motion = np.array([(0.0, 0.0, 0.0), (-0.9, 1.2, 0.0), (0.0, 0.25, 0.125)])
    moved = dataclasses.replace(first.angiogram, native=native, head_motion=motion)
    images = dataclasses.replace(registration.images, angiograms=(dataclasses.replace(first, angiogram=moved), second))
    terms = (
        TermAgreement("vessels", 0, "NCC", 0.75, "contrast", 1.0),
        TermAgreement("skull", 1, "tiled gradient correlation", 0.5, "noise", 0.25),
    )
    report = report_of(dataclasses.replace(registration, images=images, terms=terms))
    assert problems(report) == []
    assert [view["native"] for view in report["angiograms"]] == ["mask frame", None]
    assert [view["head_motion"] for view in report["angiograms"]] == [
        {
            "most_px": 1.5, "frame": 2,
            "down_px": [0.0, -0.9, 0.0], "right_px": [0.0, 1.2, 0.25], "turn_deg": [0.0, 0.0, 0.125],
        },
        None,
    ]  # fmt: skip
    np.testing.assert_array_equal(reported_head_motion(report, 0), motion)
    assert reported_head_motion(report, 1) is None
    of_an_earlier_version = {"angiograms": [{"head_motion": {"most_px": 1.5, "frame": 2}}]}
    assert reported_head_motion(of_an_earlier_version, 0) is None
    assert report["terms"][1] == {
        "term": "skull", "angiogram": 2, "similarity_name": "tiled gradient correlation", "similarity": 0.5,
        "seen_in": "noise", "trust": 0.25,
    }  # fmt: skip
    assert compared_terms(report) == ("vessels", "skull")
    assert compared_terms({**report, "method": "published"}) == ("vessels",)
    assert not shows_skull(report)
    assert not bones_come_first(report)
    assert not bones_come_first({"method": "default"}), "of an earlier version"


def test_without_vessels_in_one_of_them_there_is_no_ncc_and_the_skull_is_shown():
    registration = registered_bars()
    volume, (view,) = registration.volume, registration.angiograms
    nothing = np.zeros_like(view.vessels)
    xray = dataclasses.replace(view, vessels=nothing, contrast=np.zeros_like(view.contrast))
    images = dataclasses.replace(registration.images, angiograms=(xray,))
    report = report_of(dataclasses.replace(registration, images=images))
    assert (report["angiograms"][0]["ncc_before"], report["angiograms"][0]["ncc_after"]) == (None, None)
    assert not shows_skull(report)
    assert bones_come_first(report)
    none = VesselCloud.empty(volume.cloud.cell_mm, volume.cloud.centre_mm)
    plain = dataclasses.replace(volume, cloud=none, skull=volume.cloud)
    images = dataclasses.replace(registration.images, volume=plain)
    (drawn,) = compare_views(dataclasses.replace(registration, images=images))
    assert drawn.shows_skull
    assert drawn.drr_after.max() > 0
    report = report_of(dataclasses.replace(registration, images=images))
    assert problems(report) == []
    assert report["angiograms"][0]["ncc_after"] is None
    assert shows_skull(report)
    assert bones_come_first(report)


def test_what_is_not_finite_becomes_null():
    registration = registered_bars()
    behind_the_source = registration.pose.copy()
    behind_the_source[1, 3] -= 5000
    report = report_of(registration, truth_pose=behind_the_source)
    assert report["truth"]["angiograms"][0]["mpe_px_after"] is None
    assert problems(report) == []


def test_a_warning_is_told_once():
    registration = registered_bars()
    twice = dataclasses.replace(registration, warnings=registration.warnings * 2)
    assert report_of(twice)["warnings"] == list(registration.warnings)
    assert problems(report_of(twice)) == []


def test_an_adjustment_says_what_the_hand_did_and_fits_the_schema():
    registration = registered_bars((0.0, 90.0))
    report = report_of(registration)
    assert report["adjustment"] is None
    centre_mm = registration.volume.volume.centre_mm
    carms = [prepared.angiogram.carm for prepared in registration.angiograms]
    by_hand = HandAdjustment(right_mm=3.0, up_mm=-4.0, turn_deg=5.0)
    pose = adjusted_pose(by_hand, registration.pose, centre_mm, carms[0])
    report["adjustment"] = adjustment_fields(pose, registration.pose, centre_mm, carms)
    assert problems(report) == []
    assert report["adjustment"]["pose"] == rounded_pose(pose)
    assert report["pose"] == rounded_pose(registration.pose)
    for name, value in dataclasses.asdict(by_hand).items():
        assert report["adjustment"][name] == pytest.approx(value, abs=1e-9), name
    assert report["adjustment"]["moved"] == pytest.approx({"translation_mm": 5.0, "rotation_deg": 5.0})
    frontal, lateral = report["adjustment"]["angiograms"]
    # The whole shift is seen in the first view and magnified by 1.5, only its upward part in the second.
    assert frontal["moved_mm"] > 1.5 * 5 * 0.9
    assert lateral["moved_mm"] < frontal["moved_mm"]


def test_a_pose_that_went_through_a_file_was_not_adjusted():
    registration = registered_bars()
    pose = registration.pose.copy()
    pose[:3, 3] += 1e-9
    carms = [prepared.angiogram.carm for prepared in registration.angiograms]
    assert adjustment_fields(pose, registration.pose, registration.volume.volume.centre_mm, carms) is None
