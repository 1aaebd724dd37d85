"""A view from the front resembles its mirror image: which of the two it is, is found at a fine resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, project
from DeepIterRegLib.geometry.rigid import apply, invert
from DeepIterRegLib.refinement import side
from DeepIterRegLib.refinement.readings import Reading
from DeepIterRegLib.refinement.side import UNKNOWN_SIDE, Mirrored, mirrored_reading, twin_pose, with_side_checked
from Testing.support.skull_case import pose_off_by, skull_alone, skull_image, volume_with_skull
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram

TERMS = ("vessels", "skull")
VOLUME = volume_with_skull()
START = radiological_pose(CENTRE_MM)

TRUTH = pose_off_by([3, -2, 4], [9, 6, -7])


def frontal(pose=TRUTH):
    return skull_alone(skull_image(pose, FRONTAL), FRONTAL)


def test_a_head_that_equals_its_mirror_image_looks_the_same_at_its_twin():
    rng = np.random.default_rng(0)
    half = rng.uniform(20, 70, (50, 3))
    points = CENTRE_MM + np.concatenate([half, half * [-1, 1, 1]])
    twin = twin_pose(TRUTH, FRONTAL, CENTRE_MM)
    assert np.linalg.det(twin[:3, :3]) == pytest.approx(1)
    column, row = project(apply(TRUTH, points), FRONTAL).T
    # Of the head's other half, in the mirrored image.
    swapped = np.concatenate([np.arange(50, 100), np.arange(50)])
    twin_column, twin_row = project(apply(twin, points[swapped]), FRONTAL).T
    np.testing.assert_allclose(twin_column, FRONTAL.columns - 1 - column, atol=1e-6)
    np.testing.assert_allclose(twin_row, row, atol=1e-6)
    np.testing.assert_allclose(twin_pose(twin, FRONTAL, CENTRE_MM), TRUTH, atol=1e-9)


def test_the_twin_of_a_head_that_is_turned_in_the_ct_is_mirrored_in_its_own_midline():
    turn = Rotation.from_euler("xyz", (20, -30, 70), degrees=True).as_matrix()
    turned = np.eye(4)
    turned[:3, :3], turned[:3, 3] = turn, CENTRE_MM - turn @ CENTRE_MM
    twin = twin_pose(TRUTH @ invert(turned), FRONTAL, CENTRE_MM, turn[:, 0])
    np.testing.assert_allclose(twin @ turned, twin_pose(TRUTH, FRONTAL, CENTRE_MM), atol=1e-9)


def test_a_mirror_image_is_told_from_its_twin_and_the_pose_found():
    mirrored = frontal().mirrored()  # of a file whose pixels are mirrored
    found = mirrored_reading(VOLUME, mirrored, twin_pose(TRUTH, mirrored.angiogram.carm, CENTRE_MM), TERMS, seed=0)
    assert found is not None
    assert found.gain_nats > side.SURE_NATS
    assert mean_projection_error_mm(found.pose, TRUTH, CENTRE_MM, FRONTAL) < 1
    reading = Reading((mirrored,), np.zeros((0, 4, 4)), ())
    checked = with_side_checked(VOLUME, reading, twin_pose(TRUTH, mirrored.angiogram.carm, CENTRE_MM), TERMS, seed=0)
    assert checked.warnings[0].startswith("DSA fits the CTA only as a mirror image")
    np.testing.assert_allclose(checked.angiograms[0].angiogram.carm.column_direction, FRONTAL.column_direction)


def test_a_right_image_stays_as_it_is():
    reading = Reading((frontal(),), np.zeros((0, 4, 4)), ())
    assert with_side_checked(VOLUME, reading, TRUTH, TERMS, seed=0) is reading


def test_where_both_readings_fit_alike_the_side_is_called_unknown(monkeypatch):
    reading = Reading((frontal(),), np.zeros((0, 4, 4)), ())
    rival = Mirrored(reading.angiograms[0].mirrored(), TRUTH, 2 * side.LEAST_NATS, -0.5 * side.SURE_NATS)
    monkeypatch.setattr(side, "mirrored_reading", lambda *_, **__: rival)
    checked = with_side_checked(VOLUME, reading, TRUTH, TERMS, seed=0)
    assert checked.warnings == (UNKNOWN_SIDE,)
    assert checked.angiograms == reading.angiograms
    monkeypatch.setattr(side, "mirrored_reading", lambda *_, **__: replace(rival, nats=0.5 * side.LEAST_NATS))
    assert with_side_checked(VOLUME, reading, TRUTH, TERMS, seed=0) is reading


def test_lateral_views_and_vessels_alone_have_no_rival():
    lateral = skull_alone(skull_image(TRUTH))
    assert mirrored_reading(VOLUME, lateral, TRUTH, TERMS, seed=0) is None
    assert mirrored_reading(VOLUME, prepared_angiogram(TRUTH, FRONTAL), TRUTH, TERMS, seed=0) is None
    assert mirrored_reading(VOLUME, frontal(), TRUTH, ("vessels",), seed=0) is None


def test_vessels_that_agree_tell_the_side(monkeypatch):
    monkeypatch.setattr(side, "mirrored_reading", None)
    reading = Reading(
        (replace(prepared_angiogram(TRUTH, FRONTAL), skull=skull_image(TRUTH, FRONTAL)),), np.zeros((0, 4, 4)), ()
    )
    assert with_side_checked(VOLUME, reading, TRUTH, TERMS, seed=0) is reading


def test_two_views_of_one_head_are_left_alone(monkeypatch):
    monkeypatch.setattr(side, "mirrored_reading", None)
    reading = Reading((frontal(), skull_alone(skull_image(TRUTH))), np.zeros((0, 4, 4)), ())
    assert with_side_checked(VOLUME, reading, TRUTH, TERMS, seed=0) is reading
