"""`register`: hypotheses, devices, arguments, and the real rotational run."""

from __future__ import annotations

import dataclasses
import doctest
from dataclasses import replace

import numpy as np
import pytest

import DeepIterRegLib
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.refinement import pyramid
from DeepIterRegLib.refinement.agreement import share_in_view
from DeepIterRegLib.registration import patient
from DeepIterRegLib.registration import register as registering
from DeepIterRegLib.registration.images import ImageFiles
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.research.evaluate.rotational import as_json, run_trials, summarise
from Testing.support.cases import CASES, needs_cases
from Testing.support.patients import lateral_patient
from Testing.support.vessel_tree_case import (
    CENTRE_MM,
    FRONTAL,
    LATERAL,
    prepared_angiogram,
    prepared_volume,
    tree_cloud,
)


def register_prepared(volume, angiograms, **options):
    """Without the initializer, which has its own tests (test_initializer_stage.py)."""
    return registering.register(PreparedImages(volume, tuple(angiograms)), Options(initializer=False, **options))


def truth_near(start):
    return PivotedCorrection.about_patient_point(start, CENTRE_MM).pose(np.array([0.05, 0.03, -0.04, 5.0, -9.0, 8.0]))


START = radiological_pose(CENTRE_MM)
TRUTH = truth_near(START)


def test_the_docstrings_example_runs(monkeypatch):
    # The built-in patient at a resolution that takes less time.
    monkeypatch.setattr("DeepIterRegLib.research.simulate.built_in.built_in_patient", lateral_patient)
    assert DeepIterRegLib.register is patient.register
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(patient.register, "register", globs={})
    assert doctest.DocTestRunner().run(example).failed == 0


def test_stages_begin_at_the_radiological_pose_and_end_at_the_result():
    result = register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], device="cpu")
    np.testing.assert_array_equal(result.initial_pose, START)
    np.testing.assert_array_equal(result.stages[0].pose, START)
    np.testing.assert_array_equal(result.stages[-1].pose, result.pose)
    assert mean_projection_error_mm(result.pose, TRUTH, CENTRE_MM, LATERAL) < 0.6


def test_a_given_pose_is_where_it_starts():
    given = truth_near(TRUTH)
    result = register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], initial_pose=given, method="published")
    np.testing.assert_array_equal(result.initial_pose, given)


def upside_down(prepared):
    return replace(prepared, contrast=prepared.contrast[::-1].copy(), minip=prepared.minip[::-1].copy())


def is_doubted(result):
    return result.confidence.verdict != "registered"


def test_an_xray_beside_the_run_has_nothing_to_say_to_the_published_method():
    run = prepared_angiogram(TRUTH)
    nothing = np.zeros_like(run.vessels)
    xray = dataclasses.replace(
        run, minip=np.indices(nothing.shape)[0].astype(np.float32), contrast=np.zeros_like(run.contrast),
        vessels=nothing, arteries=nothing, veins=nothing,
    )  # fmt: skip
    alone = register_prepared(prepared_volume(), [run], method="published")
    beside = register_prepared(prepared_volume(), [run, xray], method="published")
    np.testing.assert_array_equal(beside.pose, alone.pose)


def test_a_run_that_shows_something_else_is_doubted_and_the_right_one_is_not():
    veins = prepared_angiogram(TRUTH, shown=[tree_cloud().veins])
    assert not is_doubted(register_prepared(prepared_volume(), [veins]))
    assert is_doubted(register_prepared(prepared_volume(), [upside_down(veins)]))


def test_vessels_that_leave_the_detector_are_out_of_view():
    images = prepared_volume(), [prepared_angiogram(TRUTH)]
    shares = []
    for shift_mm in (0.0, 110.0, 1000.0):
        beside = TRUTH.copy()
        beside[:3, 3] += shift_mm * LATERAL.column_direction
        shares.append(share_in_view(*images, beside))
    assert shares[0] > 0.95
    assert 0 < shares[1] < shares[0]
    assert shares[2] == 0


HEAD = CASES / "rotational-head"


@pytest.fixture(scope="module")
def real_head():
    return prepare_volume(read_volume(HEAD / "volume.nrrd"))


@pytest.fixture(scope="module")
def real_frame():
    return prepare_angiogram(read_angiogram(HEAD / "frame_048.dcm"))


@needs_cases
def test_a_real_frame_upside_down_is_doubted_and_upright_is_not(real_head, real_frame):
    assert not is_doubted(register_prepared(real_head, [real_frame]))
    assert is_doubted(register_prepared(real_head, [upside_down(real_frame)], method="published"))


@pytest.mark.parametrize("angles_follow_the_patient", [True, False])
def test_a_patient_who_lies_feet_first_registers_whatever_the_angles_refer_to(angles_follow_the_patient):
    truth = truth_near(radiological_pose(CENTRE_MM, "HFS" if angles_follow_the_patient else "FFS"))
    angiogram = prepared_angiogram(truth, patient_position="FFS")
    result = register_prepared(prepared_volume(), [angiogram])
    assert mean_projection_error_mm(result.pose, truth, CENTRE_MM, LATERAL) < 0.6


def test_a_full_gpu_hands_over_to_the_cpu_and_says_so(monkeypatch):
    class OutOfMemoryError(RuntimeError):
        pass

    real = pyramid.splat_renderer

    def no_memory(cloud, carm, device="cpu", **options):
        if device == "cuda":
            raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return real(cloud, carm, device, **options)

    monkeypatch.setattr(registering, "choose_device", lambda requested: ("cuda", None))
    monkeypatch.setattr(pyramid, "splat_renderer", no_memory)
    result = register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], device="auto")
    assert result.device == "cpu"
    assert any("memory" in warning and "CPU" in warning for warning in result.warnings)
    assert mean_projection_error_mm(result.pose, TRUTH, CENTRE_MM, LATERAL) < 0.6


def test_other_errors_on_the_gpu_are_not_swallowed(monkeypatch):
    def broken(cloud, carm, device="cpu", **options):
        raise RuntimeError("illegal memory access")

    monkeypatch.setattr(registering, "choose_device", lambda requested: ("cuda", None))
    monkeypatch.setattr(pyramid, "splat_renderer", broken)
    with pytest.raises(RuntimeError, match="illegal"):
        register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)])


def test_unknown_method_no_angiogram_and_a_scaled_start_are_refused_in_a_sentence():
    with pytest.raises(InputError, match="no method 'magic'"):
        register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], method="magic")
    with pytest.raises(InputError, match="give a run as the DSA"):
        ImageFiles(prepared_volume().volume, ())
    with pytest.raises(InputError, match="scales, shears or mirrors"):
        Options(initial_pose=2 * np.diag([1, 1, 1, 0.5]))


@pytest.mark.parametrize("shift_mm", [(0, 400, 0), (-5000, 0, 0), (900, 0, 0)])
@pytest.mark.parametrize("method", ["default", "published"])
def test_a_start_without_the_head_in_view_is_refused(shift_mm, method):
    away = TRUTH.copy()
    away[:3, 3] += shift_mm
    with pytest.raises(InputError, match=r"nothing of the CTA is projected onto the DSA.*the starting pose nearer"):
        register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], initial_pose=away, method=method)


def test_a_start_with_little_of_the_head_in_view_does_not_fail():
    edge = TRUTH.copy()
    edge[2, 3] += 120  # half of the detector is 100 mm high at the head
    register_prepared(prepared_volume(), [prepared_angiogram(TRUTH)], initial_pose=edge)


def test_runs_that_disagree_on_how_the_patient_lies_are_refused():
    runs = [prepared_angiogram(TRUTH), prepared_angiogram(TRUTH, FRONTAL, patient_position="HFP")]
    with pytest.raises(InputError, match="HFS and HFP"):
        register_prepared(prepared_volume(), runs)


FRAMES = ("frame_048.dcm", "frame_120.dcm")


@needs_cases
def test_real_frames_register_from_ten_degrees_and_twenty_millimetres(tmp_path):
    for name in ("volume.nrrd", *FRAMES):
        (tmp_path / name).symlink_to(HEAD / name)
    trials = run_trials(tmp_path, ["default"], starts=1, spreads=[(10.0, 20.0)])
    (row,) = summarise(trials)
    assert row.trials == len(FRAMES)
    assert row.successes == len(FRAMES)
    assert row.median_start_mm > 20
    assert row.median_final_mm < 0.6
    assert "rotational-head" in as_json(trials)


def test_a_folder_without_frames_is_refused(tmp_path):
    with pytest.raises(InputError, match="frame_"):
        run_trials(tmp_path, ["default"], starts=1)


def test_the_library_gives_by_name_what_a_script_needs():
    for name in DeepIterRegLib.__all__:
        assert getattr(DeepIterRegLib, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        DeepIterRegLib.magic  # noqa: B018
