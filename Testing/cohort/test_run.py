"""A cohort from table to results: one outcome a patient, whatever happens to the workers, and resumed to the bit."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from DeepIterRegLib.cohort.log import CohortLog
from DeepIterRegLib.cohort.patient import folder_name
from DeepIterRegLib.cohort.patient_result import PatientResult, result_from_cells, result_from_json
from DeepIterRegLib.cohort.results import RESULTS_FILE, read_results, write_results
from DeepIterRegLib.cohort.run import Cohort, outcomes, register_cohort
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.parallel import dask_pool as dask_pool_module
from DeepIterRegLib.parallel.dask_pool import dask_pool
from DeepIterRegLib.parallel.worker_pool import WorkerPool, local_pool
from Testing.support.cohort_case import AtOnce, cohort_of, pretend, write_table
from Testing.support.paths import ROOT


def registered(
    cohort: Cohort, output: Path, pool: WorkerPool | None = None
) -> tuple[dict[str, PatientResult], list[str]]:
    """The outcomes by patient, and who was registered now."""
    log, now = CohortLog(output, cohort.pseudonymise), []

    def tell(outcome: PatientResult, before: bool) -> None:
        if not before:
            now.append(outcome.patient)

    register_cohort(cohort, log, pool or AtOnce(), tell, pretend)
    found = list(outcomes(cohort, log, {}))
    write_results(output, found)
    return {one.patient: one for one in found}, now


def test_every_row_has_one_outcome_in_the_tables_order(tmp_path: Path) -> None:
    table = write_table(tmp_path, "A", "refused B", "C", extra="D,absent.nrrd,dsa.dcm\n,cta.nrrd,dsa.dcm\n")
    found, _ = registered(cohort_of(table), tmp_path / "out")
    assert list(found) == ["A", "refused B", "C", "D", ""]
    assert [one.row for one in found.values()] == [2, 3, 4, 5, 6]
    assert [one.status for one in found.values()] == ["registered", "refused", "check", "refused", "refused"][:1] + [
        "refused", found["C"].status, "refused", "refused",
    ]  # fmt: skip
    assert found["D"].sentence.startswith("Row 5, column cta of the table")
    assert "absent" not in found["D"].sentence


def test_what_is_done_is_not_done_again_and_results_are_the_same_to_the_bit(tmp_path: Path) -> None:
    cohort = cohort_of(write_table(tmp_path, "A", "refused B", "C"))
    registered(cohort, tmp_path / "whole")

    class Killed(AtOnce):
        def submit(self, tag, function, *arguments):
            if len(self.tasks) == 2:
                raise KeyboardInterrupt
            super().submit(tag, function, *arguments)

    with pytest.raises(KeyboardInterrupt):
        registered(cohort, tmp_path / "parts", Killed())
    # As a worker that was killed while it wrote leaves it, and the log's last line.
    (tmp_path / "parts" / "patients" / ".deepiterreg-abc").mkdir()
    with (tmp_path / "parts" / "cohort.jsonl").open("a") as log:
        log.write('{"row": 4, "pati')
    _, now = registered(cohort, tmp_path / "parts")
    assert now == ["C"]
    one, other = ((tmp_path / name / RESULTS_FILE).read_bytes() for name in ("whole", "parts"))
    assert one == other
    assert sorted(path.name for path in (tmp_path / "parts" / "patients").iterdir()) == ["A", "C"]
    assert registered(cohort, tmp_path / "parts")[1] == []


def test_other_images_options_or_lost_files_are_registered_again(tmp_path: Path) -> None:
    table = write_table(tmp_path, "A", "B")
    registered(cohort_of(table), tmp_path / "out")
    (tmp_path / "out" / "patients" / "A" / "overlay.png").unlink()
    assert registered(cohort_of(table), tmp_path / "out")[1] == ["A"]
    table.write_text(table.read_text().replace("patient,cta,dsa\n", "patient,cta,dsa,sdd\n").replace(
        '"B",cta.nrrd,dsa.dcm', '"B",cta.nrrd,dsa.dcm,1200').replace('"A",cta.nrrd,dsa.dcm', '"A",cta.nrrd,dsa.dcm,')
    )  # fmt: skip
    assert registered(cohort_of(table), tmp_path / "out")[1] == ["B"]
    os.utime(tmp_path / "cta.nrrd", (1, 1))
    assert registered(cohort_of(table), tmp_path / "out")[1] == ["A", "B"]


def test_renaming_the_tables_folder_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    registered(cohort_of(write_table(tmp_path / "one", "A")), tmp_path / "out")
    (tmp_path / "one").rename(tmp_path / "two")
    assert registered(cohort_of(tmp_path / "two" / "table.csv"), tmp_path / "out")[1] == []


def test_pseudonyms_are_in_all_outputs_and_names_in_none(tmp_path: Path) -> None:
    table = write_table(tmp_path, "Müller", "refused Meier", extra="Gone,absent-Gone.nrrd,dsa.dcm\n")
    found, _ = registered(cohort_of(table, pseudonymise=True), tmp_path / "out")
    assert list(found) == ["P001", "P002", "P003"]
    for path in (tmp_path / "out").rglob("*"):
        text = str(path.relative_to(tmp_path)) + (path.read_bytes().decode(errors="replace") if path.is_file() else "")
        assert not any(name in text for name in ("Müller", "Meier", "Gone"))
    with pytest.raises(InputError, match="holds results with the patients' pseudonyms"):
        CohortLog(tmp_path / "out", pseudonymised=False)


def test_a_worker_that_dies_or_does_not_come_back_costs_one_patient(tmp_path: Path) -> None:
    cohort = cohort_of(write_table(tmp_path, "deadly", "once", "endless", "C"))
    with local_pool(1, time_limit_s=6.0) as pool:
        found, _ = registered(cohort, tmp_path / "out", pool)
    assert {name: one.status for name, one in found.items()} == {
        "deadly": "failed", "once": "check", "endless": "timed out", "C": found["C"].status,
    }  # fmt: skip
    assert found["endless"].sentence == "Row 4: This patient took longer than it may."
    assert found["C"].pose is not None
    # Not a fault of the input: it is tried again.
    log = CohortLog(tmp_path / "out", pseudonymised=False)
    assert not log.is_done("endless", found["endless"].result, scene=False)
    assert log.is_done("once", found["once"].result, scene=False)


@contextmanager
def cluster_of_two() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler in this process and two workers in their own, without anybody to start them again."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=logging.CRITICAL) as cluster:
        address = cluster.scheduler_address
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
        command += ["--no-dashboard", "--death-timeout", "60"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        workers = [subprocess.Popen(command, cwd=ROOT, **quiet) for _ in range(2)]  # type: ignore[call-overload]
        try:
            deadline = time.monotonic() + 60
            while len(cluster.scheduler_info["workers"]) < 2 and time.monotonic() < deadline:
                time.sleep(0.1)
            yield address, workers
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()


def on_dask(
    folder: Path, names: Sequence[str], time_limit_s: float, after_first: Callable[[subprocess.Popen[bytes]], None]
) -> dict[str, str]:
    """Status by patient, of two workers; after the first patient, something happens to one of them."""
    cohort = cohort_of(write_table(folder, *names))
    log = CohortLog(folder / "out", pseudonymised=False)
    seen: list[PatientResult] = []
    with (
        cluster_of_two() as (address, workers),
        dask_pool(address, "parallel.worker_pool", time_limit_s=time_limit_s) as pool,
    ):

        def tell(outcome: PatientResult, before: bool) -> None:
            seen.append(outcome)
            if len(seen) == 1:
                after_first(workers[0])

        register_cohort(cohort, log, pool, tell, pretend)
    assert len(seen) == len(names)
    return {one.patient: one.status for one in seen}


def test_a_dask_worker_that_is_killed_costs_no_patient(tmp_path: Path) -> None:
    names = ("slow 1", "slow 2", "slow 3", "B")
    found = on_dask(tmp_path, names, 30.0, lambda worker: worker.kill())
    assert set(found) == set(names)
    assert set(found.values()) <= {"registered", "check"}


def test_a_dask_worker_that_stands_still_costs_one_patient_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_pool_module, "GRACE_SECONDS", 0.5)
    names = ("slow 1", "slow 2", "slow 3", "B")
    found = on_dask(tmp_path, names, 6.0, lambda worker: os.kill(worker.pid, signal.SIGSTOP))
    assert set(found) == set(names)
    late = [name for name, status in found.items() if status == "timed out"]
    assert len(late) <= 1
    assert {found[name] for name in names if name not in late} <= {"registered", "check"}


@pytest.mark.parametrize("stopped", [signal.SIGSTOP, signal.SIGKILL])
def test_a_result_that_is_lost_with_its_dask_worker_is_made_again(
    monkeypatch: pytest.MonkeyPatch, stopped: signal.Signals
) -> None:
    from distributed import Client

    monkeypatch.setattr(dask_pool_module, "FETCH_SECONDS", 1.0)
    with (
        cluster_of_two() as (address, _),
        dask_pool(address, "parallel.worker_pool") as pool,
        Client(address) as client,
    ):
        process = client.run(os.getpid)
        pool.submit("lost", os.getpid)
        deadline = time.monotonic() + 30
        while not (holders := [worker for worker, keys in client.has_what().items() if keys]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process[holders[0]], stopped)
        tag, result = pool.next_finished()
        assert tag == "lost"
        assert result in set(process.values()) - {process[holders[0]]}
        assert not pool.busy


def test_a_patient_who_takes_for_ever_costs_one_dask_worker(tmp_path: Path) -> None:
    found = on_dask(tmp_path, ("endless", "A", "B"), 6.0, lambda worker: None)
    assert found["endless"] == "timed out"
    assert {found["A"], found["B"]} <= {"registered", "check"}


def test_a_thousand_rows_are_read_one_by_one(tmp_path: Path) -> None:
    log = CohortLog(tmp_path / "out", pseudonymised=False)
    for number in range(50):
        log.add(PatientResult(row=number, patient=f"P{number}", status="refused", sentence="é" * number))
    again = CohortLog(tmp_path / "out", pseudonymised=False)
    for number in (49, 0, 17):
        found = again.read(f"P{number}", 99)
        assert found is not None
        assert (found.row, found.sentence) == (99, "é" * number)


FULL = PatientResult(
    row=7, patient="=Müller, \"A\"", status="check", probability=0.25, sentence="-Look.", warnings=("a", "b; c"),
    pose=tuple(n / 7 for n in range(12)), result="0123456789ab", mark="unsure", note="+1",
)  # fmt: skip


def test_outcomes_survive_csv_and_json(tmp_path: Path) -> None:
    bare = PatientResult(row=8, patient="B", status="refused", sentence="No.")
    write_results(tmp_path, [FULL, bare])
    assert list(read_results(tmp_path)) == [FULL, bare]
    assert result_from_json(FULL.to_json()) == FULL
    with pytest.raises(ValueError, match="done"):
        result_from_json({**FULL.to_json(), "status": "done"})
    with pytest.raises(KeyError):
        result_from_cells({"row": "1"})
    # No formula for a spreadsheet.
    assert "'=Müller" in (tmp_path / RESULTS_FILE).read_text()


def test_damaged_results_and_logs_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no results\.csv"):
        list(read_results(tmp_path))
    (tmp_path / RESULTS_FILE).write_text("row,patient\n1,A\n")
    with pytest.raises(InputError, match=r"results\.csv is damaged"):
        list(read_results(tmp_path))
    (tmp_path / "cohort.jsonl").write_text('{"format": "other", "version": 1, "pseudonymised": false}\n')
    with pytest.raises(InputError, match="another version"):
        CohortLog(tmp_path, pseudonymised=False)
    (tmp_path / "cohort.jsonl").write_text("[1]\n")
    with pytest.raises(InputError, match=r"Line 1 of cohort\.jsonl is damaged"):
        CohortLog(tmp_path, pseudonymised=False)


@pytest.mark.parametrize("name", ["Müller", "..", ".hidden", "a/b", "a\\b", "A.", "<x>", "%41", "漢" * 99, "a\u0308"])
def test_folders_have_safe_names(name: str) -> None:
    found = folder_name(name)
    assert not set(found) & set('/\\<>:"|?*')
    assert not found.startswith(".")
    assert not found.endswith(".")
    assert len(found.encode()) < 255


def test_other_patients_have_other_folders() -> None:
    names = ["a/b", "a%2Fb", "a\\b", "A.", "A", ".A", "%41", "漢" * 99, "漢" * 98 + "字"]
    assert len({folder_name(name) for name in names}) == len(names)
