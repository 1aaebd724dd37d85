"""The default method with a skull: found from far off, read as it has to be, weighed against the vessels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import RegistrationCancelled
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.common.terms import TermAgreement
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.agreement import agreements, evidence_of_result
from DeepIterRegLib.refinement.default import LEVELS, SKULL_SEARCH, refine_default
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.readings import Reading, read_by_the_skull
from DeepIterRegLib.refinement.skull_search import SkullSearch, skull_candidates
from Testing.support.skull_case import (
    pose_off_by,
    skull_alone,
    skull_cloud,
    skull_image,
    vessels_and_skull,
    volume_with_skull,
)
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, LATERAL, prepared_angiogram, prepared_volume

START = radiological_pose(CENTRE_MM)
FIND_ALONE = SkullSearch(rotations=96)

NEAR = pose_off_by([6, -4, 5], [-12, 15, 9])
FAR = pose_off_by([16, -12, 15], [-20, 35, 45])
"""25 degrees and 60 mm from the start."""
OTHER = pose_off_by([-6, 5, -8], [14, -20, -12])
VOLUME = volume_with_skull()


def error_mm(pose: FloatArray, truth: FloatArray) -> float:
    return mean_projection_error_mm(pose, truth, CENTRE_MM, LATERAL)


def agreements_of(angiograms: list[PreparedAngiogram], pose: FloatArray) -> tuple[TermAgreement, ...]:
    return agreements(evidence_of_result(VOLUME, angiograms), angiograms, pose)


def refined(*angiograms: PreparedAngiogram, levels: int = 3, **options) -> list[Stage]:
    """With the coarsest levels alone, where the last fractions of a mm do not matter."""
    return refine_default(VOLUME, angiograms, [START], levels=LEVELS[:levels], **options)


def read(prepared: PreparedAngiogram, search: SkullSearch = FIND_ALONE) -> Reading:
    return read_by_the_skull(VOLUME, [prepared], [START], search, seed=0, device="cpu")


@cache
def image_of(which: str) -> SkullImage:
    return skull_image({"near": NEAR, "far": FAR, "other": OTHER}[which])


def test_even_rotations_are_normal_and_begin_with_none():
    degrees = np.degrees(SkullSearch(rotations=400, rotation_sd_deg=12).sample_rotations(3))
    np.testing.assert_array_equal(degrees[0], 0)
    np.testing.assert_allclose(degrees.std(axis=0), 12, rtol=0.05)
    np.testing.assert_allclose(np.corrcoef(degrees.T), np.eye(3), atol=0.1)
    np.testing.assert_array_equal(SKULL_SEARCH.sample_rotations(3), SKULL_SEARCH.sample_rotations(3))


def test_the_search_finds_the_shift_of_a_head_that_is_not_turned():
    shifted = pose_off_by([0, 0, 0], [0, 45, 60])
    found, values = skull_candidates(
        skull_cloud(), skull_image(shifted), LATERAL, start_pose=START, search=SkullSearch(rotations=1),
        prior=PosePrior([START], CENTRE_MM, LATERAL), seed=0,
    )  # fmt: skip
    assert found.shape == (1, 4, 4)
    assert error_mm(found[0], shifted) < 4 * 1.2  # a pixel of the search
    assert values[0] > 20


def test_the_best_candidates_come_first():
    found, values = skull_candidates(
        skull_cloud(), image_of("near"), LATERAL, start_pose=START, search=FIND_ALONE,
        prior=PosePrior([START], CENTRE_MM, LATERAL), seed=0,
    )  # fmt: skip
    assert len(found) == FIND_ALONE.kept
    assert (np.diff(values) <= 0).all()
    assert error_mm(found[0], NEAR) < error_mm(START, NEAR)


def test_a_skull_alone_is_found_from_25_degrees_and_60_mm_away():
    fractions = []
    stages = refined(
        skull_alone(image_of("far")), report=lambda name, fraction, value, pose: fractions.append(fraction)
    )
    assert error_mm(START, FAR) > 80
    assert error_mm(stages[-1].pose, FAR) < 1
    # There is no minimum projection without vessels.
    assert [stage.name for stage in stages] == [stage_names.POSE_SEARCH, *(level.name for level in LEVELS)]
    assert all(stage.similarity >= stage.similarity_before for stage in stages)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


def test_the_same_seed_gives_the_same_pose():
    poses = [refined(skull_alone(image_of("near")), levels=1, seed=5)[-1].pose for _ in range(2)]
    np.testing.assert_array_equal(*poses)


def test_what_the_caller_raises_ends_the_search():
    calls = []

    def cancel(name, fraction, value, pose):
        calls.append(name)
        if len(calls) == 2:
            raise RegistrationCancelled

    with pytest.raises(RegistrationCancelled):
        refined(skull_alone(image_of("near")), report=cancel)
    assert len(calls) == 2


def test_proposals_that_are_given_are_not_searched_for(monkeypatch):
    monkeypatch.setattr("DeepIterRegLib.refinement.default.read_by_the_skull", None)
    stages = refined(skull_alone(image_of("far")), levels=1, proposals=pose_off_by([14, -10, 14], [-18, 33, 42])[None])
    assert error_mm(stages[-1].pose, FAR) < 2


@pytest.mark.parametrize("negative", [False, True], ids=["bone bright", "bone dark"])
def test_of_an_image_of_unknown_sign_the_right_one_is_found(negative):
    image = image_of("near")
    given = replace(image, values=-image.values if negative else image.values, sign_is_known=False)
    reading = read(skull_alone(given))
    assert reading.angiograms[0].skull.sign_is_known
    np.testing.assert_array_equal(reading.angiograms[0].skull.values, image.values)
    assert error_mm(reading.proposals[0], NEAR) < 20
    assert reading.warnings == ()


@pytest.mark.parametrize("trust", [0.4, 1.0])
def test_a_mirrored_image_is_found_and_said(trust):
    image = replace(image_of("near"), trust=trust)
    mirrored = skull_alone(replace(image, values=np.ascontiguousarray(image.values[:, ::-1])))
    reading = read(mirrored)
    assert len(reading.warnings) == 1
    assert reading.warnings[0].startswith("DSA fits the CTA only as a mirror image")
    (prepared,) = reading.angiograms
    np.testing.assert_array_equal(prepared.angiogram.carm.column_direction, -LATERAL.column_direction)
    stages = refine_default(VOLUME, [prepared], [START], levels=LEVELS[:2], proposals=reading.proposals)
    assert error_mm(stages[-1].pose, NEAR) < 1.5


def test_an_image_that_shows_no_head_is_not_called_a_mirror_image():
    image = image_of("near")
    noise = np.random.default_rng(0).normal(0, 1, image.values.shape).astype(np.float32)
    reading = read(skull_alone(replace(image, values=noise)))
    assert reading.warnings == ()
    np.testing.assert_array_equal(reading.angiograms[0].angiogram.carm.column_direction, LATERAL.column_direction)


def test_what_shows_no_skull_is_handed_on_as_it_is():
    run = prepared_angiogram(NEAR)
    reading = read(run)
    assert reading.angiograms[0] is run
    assert reading.proposals.shape == (0, 4, 4)
    assert read_by_the_skull(prepared_volume(), [run], [START], FIND_ALONE, seed=0, device="cpu").proposals.size == 0


@pytest.mark.parametrize(
    ("terms", "truth"), [(("skull",), NEAR), (("vessels",), OTHER)], ids=["the skull alone", "the vessels alone"]
)
def test_what_the_terms_leave_out_has_no_influence(terms, truth):
    run = vessels_and_skull(OTHER, image_of("near"))
    stages = refined(run, levels=2, terms=terms)
    assert error_mm(stages[-1].pose, truth) < 1.5
    left_out = replace(run, skull=None) if terms == ("vessels",) else skull_alone(image_of("near"))
    np.testing.assert_allclose(refined(left_out, levels=2, terms=terms)[-1].pose, stages[-1].pose, atol=1e-9)


def test_vessels_and_skull_of_the_same_pose_agree():
    run = vessels_and_skull(NEAR, image_of("near"))
    stages = refined(run)
    assert error_mm(stages[-1].pose, NEAR) < 1
    assert stages[-1].name == stage_names.MINIMUM_PROJECTION
    vessels, skull = agreements_of([run], stages[-1].pose)
    assert (vessels.term, vessels.seen_in, vessels.trust) == ("vessels", "contrast", 1.0)
    assert (skull.term, skull.seen_in, skull.trust) == ("skull", "mask frame", 1.0)
    assert (vessels.angiogram, skull.angiogram) == (0, 0)
    assert vessels.similarity > 0.8
    assert skull.similarity > 0.5


def test_vessels_of_another_pose_do_not_drag_a_certain_skull_away_and_are_seen_to_disagree():
    run = vessels_and_skull(OTHER, image_of("near"))
    pose = refined(run)[-1].pose
    assert error_mm(pose, NEAR) < 1.5
    vessels, skull = agreements_of([run], pose)
    assert vessels.similarity < 0.5 < skull.similarity


def test_a_skull_that_is_hardly_trusted_does_not_drag_certain_vessels_away_and_is_seen_to_disagree():
    run = vessels_and_skull(NEAR, replace(image_of("other"), trust=0.02))
    pose = refined(run)[-1].pose
    assert error_mm(pose, NEAR) < 1
    vessels, skull = agreements_of([run], pose)
    assert skull.similarity < 0.25
    assert vessels.similarity > 0.8


def test_views_that_show_different_things_are_registered_together():
    """A lateral run without a skull, a frontal X-ray without contrast."""
    views = [prepared_angiogram(NEAR), skull_alone(skull_image(NEAR, FRONTAL), FRONTAL)]
    evidence = Evidence(VOLUME, views, vessel_sizes_px=[64], skull_sizes_px=[64])
    assert evidence
    assert evidence.vessel_views == (views[0],)
    assert evidence.skull_views == (views[1],)
    assert not Evidence(VOLUME, views[1:], ("vessels",), vessel_sizes_px=[64], skull_sizes_px=[64])
    pose = refined(*views, levels=2)[-1].pose
    centre = np.append(CENTRE_MM, 1)
    assert np.linalg.norm((pose @ centre - NEAR @ centre)[:3]) < 1
    assert [(one.term, one.angiogram) for one in agreements_of(views, pose)] == [("vessels", 0), ("skull", 1)]


def test_a_ct_without_contrast_is_registered_by_its_skull():
    plain = replace(VOLUME, cloud=VOLUME.cloud.subset(np.zeros(len(VOLUME.cloud), dtype=bool)))
    run = vessels_and_skull(OTHER, image_of("near"))
    stages = refine_default(plain, [run], [START], levels=LEVELS[:2])
    assert error_mm(stages[-1].pose, NEAR) < 1.5
