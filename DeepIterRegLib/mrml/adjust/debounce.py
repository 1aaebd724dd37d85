"""What takes too long to be done at every step of a slider is done when it has come to rest."""

from __future__ import annotations

from collections.abc import Callable

CallLater = Callable[[Callable[[], None], int], None]
"""Calls back once, in so many ms."""


class AtRest:
    """Calls `callback` when nothing has `moved` for a while, with one wait at a time however much moves."""

    def __init__(self, callback: Callable[[], None], call_later: CallLater, rest_ms: int) -> None:
        self._callback = callback
        self._call_later = call_later
        self._rest_ms = rest_ms
        self._moves = 0
        self._waits = False

    def moved(self) -> None:
        self._moves += 1
        if not self._waits:
            self._wait()

    def stop(self) -> None:
        """Call back no longer, and let go of who was called: it holds this object, too."""
        self._callback = lambda: None

    def _wait(self) -> None:
        self._waits = True
        seen = self._moves

        def looked() -> None:
            self._waits = False
            if self._moves == seen:
                self._callback()
            else:
                self._wait()

        self._call_later(looked, self._rest_ms)
