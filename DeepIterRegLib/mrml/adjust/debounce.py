"""Debouncing: what takes too long for every step of a slider is done once the slider has come to rest."""

from __future__ import annotations

from collections.abc import Callable

CallLater = Callable[[Callable[[], None], int], None]
"""Calls back once, in so many ms."""


class Debounced:
    """Calls `callback` once nothing has `changed` for `quiet_ms`, with one timer at a time however much changes."""

    def __init__(
        self,
        callback: Callable[[], None],
        call_later: CallLater,
        quiet_ms: int,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """is_busy: the rest does not count while this is true, as while a button of the mouse is down."""
        self._is_busy = is_busy
        self._callback = callback
        self._call_later = call_later
        self._quiet_ms = quiet_ms
        self._changes = 0
        self._timer_runs = False

    def changed(self) -> None:
        self._changes += 1
        if not self._timer_runs:
            self._start_timer()

    def stop(self) -> None:
        """Call back no longer, and let go of who was called: it holds this object, too."""
        self._callback = lambda: None

    def _start_timer(self) -> None:
        self._timer_runs = True
        changes_before = self._changes

        def timed_out() -> None:
            self._timer_runs = False
            if self._changes == changes_before and not self._is_busy():
                self._callback()
            else:
                self._start_timer()

        self._call_later(timed_out, self._quiet_ms)
