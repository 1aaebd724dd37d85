"""The training loop: batches, validations, curves, and a state on disk from time to time. Slicer never loads this."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from DeepIterRegLib.research.train.batch import Batch
from DeepIterRegLib.research.train.log import Log, LogRow, log_in
from DeepIterRegLib.research.train.schedule import Budget, learning_rate
from DeepIterRegLib.research.train.state import save_state
from DeepIterRegLib.research.train.stream import training_batches, validation_batch
from DeepIterRegLib.research.train.trainer import Trainer
from DeepIterRegLib.research.train.validation import Scores, Validation
from DeepIterRegLib.research.train.workers import sample_workers

SAVE_EVERY_S = 120.0
LOG_EVERY_BATCHES = 50


@dataclass(frozen=True)
class Report:
    """How far a training is."""

    doing: str
    samples: int
    share_done: float
    samples_per_second: float
    """Since this process began to train; 0 before."""
    seconds_left: float
    """Infinite before anybody can tell."""
    loss: float | None
    """Mean of the last batches."""
    validation: Validation | None
    """The last one of this process."""
    saved: int
    """Samples of the state on disk; 0 where there is none."""


Requests = Callable[[], AbstractContextManager[Callable[[], bool]]]
"""Makes a context in which requests to end (Ctrl-C) wait, and a function tells whether there was one."""


def nobody_asks() -> AbstractContextManager[Callable[[], bool]]:
    return nullcontext(lambda: False)


@dataclass
class _Interval:
    """What happened since the last row of the log."""

    sums: torch.Tensor
    samples: int
    began_s: float


def run_training(
    trainer: Trainer,
    folder: Path,
    budget: Budget,
    workers: int = 0,
    report: Callable[[Report], None] = lambda _: None,
    requests: Requests = nobody_asks,
    save_every_s: float = SAVE_EVERY_S,
) -> Validation | None:
    """Train until `budget` is used up, and return the last validation; None if asked to end before.

    Either way the state in `folder` is that of the end. The folder gets `STATE_FILE`, `LOG_FILE`, TensorBoard's files.
    Raises OSError, and InputError where training diverges or workers die: the last state saved then stays.
    """
    loop = _Loop(trainer, folder, budget, report, save_every_s)
    with sample_workers(workers, ahead=trainer.recipe.anatomies_at_once) as in_order:
        loop.tell("Drawing samples to validate on")
        validation_samples = validation_batch(trainer.source, trainer.recipe.validation_samples, in_order)
        batches = training_batches(trainer.source, trainer.recipe, trainer.progress.samples, in_order)
        with log_in(folder, trainer.progress.samples) as log, requests() as should_stop:
            return loop.run(batches, validation_samples, log, should_stop)


class _Loop:
    def __init__(
        self, trainer: Trainer, folder: Path, budget: Budget, report: Callable[[Report], None], save_every_s: float
    ) -> None:
        self._trainer, self._folder, self._budget = trainer, folder, budget
        self._report, self._save_every_s = report, save_every_s
        self._first, self._trained_s = trainer.progress.samples, 0.0
        self._origin = time.monotonic() - trainer.progress.seconds
        self._saved_s, self._saved_samples = time.monotonic(), trainer.progress.samples
        self._interval = self._new_interval()
        self._loss: float | None = None
        self._validation: Validation | None = None

    def run(
        self, batches: Iterator[Batch], samples: Batch, log: Log, should_stop: Callable[[], bool]
    ) -> Validation | None:
        trainer, self._log = self._trainer, log
        self._validate_if_due(samples)
        self._interval = self._new_interval()
        while (share := self._share()) < 1 and not should_stop():
            self._train_on(batches, share)
            self._validate_if_due(samples)
            if time.monotonic() - self._saved_s >= self._save_every_s:
                self._save()
        self._log_interval()
        finished = self._share() >= 1
        if finished and (self._validation is None or trainer.progress.validated != trainer.progress.samples):
            self._validate(samples)
        self._save()
        return self._validation if finished else None

    def tell(self, doing: str) -> None:
        progress = self._trainer.progress
        rate = (progress.samples - self._first) / self._trained_s if self._trained_s else 0.0
        left = self._budget.seconds_left(progress.samples, progress.seconds, rate)
        self._report(
            Report(
                doing, progress.samples, self._share(), rate, left, self._loss, self._validation, self._saved_samples
            )
        )

    def _share(self) -> float:
        return self._budget.share_done(self._trainer.progress.samples, self._trainer.progress.seconds)

    def _train_on(self, batches: Iterator[Batch], share: float) -> None:
        began = time.monotonic()
        batch = next(batches)
        self._interval.sums += self._trainer.step(batch, share)
        self._interval.samples += len(batch)
        self._trained_s += time.monotonic() - began
        self._update_seconds()
        if self._interval.samples >= LOG_EVERY_BATCHES * self._trainer.recipe.batch_size:
            self._log_interval()
        self.tell("Training")

    def _log_interval(self) -> None:
        """Write the row of the interval, unless it is empty, and begin another."""
        interval, progress = self._interval, self._trainer.progress
        if interval.samples:
            scores = Scores.of(interval.sums, interval.samples)
            rate = interval.samples / max(time.monotonic() - interval.began_s, 1e-9)
            lr = learning_rate(progress.recipe, progress.samples, self._share())
            self._log.add(LogRow("training", progress.samples, progress.seconds, scores, lr, rate))
            self._loss = scores.loss
        self._interval = self._new_interval()

    def _new_interval(self) -> _Interval:
        return _Interval(torch.zeros(5, device=self._trainer.device), 0, time.monotonic())

    def _validate_if_due(self, samples: Batch) -> None:
        progress = self._trainer.progress
        every = progress.recipe.validate_every
        if progress.samples // every > progress.validated // every:
            self._validate(samples)

    def _validate(self, samples: Batch) -> None:
        self.tell("Validating")
        self._log_interval()
        known = self._trainer.progress.validated == self._trainer.progress.samples
        self._validation = found = self._trainer.validate(samples)
        self._update_seconds()
        progress = self._trainer.progress
        if not known:
            self._log.add(LogRow("validation", progress.samples, progress.seconds, found.scores, validation=found))
        self.tell("Training")

    def _update_seconds(self) -> None:
        self._trainer.progress = replace(self._trainer.progress, seconds=time.monotonic() - self._origin)

    def _save(self) -> None:
        save_state(self._folder, self._trainer.state())
        self._saved_s, self._saved_samples = time.monotonic(), self._trainer.progress.samples
