"""Heads of training from CTAs: one patient's, or those of a hospital."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from DeepIterRegLib.research.train.sample import random_stretch
from DeepIterRegLib.research.train.scanned_anatomy import ScannedHead, scanned_anatomy
from DeepIterRegLib.research.train.stream import FIRST_VALIDATION_SEED
from DeepIterRegLib.research.train.vein_anatomy import FIRST_TRAINING_SEED, TrainingAnatomy

LENDERS, VALIDATION_LENDERS = 8, 2
"""Generated heads that complete the scanned ones; to grow one takes seconds."""
HELD_OUT_SHARE = 0.2


@dataclass(frozen=True)
class ScannedAnatomies:
    """An `AnatomySource`. training, validation: files of `ScannedHead.write`."""

    training: tuple[Path, ...]
    validation: tuple[Path, ...]
    """For seeds from `FIRST_VALIDATION_SEED` on."""
    name: str
    """Says how many CTAs, and no more: it goes into the checkpoint."""
    is_varied: bool
    """Whether heads of training are stretched and mirrored, so that they stand for more people than they are of."""

    @classmethod
    def of_patient(cls, head: Path) -> ScannedAnatomies:
        """One head as it is. Validation has other poses and lent vessels of the same."""
        return cls((head,), (head,), "1 CTA", is_varied=False)

    @classmethod
    def of_population(cls, heads: tuple[Path, ...]) -> ScannedAnatomies:
        """At least one head. A fifth of them, but at least one, is for validation alone, unless there is only one."""
        held_out = max(1, round(HELD_OUT_SHARE * len(heads)))
        if len(heads) == 1:
            return cls(heads, heads, "1 CTA, varied", is_varied=True)
        name = f"{len(heads)} CTAs, {held_out} of them to validate on"
        return cls(heads[held_out:], heads[:held_out], name, is_varied=True)

    def draw(self, seed: int) -> TrainingAnatomy:
        rng = np.random.default_rng(seed)
        validating = seed >= FIRST_VALIDATION_SEED
        heads = self.validation if validating else self.training
        first, lenders = (FIRST_VALIDATION_SEED, VALIDATION_LENDERS) if validating else (FIRST_TRAINING_SEED, LENDERS)
        head, lender = heads[rng.integers(len(heads))], first + int(rng.integers(lenders))
        if validating or not self.is_varied:
            return _completed(head, lender)
        return scanned_anatomy(ScannedHead.read(head).stretched(random_stretch(rng)), _lender(lender))


@functools.lru_cache(LENDERS + VALIDATION_LENDERS)
def _lender(seed: int) -> TrainingAnatomy:
    return TrainingAnatomy.draw(seed)


@functools.lru_cache(2 * LENDERS)
def _completed(head: Path, lender: int) -> TrainingAnatomy:
    return scanned_anatomy(ScannedHead.read(head), _lender(lender))
