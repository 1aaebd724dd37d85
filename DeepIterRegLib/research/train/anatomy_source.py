"""Where the heads of training come from: the generator, unless a patient or a site's own scans are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from DeepIterRegLib.research.train.vein_anatomy import TrainingAnatomy


class AnatomySource(Protocol):
    """Draws heads; goes to worker processes, so it must be picklable and small."""

    @property
    def name(self) -> str:
        """What is trained on, for the checkpoint's header; a training goes on only with the source of its name."""

    def draw(self, seed: int) -> TrainingAnatomy:
        """The head of `seed` (>= FIRST_TRAINING_SEED); equal seeds, equal heads."""


@dataclass(frozen=True)
class GeneratedAnatomies:
    """Another person for every seed, none of whom ever lived."""

    name: str = "generated"

    def draw(self, seed: int) -> TrainingAnatomy:
        return TrainingAnatomy.draw(seed)
