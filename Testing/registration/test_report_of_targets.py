"""Targets in the report and on the pictures: where they are, how sure that is, and nothing where it is not known."""

from __future__ import annotations

import dataclasses

import jsonschema
import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.common.confidence import Confidence
from DeepIterRegLib.geometry.plane_motion import moved_pixels
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.targets import Placed
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.overlay_image import write_overlay
from DeepIterRegLib.registration.report import build_report, report_schema, to_json
from DeepIterRegLib.registration.target_painting import TARGET_RGB, with_targets
from DeepIterRegLib.registration.targets import known_covariance as known
from DeepIterRegLib.registration.targets import marks_of, put_on_vessels, reported_covariance, reported_pivot_mm
from Testing.support.three_bars import registered_bars

COVARIANCE = np.diag([0.01, 0.01, 0.01, 0.5, 0.5, 0.5]) ** 2


def registered(verdict="registered", angles_deg=(0.0, 90.0)):
    confidence = Confidence(0.9, 0.8, verdict, 0.5, 0.5, 0.5, COVARIANCE, (), "ab" * 32)
    return dataclasses.replace(registered_bars(angles_deg), confidence=confidence)


def bar_mm(registration, share):
    """A point of the bar along S."""
    vessels = registration.volume.volume
    return apply(vessels.ijk_to_ras, np.array([30.5, 20.5, 5 + 29 * share]))


def placed(registration):
    return (
        Placed("clot", bar_mm(registration, 0.5)[None] + [2.0, 0.0, 0.0]),
        Placed("way", np.stack([bar_mm(registration, 0.2), bar_mm(registration, 0.9)]), is_path=True),
    )


def report_of(registration):
    on_vessels = put_on_vessels(registration, placed(registration))
    return build_report(registration, compare_views(registration), targets=on_vessels.targets)


def test_the_report_says_where_each_target_is_and_how_sure_and_fits_its_schema():
    registration = registered()
    report = report_of(registration)
    jsonschema.validate(report, report_schema())
    to_json(report)
    clot, way = report["targets"]
    assert (clot["kind"], way["kind"]) == ("point", "path")
    assert clot["points_mm"][0] == pytest.approx(bar_mm(registration, 0.5), abs=0.8)
    assert clot["snapped_mm"][0] == pytest.approx(2.0, abs=0.5)
    assert way["length_mm"] == pytest.approx(0.7 * 58, rel=0.1)
    for view, prepared in zip(clot["angiograms"], registration.angiograms, strict=True):
        pixel = project(apply(registration.pose, np.array(clot["points_mm"])), prepared.angiogram.carm)[0]
        assert [view["column_px"], view["row_px"]] == pytest.approx(pixel, abs=0.01)
        assert view["in_view"]
        assert view["by_frame"] is None
        assert 1.0 < view["ellipse"]["semi_axes_mm"][1] <= view["ellipse"]["semi_axes_mm"][0] < 10
        assert [one["target"] for one in view["behind"]] == ["way"]
        assert view["behind"][0]["beside_mm"] == pytest.approx(0, abs=1)


@pytest.mark.parametrize("confidence", ["wrong", None])
def test_where_the_uncertainty_is_not_known_there_is_no_ellipse_and_no_mark(confidence):
    registration = registered("wrong")
    if confidence is None:
        registration = dataclasses.replace(registration, confidence=None)
    report = report_of(registration)
    jsonschema.validate(report, report_schema())
    assert all(view["ellipse"] is None for target in report["targets"] for view in target["angiograms"])
    on_vessels = put_on_vessels(registration, placed(registration))
    assert marks_of(registration, on_vessels.targets) == ((), ())


def test_without_targets_the_list_is_empty():
    registration = registered()
    assert put_on_vessels(registration, ()) is None
    assert build_report(registration, compare_views(registration))["targets"] == []


def test_a_reports_covariance_is_that_of_the_registration():
    for registration in (registered(), registered(angles_deg=(0.0,))):
        report = build_report(registration, compare_views(registration))
        assert reported_covariance(report) == pytest.approx(known(registration), abs=1e-5)
        assert reported_pivot_mm(report) == pytest.approx(registration.volume.frame.centre_mm, abs=1e-5)


def test_a_target_goes_with_the_head_from_frame_to_frame():
    registration = registered()
    first, second = registration.angiograms
    motion = np.array([(0.0, 0.0, 0.0), (3.0, -2.0, 0.0)])
    moved = dataclasses.replace(first, angiogram=dataclasses.replace(first.angiogram, head_motion=motion))
    images = dataclasses.replace(registration.images, angiograms=(moved, second))
    view = report_of(dataclasses.replace(registration, images=images))["targets"][0]["angiograms"][0]
    still = np.array([[view["column_px"], view["row_px"]]])
    expected = moved_pixels(still, motion[1], first.angiogram.valid.shape)[0]
    assert view["by_frame"]["column_px"] == pytest.approx([still[0, 0], expected[0]], abs=0.2)
    assert view["by_frame"]["row_px"] == pytest.approx([still[0, 1], expected[1]], abs=0.2)


def test_what_lies_behind_a_shutter_is_out_of_view():
    registration = registered()
    first, second = registration.angiograms
    valid = first.angiogram.valid.copy()
    valid[:, 60:140] = False
    covered = dataclasses.replace(first.angiogram, valid=valid)
    angiograms = (dataclasses.replace(first, angiogram=covered), second)
    images = dataclasses.replace(registration.images, angiograms=angiograms)
    views = report_of(dataclasses.replace(registration, images=images))["targets"][0]["angiograms"]
    assert [view["in_view"] for view in views] == [False, True]


def greenness(picture):
    return picture[..., 1].astype(float) - np.maximum(picture[..., 0], picture[..., 2])


def test_the_overlay_shows_targets_after_the_registration_and_not_before(tmp_path):
    registration = registered(angles_deg=(0.0,))
    on_vessels = put_on_vessels(registration, placed(registration))
    views = compare_views(registration)
    write_overlay(tmp_path / "with.png", views, marks_of(registration, on_vessels.targets))
    picture = np.array(Image.open(tmp_path / "with.png").convert("RGB"))
    green = greenness(picture) > 60
    middle = picture.shape[1] // 2
    assert green[:, middle:].sum() > 500
    assert green[:, :middle].sum() == 0


def test_a_picture_has_the_ellipse_about_the_target_and_little_else():
    registration = registered(angles_deg=(0.0,))
    on_vessels = put_on_vessels(registration, placed(registration)[:1])
    ((mark,),) = marks_of(registration, on_vessels.targets)
    carm = registration.angiograms[0].angiogram.carm
    grey = np.full((carm.rows, carm.columns, 3), 128, np.uint8)
    drawn = with_targets(grey, [mark])
    on_line = np.rint(mark.ellipses[0].outline_px()).astype(int)
    assert greenness(drawn)[on_line[:, 1], on_line[:, 0]].min() > 20
    column, row = np.rint(mark.pixels[0]).astype(int)
    assert drawn[row, column] == pytest.approx(TARGET_RGB, abs=40)
    changed = (drawn != grey).any(axis=-1)
    assert 0 < changed.mean() < 0.03
    assert (with_targets(grey, []) == grey).all()


def test_a_mark_that_lies_off_the_picture_does_no_harm():
    registration = registered(angles_deg=(0.0,))
    on_vessels = put_on_vessels(registration, placed(registration)[:1])
    ((mark,),) = marks_of(registration, on_vessels.targets)
    away = dataclasses.replace(mark, pixels=mark.pixels + 1e4, ellipses=())
    grey = np.full((20, 30, 3), 128, np.uint8)
    assert (with_targets(grey, [away]) == grey).all()
