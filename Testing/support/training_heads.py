"""Heads for tests of the training: each is grown once in a process."""

from __future__ import annotations

from functools import cache

from DeepIterRegLib.research.train.vein_anatomy import FIRST_TRAINING_SEED, TrainingAnatomy


@cache
def training_head(number: int = 0) -> TrainingAnatomy:
    """The vessels of the training's head `number`."""
    return TrainingAnatomy.draw(FIRST_TRAINING_SEED + number)
