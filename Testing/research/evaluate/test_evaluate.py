"""The experiments: metrics, perturbed starts, prepared patients on disk, resuming, damaged patients, dying workers."""

from __future__ import annotations

import errno
import json
import logging
import math
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.line_file import drop_torn_line
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.parallel.dask_pool import dask_pool
from DeepIterRegLib.parallel.fingerprint import code_fingerprint
from DeepIterRegLib.parallel.worker_pool import (
    WorkerDied,
    WorkerPool,
    local_pool,
)
from DeepIterRegLib.research.evaluate import result_log as result_log_module
from DeepIterRegLib.research.evaluate.blind_test import write_blind_test
from DeepIterRegLib.research.evaluate.case import Case
from DeepIterRegLib.research.evaluate.case_file import DamagedCaseFile, read_case, write_case
from DeepIterRegLib.research.evaluate.cohort import FolderCohort, read_truth
from DeepIterRegLib.research.evaluate.experiments import EXPERIMENTS, experiment_named
from DeepIterRegLib.research.evaluate.methods import METHODS, register_with
from DeepIterRegLib.research.evaluate.metrics import pose_error
from DeepIterRegLib.research.evaluate.outputs import blind_cases, write_outputs
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.perturbations import perturbed_poses
from DeepIterRegLib.research.evaluate.prepare import make_case
from DeepIterRegLib.research.evaluate.result_log import POSES_FILE, ROWS_FILE, ResultLog
from DeepIterRegLib.research.evaluate.results import COLUMNS, MM_PER_PX, Row, append_row, read_rows
from DeepIterRegLib.research.evaluate.study import Experimenter, Selection, wanted_rows
from DeepIterRegLib.research.evaluate.tasks import Study, empty_row, prepare_patient, register_start
from DeepIterRegLib.research.evaluate.variants import Variant
from DeepIterRegLib.review.key import read_key
from Testing.support.patients import small_patient_files
from Testing.support.tiny_cohort import TinyCohort, near
from Testing.support.worker_tasks import die_until, out_of_memory, refuse

SETTINGS = {"experiment": "testset", "--first-seed": 1}
PUBLISHED = (Variant("published"),)


class AtOnce:
    """Does every task in this process, two at a time as far as anybody can tell; some patients kill it."""

    def __init__(self, deadly: tuple[str, ...] = (), stop_after: int = 1000) -> None:
        self._queue: list[tuple[Any, Callable[..., Any], tuple[Any, ...]]] = []
        self._deadly, self._left = deadly, stop_after
        self.given: list[Any] = []

    @property
    def busy(self) -> int:
        return len(self._queue)

    @property
    def has_idle_worker(self) -> bool:
        return self.busy < 2

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self.given.append(tag)
        self._queue.append((tag, function, arguments))

    def next_finished(self) -> tuple[Any, Any]:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        tag, function, arguments = self._queue.pop()
        return tag, WorkerDied("The worker died twice.") if tag in self._deadly else function(*arguments)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of prepared patients that all tests of this module share."""
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="module")
def case(prepared: Path) -> Case:
    """The first tiny patient, out of its file."""
    summary = prepare_patient(study(prepared), "1")
    assert not summary.error
    return read_case(next(prepared.glob("1-*.npz")))


def study(prepared: Path, experiment: str = "testset", starts: int = 1, **cohort: Any) -> Study:
    return Study(
        experiment=experiment,
        cohort=TinyCohort(**cohort),
        starts=starts,
        size_px=128,
        prepared=prepared,
        preparation_code="code",
    )


def experiment_run(
    folder: Path, of: Study, patients: int, variants: tuple[Variant, ...], workers: AtOnce | None = None
) -> tuple[ResultLog, Selection]:
    log = ResultLog(folder, SETTINGS)
    return log, Experimenter(of, patients, variants, log).carry_out(workers or AtOnce())


# Metrics


def lateral() -> CArm:
    return CArm.from_angles(90, 0, 1200, 800, 0.3, 1000, 1000)


def test_shift_across_the_beam_is_magnified_on_the_detector() -> None:
    moved = rigid(None, np.array([0.0, 0.0, 10.0]))
    found = pose_error(moved, np.eye(4), np.zeros(3), lateral())
    assert found.tre_mm == pytest.approx(10)
    assert found.across_beam_mm == pytest.approx(10)
    assert found.along_beam_mm == pytest.approx(0, abs=1e-9)
    # The mean of the magnifications of the cube's near and far face.
    assert found.mpe_mm == pytest.approx(10 * (1200 / 750 + 1200 / 850) / 2)
    assert found.mpe_px == pytest.approx(found.mpe_mm / 0.87)


def test_shift_along_the_beam_hardly_shows_on_the_detector() -> None:
    moved = rigid(None, 10 * lateral().normal)
    found = pose_error(moved, np.eye(4), np.zeros(3), lateral())
    assert found.along_beam_mm == pytest.approx(10)
    assert found.across_beam_mm == pytest.approx(0, abs=1e-9)
    assert found.tre_mm == pytest.approx(10)
    assert found.mpe_mm < 2
    assert found.success


def test_rotation_about_the_centre_displaces_the_corners_but_not_their_mean() -> None:
    turned = rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    found = pose_error(turned, np.eye(4), np.zeros(3), lateral())
    assert found.tre_mm == pytest.approx(100)
    assert found.along_beam_mm == pytest.approx(0, abs=1e-9)
    assert found.across_beam_mm == pytest.approx(0, abs=1e-9)


def test_success_is_a_mean_projection_error_below_5_mm() -> None:
    scale = 5 / pose_error(rigid(None, np.array([0, 0, 1.0])), np.eye(4), np.zeros(3), lateral()).mpe_mm
    for factor, success in ((0.999, True), (1.001, False)):
        moved = rigid(None, np.array([0, 0, factor * scale]))
        assert pose_error(moved, np.eye(4), np.zeros(3), lateral()).success == success


# Perturbed starts


def test_perturbed_starts_are_spread_evenly_and_repeat() -> None:
    truth = rigid(None, np.array([3.0, -140.0, 600.0]))
    centre = np.array([-3.0, 140.0, -600.0])
    poses = perturbed_poses(truth, centre, lateral(), "17", 40)
    errors_px = [pose_error(pose, truth, centre, lateral()).mpe_px for pose in poses]
    # One in each of forty equal parts of 0 to 80 px.
    assert [int(error // 2) for error in errors_px] == list(range(40))
    np.testing.assert_array_equal(poses, perturbed_poses(truth, centre, lateral(), "17", 40))
    other = perturbed_poses(truth, centre, lateral(), "18", 40)
    assert np.abs(np.array(poses) - np.array(other)).max(axis=(1, 2)).min() > 1e-3
    # They turn as well as shift, and stay where a head can be.
    turns_deg = [np.degrees(np.arccos(np.clip((np.trace(pose[:3, :3]) - 1) / 2, -1, 1))) for pose in poses]
    shifts_mm = [np.linalg.norm(apply(pose, centre) - apply(truth, centre)) for pose in poses]
    assert 10 < max(turns_deg) <= 40.001
    assert 20 < max(shifts_mm) <= 120.001


# Prepared patients on disk


def test_prepared_patient_comes_back_from_its_file(case: Case, tmp_path: Path) -> None:
    fresh = make_case(TinyCohort(), "1")
    np.testing.assert_array_equal(case.volume.cloud.positions_mm, fresh.volume.cloud.positions_mm)
    np.testing.assert_array_equal(case.volume.cloud.is_vein, fresh.volume.cloud.is_vein)
    np.testing.assert_array_equal(case.volume.veins, fresh.volume.veins)
    np.testing.assert_array_equal(case.centre_mm, fresh.volume.volume.centre_mm)
    np.testing.assert_array_equal(case.volume.volume.centre_mm, fresh.volume.volume.centre_mm)
    np.testing.assert_array_equal(case.pose, fresh.pose)
    stored, made = case.angiograms[0], fresh.angiograms[0]
    # The skull too, or an experiment's default method would be another than the command's.
    assert case.volume.skull is not None
    assert fresh.volume.skull is not None
    np.testing.assert_array_equal(case.volume.skull.positions_mm, fresh.volume.skull.positions_mm)
    np.testing.assert_array_equal(case.volume.skull.weights_mm3, fresh.volume.skull.weights_mm3)
    assert case.volume.skull.cell_mm == fresh.volume.skull.cell_mm
    assert stored.skull is not None
    assert made.skull is not None
    np.testing.assert_array_equal(stored.skull.values, made.skull.values)
    np.testing.assert_array_equal(stored.skull.valid, made.skull.valid)
    assert (stored.skull.source, stored.skull.trust) == (made.skull.source, made.skull.trust)
    for mask in ("vessels", "veins", "arteries"):
        np.testing.assert_array_equal(getattr(stored, mask), getattr(made, mask))
    for image in ("minip", "contrast", "artery_contrast", "vein_contrast"):
        values = getattr(made, image)
        np.testing.assert_allclose(getattr(stored, image), values, rtol=0, atol=np.ptp(values) / 60000)
    # What is empty stays empty: similarities look at the pixels with contrast alone.
    assert not stored.contrast[made.contrast == 0].any()
    np.testing.assert_array_equal(stored.angiogram.carm.projection_matrix, made.angiogram.carm.projection_matrix)
    assert stored.angiogram.frames.shape == made.angiogram.frames.shape
    assert case.defects == {"lateral": {"head_displacement_px": [0.0, 0.1]}}
    assert case.costs.prepare_seconds > 0
    assert case.costs.peak_mb > 50
    assert stored_head_survives(case, tmp_path / "turned.npz")
    # Without a rewrite the numbers do not wander.
    write_case(case, tmp_path / "again.npz")
    np.testing.assert_array_equal(read_case(tmp_path / "again.npz").angiograms[0].minip, stored.minip)


def stored_head_survives(case: Case, path: Path) -> bool:
    """Whether a head that lies otherwise in its CTA is read as such."""
    assert case.volume.head is not None
    axes = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    head = replace(case.volume.head, axes=axes)
    images = replace(case.images, volume=replace(case.volume, head=head))
    write_case(replace(case, images=images), path)
    found = read_case(path).volume.frame
    return found.found and np.array_equal(found.axes, axes) and np.array_equal(found.centre_mm, head.centre_mm)


def test_prepared_patient_takes_a_fraction_of_the_images(prepared: Path, case: Case) -> None:
    images = case.volume.vessels.size * 2 + math.prod(case.angiograms[0].angiogram.frames.shape) * 2
    assert next(prepared.glob("1-*.npz")).stat().st_size < images / 8


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no archive"])
def test_damaged_prepared_patient_is_recognised(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.npz").write_bytes(content)
    with pytest.raises(DamagedCaseFile):
        read_case(tmp_path / "1.npz")


def test_half_a_prepared_patient_is_made_again(prepared: Path, case: Case, tmp_path: Path) -> None:
    whole = next(prepared.glob("1-*.npz"))
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:20000])
    summary = prepare_patient(study(tmp_path), "1")
    assert summary.mpe_radiological_px == case.error_of(case.radiological_pose).mpe_px
    assert read_case(tmp_path / whole.name).name == "1"


def test_second_experiment_prepares_nobody_again(prepared: Path, case: Case, tmp_path: Path) -> None:
    for name in ("testset", "minip"):
        of = study(prepared, name, count=1, journal=tmp_path)
        prepare_patient(of, "1")
    assert len(list(tmp_path.iterdir())) <= 1


def test_fingerprint_sees_code_and_not_comments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "DeepIterRegLib"
    package.mkdir()
    monkeypatch.setattr("DeepIterRegLib.parallel.fingerprint.ROOT", tmp_path)

    def fingerprint(used: str) -> str:
        (package / "a.py").write_text("def f():\n    from DeepIterRegLib.b import g\n    return g\n")
        (package / "b.py").write_text(used)
        code_fingerprint.cache_clear()
        return code_fingerprint("a")

    plain = fingerprint("def g():\n    return 1\n")
    assert fingerprint('# why\ndef g():\n    """What."""\n    return (1)\n') == plain
    assert fingerprint("def g():\n    return 2\n") != plain
    code_fingerprint.cache_clear()


# Methods and rows


def test_row_holds_what_the_method_found(case: Case) -> None:
    trial = register_start(case, "testset", Variant("default"), 0, case.radiological_pose, 128)
    again = register_start(case, "testset", Variant("default"), 0, case.radiological_pose, 128)
    row, pose = trial.row, trial.pose
    assert pose is not None
    assert COLUMNS[:14] == (
        "patient", "experiment", "method", "initializer", "start", "mpe_radiological_px", "mpe_start_px",
        "mpe_initialized_px", "mpe_final_px", "mpe_final_mm", "tre_mm", "success", "seconds", "error",
    )  # fmt: skip
    assert row.mpe_start_px == row.mpe_initialized_px == row.mpe_radiological_px
    assert row.mpe_final_mm == case.error_of(pose).mpe_mm == pytest.approx(row.mpe_final_px * MM_PER_PX)
    assert row.mpe_final_px < row.mpe_start_px
    assert row.success
    assert row.error == ""
    np.testing.assert_array_equal(pose, again.pose)


def test_two_stages_are_three_without_the_minimum_projection(case: Case) -> None:
    found = {
        name: register_with(name, case.images, case.radiological_pose, seed=1, size_px=128)
        for name in ("published", "published-two-stage", "default", "default-two-stage")
    }
    for name in ("published", "default"):
        two, three = found[f"{name}-two-stage"], found[name]
        assert [stage.name for stage in two.stages] == [stage.name for stage in three.stages[:-1]]
        np.testing.assert_array_equal(two.pose, three.stages[-2].pose)
        assert three.stages[-1].name == "Minimum projection"


def test_failure_of_a_method_is_in_its_row(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise ZeroDivisionError("nothing\nmore")

    monkeypatch.setitem(METHODS, "broken", replace(METHODS["default"], name="broken", register_from=fail))
    row = register_start(case, "testset", Variant("broken"), 0, case.radiological_pose, 128).row
    assert row.error == "ZeroDivisionError: nothing"
    assert not row.success
    assert math.isnan(row.mpe_final_px)
    assert row.mpe_start_px > 0


def test_rows_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / ROWS_FILE
    row = empty_row("testset", Variant("published"), "patient 7, left", 3, 26.5, 'a "quoted", long\nsentence')
    append_row(path, row)
    append_row(path, replace(row, mpe_final_mm=math.inf, success=True, seconds=0.25, error=""))
    first, second = read_rows(path)
    assert first.error == 'a "quoted", long sentence'
    assert first.key == ("patient 7, left", "testset", "published", "none", 3)
    assert math.isnan(first.mpe_final_mm)
    assert (second.mpe_final_mm, second.success, second.seconds) == (math.inf, True, 0.25)


@pytest.mark.parametrize("torn", ["8,testset", '8,testset,published,none,0,1,1,1,1,1,1,true,1,"half a sen'])
def test_half_a_line_at_the_end_is_no_row(tmp_path: Path, torn: str) -> None:
    path = tmp_path / ROWS_FILE
    append_row(path, empty_row("testset", Variant("published"), "7", 0, 1.0))
    whole = path.read_text()
    path.write_text(whole + torn)
    assert [row.patient for row in read_rows(path)] == ["7"]
    drop_torn_line(path)
    assert path.read_text() == whole


def test_other_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / ROWS_FILE
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="other columns"):
        read_rows(path)
    path.write_text(",".join(COLUMNS) + "\n" + "7,testset\n")
    with pytest.raises(InputError, match=r"Line 2 of results.csv"):
        read_rows(path)


# The course of an experiment


def test_interrupted_experiment_goes_on_where_it_stopped(prepared: Path, case: Case, tmp_path: Path) -> None:
    of, variants = study(prepared), (Variant("published"), Variant("published-two-stage"))
    straight, selection = experiment_run(tmp_path / "straight", of, 2, variants)
    with pytest.raises(KeyboardInterrupt):
        experiment_run(tmp_path / "halves", of, 2, variants, AtOnce(stop_after=3))
    kept = read_rows(tmp_path / "halves" / ROWS_FILE)
    assert 0 < len(kept) < 4
    with (tmp_path / "halves" / ROWS_FILE).open("a") as file:
        file.write("2,testset,pub")
    second_half = AtOnce()
    halves, _ = experiment_run(tmp_path / "halves", of, 2, variants, second_half)
    # Nothing that was done is done again, and both ways lead to the same rows.
    assert len(read_rows(tmp_path / "halves" / ROWS_FILE)) == 4
    assert sum(not isinstance(tag, str) for tag in second_half.given) == 4 - len(kept)

    def numbers(log: ResultLog) -> list[Any]:
        return [(row.key, f"{row.mpe_final_mm:.3f}", row.success) for row in wanted_rows(log, of, variants, selection)]

    assert numbers(halves) == numbers(straight)
    assert set(halves.poses()) == {row.key for row in halves.rows.values()}
    nothing_left = AtOnce()
    experiment_run(tmp_path / "halves", of, 2, variants, nothing_left)
    assert not nothing_left.given


def test_other_method_and_more_patients_join_what_is_there(prepared: Path, case: Case, tmp_path: Path) -> None:
    of = study(prepared)
    experiment_run(tmp_path, of, 1, PUBLISHED)
    both = (Variant("published-two-stage"), Variant("published"))
    log, selection = experiment_run(tmp_path, of, 2, both)
    assert [row.key[:3:2] for row in wanted_rows(log, of, both, selection)] == [
        ("1", "published-two-stage"), ("1", "published"), ("2", "published-two-stage"), ("2", "published"),
    ]  # fmt: skip


def test_damaged_and_deadly_patients_count_as_failed(prepared: Path, case: Case, tmp_path: Path) -> None:
    of = study(prepared, count=3, damaged=("3",))
    told: list[Row] = []
    log, variants = ResultLog(tmp_path, SETTINGS), (Variant("default"), Variant("default-two-stage"))
    selection = Experimenter(of, 3, variants, log).carry_out(AtOnce(deadly=("2",)), told.append)
    rows = wanted_rows(log, of, variants, selection)
    assert [(row.patient, row.success, row.error) for row in rows] == [
        ("1", True, ""), ("1", True, ""),
        ("2", False, "The worker died twice."), ("2", False, "The worker died twice."),
        ("3", False, "dsa.dcm is truncated."), ("3", False, "dsa.dcm is truncated."),
    ]  # fmt: skip
    assert len(told) == 6
    summary = write_outputs(log, rows, selection, SETTINGS)
    assert [one["patient"] for one in summary["cohort"]["not_prepared"]] == ["2", "3"]
    assert summary["experiments"][0]["methods"][0]["registrations"] == 3
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    page = (tmp_path / "index.html").read_text()
    assert "dsa.dcm is truncated." in page
    assert 'src="http' not in page


def test_moving_patients_are_left_out_of_the_test_set_alone(prepared: Path, case: Case, tmp_path: Path) -> None:
    of = study(prepared, count=3, moving=("1",))
    fresh = replace(of, prepared=tmp_path / "prepared", cohort=replace(of.cohort, damaged=("2",)))  # type: ignore[type-var]
    _, selection = experiment_run(tmp_path / "testset", fresh, 1, PUBLISHED)
    assert selection.chosen == ("2",)
    assert list(selection.left_out) == ["1"]
    assert selection.left_out["1"].startswith("moved by ")
    of_all = replace(fresh, experiment="optimizer-only")
    assert experiment_run(tmp_path / "all", of_all, 2, PUBLISHED)[1] == Selection(("1", "2"), {})


def test_worker_that_dies_while_registering_fails_those_starts(prepared: Path, case: Case, tmp_path: Path) -> None:
    of = study(prepared, "capture-range", starts=4)

    class Dies(AtOnce):
        def next_finished(self) -> tuple[Any, Any]:
            tag, result = super().next_finished()
            return tag, result if isinstance(tag, str) or 0 not in tag.starts else WorkerDied("The worker died twice.")

    log, selection = experiment_run(tmp_path, of, 1, PUBLISHED, Dies())
    rows = wanted_rows(log, of, PUBLISHED, selection)
    assert [row.error for row in rows] == ["The worker died twice."] * 3 + [""]
    assert rows[3].mpe_start_px > 60
    assert rows[0].mpe_radiological_px == pytest.approx(rows[3].mpe_radiological_px, abs=1e-3)


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    # As long as there are none, settings may change.
    ResultLog(tmp_path, {**SETTINGS, "--first-seed": 7})
    ResultLog(tmp_path, {**SETTINGS, "code": "a"}).add_patient(PatientSummary.of_failure("1", "broken"))
    with pytest.raises(InputError, match=r"with --first-seed 1, not 5; choose another output folder"):
        ResultLog(tmp_path, {**SETTINGS, "--first-seed": 5, "code": "b"})
    with pytest.raises(InputError, match="another version of the code"):
        ResultLog(tmp_path, {**SETTINGS, "code": "b"})
    (tmp_path / "experiment.json").write_text("{")
    with pytest.raises(InputError, match=r"experiment\.json in .* is damaged"):
        ResultLog(tmp_path, SETTINGS)
    (tmp_path / "experiment.json").unlink()
    with pytest.raises(InputError, match=r"results without their experiment\.json"):
        ResultLog(tmp_path, SETTINGS)


def test_full_disk_is_one_sentence_and_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = ResultLog(tmp_path, SETTINGS)
    log.add_patient(PatientSummary.of_failure("1", "broken"))

    def full(path: Path, line: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(result_log_module, "append_line", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\); make room"):
        log.add_patient(PatientSummary.of_failure("2", "broken"))
    assert list(ResultLog(tmp_path, SETTINGS).patients) == ["1"]


def test_full_disk_under_the_prepared_patients_ends_the_experiment(tmp_path: Path, case: Case, prepared: Path) -> None:
    class Full(AtOnce):
        def next_finished(self) -> tuple[Any, Any]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InputError, match="No space left on device"):
        experiment_run(tmp_path, study(prepared), 1, PUBLISHED, Full())
    assert not (tmp_path / ROWS_FILE).exists()


def test_blind_test_shows_the_registered_patients(prepared: Path, case: Case, tmp_path: Path) -> None:
    of, variants = study(prepared, "blind-test"), tuple(map(Variant, EXPERIMENTS["blind-test"].methods))
    log, selection = experiment_run(tmp_path, of, 1, variants)
    cases = blind_cases(log, of, wanted_rows(log, of, variants, selection), selection)
    assert len(cases) == 1
    assert "<html" in write_blind_test(cases, tmp_path, seed=0).read_text()
    assert {pair.case for pair in read_key(tmp_path / "blind_key.json").pairs} == {"1"}


# Workers


@contextmanager
def cluster_of_one() -> Iterator[WorkerPool]:
    """A scheduler with one worker, as somebody else might have started them."""
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL) as one,
        dask_pool(one.scheduler_address, "parallel.worker_pool") as pool,
    ):
        yield pool


@pytest.mark.parametrize("one_worker", [partial(local_pool, 1), cluster_of_one])
def test_worker_that_dies_is_replaced_and_its_task_tried_once_more(
    tmp_path: Path, one_worker: Callable[[], AbstractContextManager[WorkerPool]]
) -> None:
    with one_worker() as pool:
        assert pool.has_idle_worker
        pool.submit("twice", die_until, tmp_path / "twice", 3)
        assert not pool.has_idle_worker
        ends = dict([pool.next_finished()])
        pool.submit("once", die_until, tmp_path / "once", 2)
        ends |= [pool.next_finished()]
        pool.submit("broken", refuse, "none.json is missing.")
        with pytest.raises(InputError, match=r"^none\.json is missing\.$"):
            pool.next_finished()
    assert isinstance(ends["twice"], WorkerDied)
    assert ends["once"] == "done at attempt 2"
    assert len(list((tmp_path / "twice").iterdir())) == 2


def test_workers_end_with_their_pool_and_a_death_spares_the_others(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    with local_pool(2) as pool:
        pool.submit("deadly", die_until, tmp_path / "deadly", 3)
        pool.submit("slow", time.sleep, 1.0)
        ends = dict([pool.next_finished(), pool.next_finished()])
        assert isinstance(ends["deadly"], WorkerDied)
        assert ends["slow"] is None
        pool.submit("endless", time.sleep, 1000.0)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert set(multiprocessing.active_children()) <= before


def test_idle_worker_that_was_killed_is_replaced(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    with local_pool(1) as pool:
        pool.submit("first", die_until, tmp_path / "first", 1)
        assert pool.next_finished() == ("first", "done at attempt 1")
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
            process.join()
        pool.submit("second", die_until, tmp_path / "second", 1)
        assert pool.next_finished() == ("second", "done at attempt 1")


def test_task_without_memory_is_tried_once_more(tmp_path: Path) -> None:
    with local_pool(1) as pool:
        pool.submit("large", out_of_memory, tmp_path / "large")
        _, result = pool.next_finished()
    assert isinstance(result, WorkerDied)
    assert "memory" in result.reason
    assert (tmp_path / "large").read_text() == "tried tried "


def test_missing_scheduler_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("DeepIterRegLib.parallel.dask_pool.CONNECT_SECONDS", 0.5)
    with (
        pytest.raises(InputError, match="No Dask scheduler answers"),
        dask_pool("tcp://127.0.0.1:1", "parallel.worker_pool"),
    ):
        pass


# Folders of patients, and the command


def test_folders_are_patients_in_natural_order(tmp_path: Path) -> None:
    for name in ("patient-10", "patient-9", "plots"):
        (tmp_path / name).mkdir()
    for name in ("patient-10", "patient-9"):
        (tmp_path / name / "truth.json").touch()
    assert list(FolderCohort.of(tmp_path).names()) == ["patient-9", "patient-10"]
    with pytest.raises(InputError, match="holds no patients"):
        FolderCohort.of(tmp_path / "plots")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "damaged"),
        ("[]", "has no pose"),
        ('{"pose": [[1, 2], [3]]}', "The pose in truth.json"),
        ('{"pose": "identity"}', "The pose in truth.json"),
        (json.dumps({"pose": (2 * np.eye(4)).tolist()}), "The pose in truth.json"),
        (json.dumps({"pose": np.eye(4).tolist(), "radiological_pose": 7}), "The radiological_pose in truth.json"),
    ],
)
def test_damaged_truth_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_truth(tmp_path / "truth.json")


def test_missing_truth_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json is missing"):
        read_truth(tmp_path / "none.json")


def test_command_registers_a_folder_of_patients(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cohort, output = tmp_path / "cohort", tmp_path / "results"
    shutil.copytree(small_patient_files()["cta"].parent, cohort / "patient-1")
    truth = json.loads((cohort / "patient-1" / "truth.json").read_text())
    truth["radiological_pose"] = near(np.array(truth["pose"])).tolist()
    (cohort / "patient-1" / "truth.json").write_text(json.dumps(truth))
    shutil.copytree(cohort / "patient-1", cohort / "patient-2")
    (cohort / "patient-2" / "dsa.dcm").write_bytes(b"no DICOM")
    words = ["evaluate", "optimizer-only", "--cohort", str(cohort), "--output", str(output), "--method", "default"]
    words += ["--no-initializer"]
    assert main([*words, "--workers", "1"]) == 0
    good, bad = read_rows(output / ROWS_FILE)
    assert (good.patient, good.success) == ("patient-1", True)
    assert (bad.patient, bad.success) == ("patient-2", False)
    assert "dsa.dcm" in bad.error
    said = capsys.readouterr()
    assert "1 of 2, 50%  " in said.out
    assert said.err.count(bad.error) == 1
    assert (output / POSES_FILE).read_text().count("\n") == 1
    assert main([*words, "--size-px", "128"]) == 2
    assert "with --size-px 256, not 128" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["evaluate", "no-such"], "There is no experiment 'no-such'; choose optimizer-only, testset"),
        (["evaluate", "testset", "--first-seed", "1.5"], "'1.5' is not an integer"),
        (["evaluate", "testset", "--first-seed", "x"], "'x' is not an integer"),
        (["evaluate", "testset", "--patients", "0"], "'0' is not an integer of at least 1"),
        (["evaluate", "testset", "--method", "magic"], "There is no method 'magic'; choose published"),
        (["evaluate", "testset", "--starts", "5"], "--starts is for capture-range, initializer and similarity; leave"),
        (["evaluate", "testset", "--no-initializer", "--cohort", "nowhere"], "There is no folder nowhere"),
        (["evaluate", "optimizer-only", "--cohort", ".", "--first-seed", "3"], "--first-seed is for generated"),
        (["evaluate", "optimizer-only", "--cohort", ".", "--difficulty", "hard"], "--difficulty is for generated"),
        (["evaluate", "testset", "--skull-share", "2"], "'2' is not a number from 0 to 1"),
        (["evaluate", "testset", "--scheduler", "tcp://a:1", "--workers", "2"], "give one"),
        (["evaluate", "testset", "--checkpoint", "nowhere.safetensors"], "nowhere.safetensors is not there"),
        (["evaluate", "testset", "--no-initializer", "--checkpoint", "a.safetensors"], "leave out --checkpoint"),
        (["evaluate", "testset", "--no-initializer", "--initializer", "with"], "not allowed with"),
        (["evaluate", "initializer", "--no-initializer"], "initializer is about the initializer"),
        (["evaluate", "blind-test", "--initializer", "both"], "say which with --initializer"),
    ],
)
def test_bad_input_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_every_experiment_names_methods_that_there_are() -> None:
    for name in EXPERIMENTS:
        assert set(experiment_named(name).methods) <= set(METHODS)
