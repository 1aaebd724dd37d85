"""Carries out an experiment: which patient is next, what is still to do, what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.parallel.worker_pool import WorkerDied, WorkerPool
from DeepIterRegLib.research.evaluate.experiments import experiment_named
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.prepare import made_of
from DeepIterRegLib.research.evaluate.result_log import ResultLog, full_disk_told
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.tasks import Study, Trial, empty_row, prepare_patient, register_patient
from DeepIterRegLib.research.evaluate.variants import Variant

STARTS_PER_TASK = 3
"""Short enough to lose little to an interruption, long enough to be worth reading the patient for."""


@dataclass(frozen=True)
class Selection:
    """Who took part."""

    chosen: tuple[str, ...]
    left_out: Mapping[str, str]
    """Patients before the last chosen one who were not taken, and why."""


@dataclass(frozen=True)
class _Registering:
    patient: str
    variant: Variant
    starts: tuple[int, ...]


class Experimenter:
    """One run of an experiment over its patients, in their order, until `patients` of them have been taken."""

    def __init__(self, study: Study, patients: int, variants: Sequence[Variant], log: ResultLog) -> None:
        self._study, self._patients, self._variants, self._log = study, patients, tuple(variants), log
        self._experiment = experiment_named(study.experiment)
        self._taken: dict[str, bool] = {}
        """The patients looked at, in their order, and whether they take part."""
        self._left_out: dict[str, str] = {}
        self._waiting: deque[_Registering] = deque()

    @property
    def planned(self) -> int:
        """Registrations in all, those of earlier runs included."""
        return self._patients * len(self._variants) * self._study.starts

    def carry_out(self, workers: WorkerPool, tell: Callable[[Row], None] = lambda row: None) -> Selection:
        """Do what is not done yet. tell: called with each row, those of earlier runs included.

        Raises InputError where the results or the prepared patients cannot be written, or the scheduler is lost.
        """
        names = self._study.cohort.names()
        while True:
            self._hand_out(names, workers, tell)
            if not workers.busy:
                return self._selection()
            with full_disk_told(self._study.prepared):
                tag, result = workers.next_finished()
            if isinstance(tag, _Registering):
                self._registered(tag, result, tell)
            else:
                self._prepared(tag, result, tell)

    def _selection(self) -> Selection:
        chosen = [name for name, taken in self._taken.items() if taken]
        return Selection(tuple(chosen), dict(self._left_out))

    def _hand_out(self, names: Iterator[str], workers: WorkerPool, tell: Callable[[Row], None]) -> None:
        """Give work while somebody is free: registrations first, so that rows come from the beginning."""
        while workers.has_idle_worker:
            if self._waiting:
                task = self._waiting.popleft()
                workers.submit(task, register_patient, self._study, task.patient, task.variant, task.starts)
                continue
            # Everybody who is still undecided may be taken: more would be made for nothing.
            name = next(names, None) if sum(self._taken.values()) < self._patients else None
            if name is None:
                return
            self._taken[name] = True
            known = self._log.patients.get(name)
            # A reference that was missing or wrong may have been corrected.
            if known is not None and not known.no_truth:
                self._require_same_images(known)
                self._decide(known, tell)
            else:
                workers.submit(name, prepare_patient, self._study, name)

    def _require_same_images(self, known: PatientSummary) -> None:
        """Raise InputError where a patient's files changed since: no table mixes two versions."""
        now = made_of(self._study.cohort, known.patient, self._study.preparation_code)
        if known.made_of and known.made_of != now:
            raise InputError(
                "{folder} holds results of patient {patient} with other files than now; choose another output folder.",
                folder=self._log.folder.name,
                patient=known.patient,
            )

    def _prepared(self, patient: str, result: PatientSummary | WorkerDied, tell: Callable[[Row], None]) -> None:
        summary = PatientSummary.of_failure(patient, result.reason) if isinstance(result, WorkerDied) else result
        self._log.add_patient(summary)
        self._decide(summary, tell)

    def _decide(self, summary: PatientSummary, tell: Callable[[Row], None]) -> None:
        """Take the patient or leave it out, and queue what is to do. Who could not be prepared is taken, and failed."""
        reason = summary.no_truth or (None if summary.error else self._experiment.left_out(summary))
        if reason:
            self._taken[summary.patient] = False
            self._left_out[summary.patient] = reason
            return
        for variant in self._variants:
            missing = []
            for start in range(self._study.starts):
                key = (summary.patient, self._study.experiment, variant.method, variant.initializer, start)
                if key in self._log.rows:
                    tell(self._log.rows[key])
                else:
                    missing.append(start)
            if summary.error:
                self._fail(summary, variant, missing, summary.error, tell)
                continue
            starts = iter(missing)
            while part := tuple(islice(starts, STARTS_PER_TASK)):
                self._waiting.append(_Registering(summary.patient, variant, part))

    def _registered(self, task: _Registering, result: list[Trial] | WorkerDied, tell: Callable[[Row], None]) -> None:
        if isinstance(result, WorkerDied):
            self._fail(self._log.patients[task.patient], task.variant, task.starts, result.reason, tell)
            return
        self._log.add_trials(result)
        for trial in result:
            tell(trial.row)

    def _fail(
        self, summary: PatientSummary, variant: Variant, starts: Sequence[int], error: str, tell: Callable[[Row], None]
    ) -> None:  # fmt: skip
        """Count registrations that never came to be."""
        experiment, radiological_px = self._study.experiment, summary.mpe_radiological_px
        rows = [empty_row(experiment, variant, summary.patient, start, radiological_px, error) for start in starts]
        self._log.add_trials([Trial(row, None) for row in rows])
        for row in rows:
            tell(row)


def wanted_rows(log: ResultLog, study: Study, variants: Sequence[Variant], selection: Selection) -> list[Row]:
    """The rows of this experiment's tables, by patient, variant and start, whatever else the log holds.

    Raises InputError where one is missing.
    """
    keys = [
        (patient, study.experiment, variant.method, variant.initializer, start)
        for patient in selection.chosen
        for variant in variants
        for start in range(study.starts)
    ]
    missing = sum(key not in log.rows for key in keys)
    if missing:
        raise InputError(f"{missing} of {len(keys)} registrations are missing; run the same command again.")
    return [log.rows[key] for key in keys]
