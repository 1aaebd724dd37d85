"""From measures to a verdict with reasons."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.confidence.assess import confidence_of
from DeepIterRegLib.confidence.curvature import Curvature, curvature
from DeepIterRegLib.confidence.measures import Measures, measure
from DeepIterRegLib.confidence.model import load_model
from DeepIterRegLib.confidence.reasons import MOST
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.agreement import evidence_of_result
from DeepIterRegLib.refinement.prior import PosePrior
from Testing.support.skull_case import pose_off_by, skull_alone, skull_image, vessels_and_skull, volume_with_skull
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL

START = radiological_pose(CENTRE_MM)
STRANGER = {
    "skull_coarse": 0.25, "skull_middle": 0.2, "skull_fine": 0.1, "skull_worst_quarter": 0.0, "skull_shift_mm": 5.0,
    "skull_shift_gain": 0.1, "skull_shift_systematic_mm": 3.0, "vessels_ncc": 0.25, "vessels_shift_mm": 5.0,
    "vessels_shift_gain": 0.1, "vessels_alone_mm": 20.0, "terms_apart_mm": 30.0, "gap_nats": 2.0, "rivals": 8.0,
    "turned_deg": 11.0, "moved_across_mm": 35.0, "moved_along_mm": 30.0, "spread_mm": 8.0,
}  # fmt: skip

NEAR = pose_off_by([3, -2, 4], [6, 9, -7])


def typical(**changed) -> Measures:
    known = load_model().typical
    return Measures(
        **{field.name: changed.get(field.name, known[field.name]) for field in dataclasses.fields(Measures)}
    )


def measured(volume: PreparedVolume, run: PreparedAngiogram, pose: FloatArray) -> Measures:
    return measure(volume, [run], pose, [START], (), evidence_of_result(volume, [run]))[0]


@pytest.fixture(scope="module")
def bent() -> Curvature:
    return curvature([], PosePrior([START], CENTRE_MM, LATERAL), START, CENTRE_MM, [LATERAL])


def test_a_typical_good_result_is_registered(bent):
    found = confidence_of(typical(), bent, [None], (), load_model())
    assert found.verdict == "registered"
    assert 0.9 < found.probability <= 1
    assert found.probability_2mm <= found.probability
    assert 1 <= len(found.reasons) <= MOST
    assert any("fit" in reason for reason in found.reasons)
    assert found.model == load_model().sha256


def test_another_patient_is_doubted_and_asked_for(bent):
    found = confidence_of(typical(**STRANGER), bent, [None], (), load_model())
    assert found.verdict in ("check", "wrong")
    assert found.probability < load_model().check_below
    assert any("another patient" in reason for reason in found.reasons)


def test_an_image_that_is_read_otherwise_is_never_called_registered(bent):
    found = confidence_of(typical(), bent, [None], ("DSA fits only as a mirror image.",), load_model())
    assert found.verdict == "check"
    assert found.reasons[0] == "DSA fits only as a mirror image."


def test_the_covariance_is_one_and_its_sizes_follow_from_it(bent):
    found = confidence_of(typical(), bent, [None], (), load_model())
    np.testing.assert_allclose(found.covariance, found.covariance.T, atol=1e-12)
    assert (np.linalg.eigvalsh(found.covariance) >= -1e-12).all()
    beam = LATERAL.normal
    assert found.along_mm == pytest.approx(np.sqrt(beam @ found.covariance[3:, 3:] @ beam))
    assert found.across_mm < found.along_mm  # of the prior alone
    # However sharp the optimum is, a pose is not known better than the model's floor.
    sharp = dataclasses.replace(bent, covariance=1e-9 * bent.covariance)
    floor_mm = load_model().floor_mm / (LATERAL.sdd_mm / LATERAL.sid_mm)
    assert confidence_of(typical(), sharp, [None], (), load_model()).across_mm == pytest.approx(floor_mm, rel=1e-3)
    assert found.rotation_deg == pytest.approx(np.degrees(np.sqrt(np.linalg.eigvalsh(found.covariance[:3, :3])[-1])))


def test_measures_tell_a_right_pose_from_a_wrong_one():
    volume, run = volume_with_skull(), vessels_and_skull(NEAR, skull_image(NEAR))
    right = measured(volume, run, NEAR)
    wrong = measured(volume, run, pose_off_by([9, -6, -4], [12, 2, 5]))
    assert right.skull_fine > 2 * wrong.skull_fine
    assert right.skull_shift_mm < 1 < wrong.skull_shift_mm
    assert right.vessels_shift_mm < wrong.vessels_shift_mm
    assert right.vessels_ncc > wrong.vessels_ncc
    assert right.skull_alone_mm < 1
    assert right.terms_apart_mm < 1.5
    assert right.turned_deg == pytest.approx(np.sqrt(9 + 4 + 16), rel=0.01)
    along = abs(np.array([6, 9, -7]) @ LATERAL.normal)
    assert right.moved_along_mm == pytest.approx(along, abs=1e-6)
    assert right.moved_across_mm == pytest.approx(np.sqrt(36 + 81 + 49 - along**2), rel=1e-6)


def test_what_is_not_seen_is_not_measured():
    alone = measured(volume_with_skull(), skull_alone(skull_image(NEAR)), NEAR)
    assert np.isnan([alone.vessels_ncc, alone.vessels_shift_mm, alone.vessels_alone_mm, alone.terms_apart_mm]).all()
    assert alone.skull_trust == 1
    vessels = measured(volume_with_skull(), vessels_and_skull(NEAR, None), NEAR)
    assert np.isnan([vessels.skull_fine, vessels.skull_shift_mm, vessels.skull_alone_mm, vessels.skull_area]).all()
    assert vessels.skull_trust == 0
