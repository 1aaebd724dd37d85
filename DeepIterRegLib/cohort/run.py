"""Register every row of a table on a pool of workers, what is done already left as it is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from DeepIterRegLib.cohort.inputs import result_key
from DeepIterRegLib.cohort.log import PATIENTS, CohortLog
from DeepIterRegLib.cohort.patient import PatientTask, register_patient
from DeepIterRegLib.cohort.patient_result import DONE, PatientResult, result_of_error
from DeepIterRegLib.cohort.table import Row
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.staged_output import STAGING
from DeepIterRegLib.parallel.fingerprint import code_fingerprint
from DeepIterRegLib.parallel.worker_pool import WorkerDied, WorkerPool
from DeepIterRegLib.registration.options import Options

CODE = ("cohort.patient",)
"""The modules that the workers run."""
Work = Callable[[PatientTask], PatientResult]
Tell = Callable[[PatientResult, bool], None]
"""Called with each patient's outcome, and whether it was there before."""


@dataclass(frozen=True)
class Cohort:
    """The rows of a table, and how to register them."""

    rows: Sequence[Row]
    folder: Path
    """Of the table."""
    options: Options
    scenes: bool = False
    pseudonymise: bool = False

    def named_rows(self) -> Iterator[tuple[Row, str]]:
        """Every row with the patient's name in all outputs."""
        digits = max(3, len(str(len(self.rows))))
        for number, row in enumerate(self.rows, start=1):
            yield row, f"P{number:0{digits}d}" if self.pseudonymise else row.name

    def settings(self) -> dict[str, Any]:
        """What the results of all rows depend on, beside their images: JSON."""
        checkpoint = self.options.checkpoint
        # One that is not there is a warning of each registration.
        network = None
        if checkpoint is not None and checkpoint.is_file():
            network = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
        return {**self.options.to_json(), "initializer": [self.options.initializer is None, network],
                "code": code_fingerprint(*CODE)}  # fmt: skip


def register_cohort(
    cohort: Cohort, log: CohortLog, pool: WorkerPool, tell: Tell, work: Work = register_patient
) -> None:
    """Register all rows that need it, in their order, as workers become free.

    A row that is refused, takes too long or kills its worker is one outcome of many. Raises InputError where nothing
    can go on. work: what the workers do for each.
    """
    _clear_what_was_interrupted(log)
    settings = cohort.settings()
    for row, name in cohort.named_rows():
        if row.problem is not None:
            tell(result_of_error(row.number, name, row.problem), False)
            continue
        try:
            result = result_key(row, cohort.folder, settings)
        except OSError as error:
            _keep(log, tell, _gone(row, name, error))
            continue
        if log.is_done(name, result, cohort.scenes):
            done = log.read(name, row.number)
            assert done is not None
            tell(done, True)
            continue
        while not pool.has_idle_worker:
            _take(log, pool, tell)
        task = PatientTask(row, name, result, log.patient_folder(name).absolute(), cohort.options, cohort.scenes)
        pool.submit(task, work, task)
    while pool.busy:
        _take(log, pool, tell)


def outcomes(cohort: Cohort, log: CohortLog, marks: Mapping[str, Any]) -> Iterator[PatientResult]:
    """One for every row, in their order, read one by one; those that were not tried yet are left out.

    marks: `marks.Mark` by patient.
    """
    for row, name in cohort.named_rows():
        outcome = (
            result_of_error(row.number, name, row.problem) if row.problem is not None else log.read(name, row.number)
        )
        if outcome is not None:
            mark = marks.get(name)
            yield outcome if mark is None else replace(outcome, mark=mark.mark, note=mark.note)


def _take(log: CohortLog, pool: WorkerPool, tell: Tell) -> None:
    """Wait for a worker, and keep what it found."""
    task, found = pool.next_finished()
    if isinstance(found, WorkerDied):
        found = PatientResult(
            row=task.row.number,
            patient=task.patient,
            status="timed out" if found.timed_out else "failed",
            sentence=f"Row {task.row.number}: {found.reason}",
            result=task.result,
        )
    if found.status in DONE and not (task.folder / "report.json").exists():
        raise InputError(
            "A worker has written its results where {file} cannot be seen from here; give an output folder on a disk "
            "that all workers share.",
            file=log.folder,
        )
    _keep(log, tell, found)


def _keep(log: CohortLog, tell: Tell, outcome: PatientResult) -> None:
    if outcome.status not in DONE:
        # Results of other images or options, which would pass for these.
        shutil.rmtree(log.patient_folder(outcome.patient), ignore_errors=True)
    log.add(outcome)
    tell(outcome, False)


def _gone(row: Row, name: str, error: OSError) -> PatientResult:
    reason = error.strerror or type(error).__name__
    sentence = f"Row {row.number}: one of the patient's files cannot be read ({reason}); correct the table."
    return PatientResult(row=row.number, patient=name, status="refused", sentence=sentence)


def _clear_what_was_interrupted(log: CohortLog) -> None:
    """Remove the folders in which workers that were killed had begun to write."""
    for pattern in (f"{STAGING}*", f"*/{STAGING}*"):
        for folder in (log.folder / PATIENTS).glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)
