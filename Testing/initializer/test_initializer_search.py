"""Starts, passes, ranking: with a stand-in for the network that does what can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.initializer.correction import corrected_pose
from DeepIterRegLib.initializer.search import NO_VEINS_2D, NO_VEINS_3D, SearchOptions, initialize, starts_about
from DeepIterRegLib.initializer.window import PIXEL_MM, SIZE_PX
from Testing.initializer.test_initializer_stage import START, TRUTH, run_with_veins
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL, prepared_volume

ALONE = SearchOptions(starts=1, passes=1, rotated_starts=0)


@pytest.fixture(scope="module")
def angiogram() -> Any:
    return run_with_veins()


def centroids(images: np.ndarray) -> np.ndarray:
    """(B, 6): shift the middle of the moving image onto that of the fixed one, half of the way."""
    steps = np.arange(SIZE_PX)
    corrections = np.zeros((len(images), 6))
    for correction, (moving, fixed) in zip(corrections, np.maximum(images, 0), strict=True):
        for axis in (0, 1):
            places = [image.sum(axis=axis) @ steps / max(image.sum(), 1e-9) for image in (moving, fixed)]
            correction[3 + axis] = 0.5 * PIXEL_MM * (places[1] - places[0])
    return corrections


def error_mm(pose: np.ndarray) -> float:
    return mean_projection_error_mm(pose, TRUTH, CENTRE_MM, LATERAL)


def test_one_pass_from_one_start_is_the_networks_correction(angiogram: Any) -> None:
    correction = np.array([0.02, -0.01, 0.03, 5.0, -4.0, 0.01])
    found = initialize(
        prepared_volume(), [angiogram], [START], lambda images: np.tile(correction, (len(images), 1)), ALONE
    )  # fmt: skip
    np.testing.assert_allclose(
        found.hypotheses[0].pose, corrected_pose(START, CENTRE_MM, LATERAL, correction), atol=1e-9
    )
    assert len(found.hypotheses) == 1


def test_passes_go_on_from_one_another_and_starts_find_what_one_does_not(angiogram: Any) -> None:
    def found(**options: Any) -> float:
        search = replace(ALONE, **options)
        return error_mm(initialize(prepared_volume(), [angiogram], [START], centroids, search).hypotheses[0].pose)

    once, often = found(), found(passes=6)
    assert often < 0.6 * once < 0.6 * error_mm(START)
    many = found(passes=6, starts=12, rotated_starts=16)
    assert many < often


def test_hypotheses_are_apart_ranked_and_always_the_same(angiogram: Any) -> None:
    options = SearchOptions(starts=8, passes=2, rotated_starts=4, keep=3, distinct_mm=6)
    found, again = (initialize(prepared_volume(), [angiogram], [START], centroids, options) for _ in range(2))
    assert 1 < len(found.hypotheses) <= 3
    for first, second in zip(found.hypotheses, again.hypotheses, strict=True):
        np.testing.assert_array_equal(first.pose, second.pose)
    poses = [each.pose for each in found.hypotheses]
    for number, pose in enumerate(poses):
        for other in poses[:number]:
            assert mean_projection_error_mm(pose, other, CENTRE_MM, LATERAL) >= 6
    assert error_mm(poses[0]) < error_mm(START)
    assert found.hypotheses[0].similarity > found.similarity_before
    assert all(0 < each.support <= 1 for each in found.hypotheses)


def test_starts_begin_with_the_pose_itself_and_follow_the_seed() -> None:
    options = SearchOptions(starts=5, seed=3)
    starts = starts_about(START, CENTRE_MM, options)
    assert len(starts) == 5
    np.testing.assert_array_equal(starts[0], START)
    np.testing.assert_array_equal(starts[4], starts_about(START, CENTRE_MM, options)[4])
    assert not np.array_equal(starts[4], starts_about(START, CENTRE_MM, replace(options, seed=4))[4])


def test_without_veins_in_the_cta_the_start_comes_back(angiogram: Any) -> None:
    volume = prepared_volume()
    bare = replace(volume, cloud=volume.cloud.arteries)
    found = initialize(bare, [angiogram], [START], centroids, ALONE)
    np.testing.assert_array_equal(found.hypotheses[0].pose, START)
    assert found.warnings == (NO_VEINS_3D,)


def test_without_veins_in_the_dsa_all_its_vessels_are_looked_at(angiogram: Any) -> None:
    seen: list[np.ndarray] = []

    def remember(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros((len(images), 6))

    early = replace(angiogram, veins=np.zeros_like(angiogram.veins))
    found = initialize(prepared_volume(), [early], [START], remember, ALONE)
    assert found.warnings == (NO_VEINS_2D,)
    assert (seen[0][0, 1] > 0).any()
    blank = replace(early, vessels=np.zeros_like(early.vessels))
    seen.clear()
    initialize(prepared_volume(), [blank], [START], remember, ALONE)
    assert not seen
