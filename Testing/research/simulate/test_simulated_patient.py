"""A whole simulated patient: its parts agree with each other and with the pose that is called the truth."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.projection import mean_projection_error_px
from DeepIterRegLib.preparation.cloud_from_volume import cloud_from_volume
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.research.simulate.built_in import built_in_patient
from DeepIterRegLib.research.simulate.patient import SimulatedPatient, draw_anatomy
from Testing.support.patients import SMALL_CT_COLUMNS, SMALL_DETECTOR_PX, SMALL_SEED, small_patient


def patient() -> SimulatedPatient:
    return small_patient()


def correlation(mask: BoolArray, pose: FloatArray, view: int) -> float:
    """Of the true contrast of a run's arteries with the projection of the CTA's, at `pose`."""
    run = patient().runs[view]
    cloud = cloud_from_volume(patient().volume, mask, np.zeros_like(mask), np.ones(np.count_nonzero(mask), np.float32))
    shown = SplatNumpy(cloud, run.carm).render(pose[None])[0]
    return float(np.corrcoef(np.sqrt(shown).ravel(), np.sqrt(run.arteries_mm).ravel())[0, 1])


@pytest.mark.parametrize(("view", "axis"), [(0, 1), (0, 2), (1, 0), (1, 2)])
def test_the_ctas_arteries_project_onto_the_runs_at_the_true_pose(view: int, axis: int):
    """The run fills one side's arteries only, and carotids are upright tubes: still, any shift makes it worse."""
    at_truth = correlation(patient().artery_mask, patient().pose, view)
    assert at_truth > 0.3
    for shift_mm in (-4.0, 4.0):
        beside = patient().pose.copy()
        beside[axis, 3] += shift_mm
        assert correlation(patient().artery_mask, beside, view) < at_truth - 0.005


def test_the_radiological_pose_is_off():
    error_px = mean_projection_error_px(
        patient().radiological_pose, patient().pose, patient().volume.centre_mm, patient().runs[0].carm
    )
    assert error_px > 5


def test_equal_seeds_give_equal_patients_and_a_second_view_leaves_the_first_as_it_was():
    lateral = built_in_patient(SMALL_SEED, detector_px=SMALL_DETECTOR_PX, ct_columns=SMALL_CT_COLUMNS)
    np.testing.assert_array_equal(lateral.volume.voxels, patient().volume.voxels)
    np.testing.assert_array_equal(lateral.pose, patient().pose)
    assert len(lateral.runs) == 1
    np.testing.assert_array_equal(lateral.runs[0].frames, patient().runs[0].frames)


def test_another_seed_is_another_patient():
    other = draw_anatomy(SMALL_SEED + 1)
    assert len(other.vessels) != len(patient().anatomy.vessels)
    assert other.head.shape.scale != patient().anatomy.head.shape.scale


def test_the_images_have_the_size_that_was_asked_for():
    assert patient().volume.voxels.shape[1:] == (SMALL_CT_COLUMNS, SMALL_CT_COLUMNS)
    assert [run.carm.rows for run in patient().runs] == [SMALL_DETECTOR_PX] * 2


def test_the_run_is_taken_from_the_strokes_side():
    stroke, angle_deg = patient().stroke, patient().runs[0].carm.primary_angle_deg
    assert stroke is not None
    assert angle_deg is not None
    assert patient().injected.split()[-1] == ("left" if angle_deg > 0 else "right")


def test_nothing_fills_before_the_injection():
    for arrivals in patient().arrival_s:
        assert np.all(arrivals >= 0)
