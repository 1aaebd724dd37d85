"""How long a training lasts, and its learning rate on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from DeepIterRegLib.research.train.recipe import Recipe

LAST_LEARNING_RATE = 0.01
"""Of the highest."""


@dataclass(frozen=True)
class Budget:
    """When training ends: after so many samples, or where `seconds` is given after so long, resumed parts included."""

    samples: int
    seconds: float | None = None

    def share_done(self, samples: int, seconds: float) -> float:
        """0 to 1."""
        return min(samples / self.samples if self.seconds is None else seconds / self.seconds, 1.0)

    def seconds_left(self, samples: int, seconds: float, samples_per_second: float) -> float:
        """By the clock; infinite as long as nobody can tell."""
        if self.seconds is not None:
            return max(self.seconds - seconds, 0.0)
        return max(self.samples - samples, 0) / samples_per_second if samples_per_second > 0 else math.inf


def learning_rate(recipe: Recipe, samples: int, share_done: float) -> float:
    """After `samples`, `share_done` of the way: a straight rise over the warm-up, times half a cosine downwards."""
    warm = min((samples + recipe.batch_size) / max(recipe.warmup_samples, recipe.batch_size), 1.0)
    fall = LAST_LEARNING_RATE + (1 - LAST_LEARNING_RATE) * 0.5 * (1 + math.cos(math.pi * share_done))
    return recipe.learning_rate * warm * fall
