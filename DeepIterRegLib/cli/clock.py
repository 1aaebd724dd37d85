"""How long each step of a command took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class StepClock:
    """Wall-clock seconds of the steps of a command, by name, in the order in which they first ended."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = {}
        self._now = now
        self._last = now()

    def step(self, name: str, of_which: Mapping[str, float] | None = None) -> None:
        """Add what has passed since the last call to `name`, less the parts `of_which` that have names of their own."""
        last, self._last = self._last, self._now()
        passed = self._last - last
        for part, seconds in (of_which or {}).items():
            self.seconds[part] = self.seconds.get(part, 0.0) + seconds
            passed -= seconds
        self.seconds[name] = self.seconds.get(name, 0.0) + max(passed, 0.0)
