"""A whole simulated patient: its parts agree with each other and with the pose that is called the truth."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.projection import mean_projection_error_px
from DeepIterRegLib.preparation.cloud_from_volume import cloud_from_volume
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.research.simulate.patient import PatientOptions, SimulatedPatient, simulate_patient

COARSE = PatientOptions(views=("lateral", "frontal"), detector_px=256, ct_columns=160)
SEED = 12


@functools.cache
def patient() -> SimulatedPatient:
    return simulate_patient(SEED, COARSE)


def correlation(mask: BoolArray, pose: FloatArray, view: int) -> float:
    """Of the true contrast of a run's arteries with the projection of the CTA's, at `pose`."""
    run = patient().runs[view]
    factor = 2
    cloud = cloud_from_volume(patient().volume, mask, np.zeros_like(mask), mask.astype(np.float32))
    shown = SplatNumpy(cloud, run.carm.binned(factor)).render(pose[None])[0]
    rows, columns = shown.shape
    filled = run.arteries_mm.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return float(np.corrcoef(np.sqrt(shown).ravel(), np.sqrt(filled).ravel())[0, 1])


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


def test_equal_seeds_give_equal_patients():
    options = PatientOptions(detector_px=128, ct_columns=96)
    first, second = simulate_patient(4, options), simulate_patient(4, options)
    np.testing.assert_array_equal(first.volume.voxels, second.volume.voxels)
    np.testing.assert_array_equal(first.runs[0].frames, second.runs[0].frames)
    np.testing.assert_array_equal(first.pose, second.pose)


def test_another_seed_is_another_patient():
    options = PatientOptions(detector_px=128, ct_columns=96)
    first, second = simulate_patient(4, options), simulate_patient(5, options)
    assert not np.allclose(first.pose, second.pose)
    assert len(first.anatomy.vessels) != len(second.anatomy.vessels)


def test_a_second_view_leaves_the_first_as_it_was():
    alone = simulate_patient(SEED, PatientOptions(views=("lateral",), detector_px=256, ct_columns=160))
    np.testing.assert_array_equal(alone.runs[0].frames, patient().runs[0].frames)


def test_the_run_is_taken_from_the_strokes_side():
    stroke, angle_deg = patient().stroke, patient().runs[0].carm.primary_angle_deg
    assert stroke is not None
    assert angle_deg is not None
    assert patient().injected.split()[-1] == ("left" if angle_deg > 0 else "right")


def test_nothing_fills_before_the_injection():
    for arrivals in patient().arrival_s:
        assert np.all(arrivals >= 0)
