"""Ctrl-C and its relatives: every request to end cancels cleanly, and none falls into the moment of writing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

POLITE_ENDS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""A closed terminal, a cluster's time limit, `docker stop`; Windows has no SIGHUP."""


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Raise KeyboardInterrupt on the other signals that ask a process to end, so that temporary files go.

    What somebody ignores on purpose (`nohup`) stays ignored. Does nothing outside the main thread, which alone may
    set handlers.
    """
    chosen = [number for number in POLITE_ENDS if _is_main_thread() and signal.getsignal(number) is signal.SIG_DFL]
    with _handled(chosen, signal.default_int_handler):
        yield


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore requests to end: for the moment in which half of the work would be worse than all or nothing."""
    with _handled([signal.SIGINT, *POLITE_ENDS] if _is_main_thread() else [], signal.SIG_IGN):
        yield


@contextmanager
def noted() -> Iterator[Callable[[], bool]]:
    """Until the block ends, only note a request to end: the function yielded tells whether there was one.

    For work that can stop between two steps but not within one. The second request ends it at once, by
    KeyboardInterrupt. What is ignored on purpose stays so.
    """
    asked = False

    def note(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    heard = [number for number in (signal.SIGINT, *POLITE_ENDS) if signal.getsignal(number) is not signal.SIG_IGN]
    with _handled(heard if _is_main_thread() else [], note):
        yield lambda: asked


@contextmanager
def _handled(numbers: list[int], handler: Any) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in previous.items():
            # None: a handler that was not set from Python and cannot be put back from here.
            signal.signal(number, signal.SIG_DFL if old is None else old)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
