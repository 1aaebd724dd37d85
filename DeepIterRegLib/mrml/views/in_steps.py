"""Work that would stop the application for too long, a piece of it per turn of the event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

CallLater = Callable[[Callable[[], None], int], None]


class InSteps:
    """Does one thing at a time: what is started ends what was not finished.

    call_later: calls back once, in so many ms.
    """

    def __init__(self, call_later: CallLater) -> None:
        self._call_later = call_later
        self._steps: Iterator[None] | None = None
        self._on_done: Callable[[], None] = lambda: None

    @property
    def is_running(self) -> bool:
        return self._steps is not None

    def start(self, steps: Iterator[None], on_done: Callable[[], None] = lambda: None) -> None:
        """Go through an iterator, and then call `on_done`; the first step is done now: little work is done at once."""
        self._steps, self._on_done = steps, on_done
        self._step(steps)

    def stop(self) -> None:
        """Leave the rest undone."""
        self._steps = None

    def _step(self, steps: Iterator[None]) -> None:
        if steps is not self._steps:
            return
        try:
            next(steps)
        except StopIteration:
            self._steps = None
            self._on_done()
        else:
            self._call_later(lambda: self._step(steps), 0)


def at_once(steps: Iterator[None]) -> None:
    """Do all of it now."""
    for _ in steps:
        pass
