"""Exceptions in signal handlers, timers and VTK's observers. Slicer prints them and goes on; a test wants to know."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

recorded: list[Exception] = []
"""Exceptions since they were raised last; a test that expects one takes it out."""


def guarded(callable_: Callable[..., Any]) -> Callable[..., Any]:
    """The callable, with its exceptions printed and recorded instead of raised through Qt's C++ code."""

    def call(*arguments: Any) -> Any:
        try:
            return callable_(*arguments)
        except Exception as error:
            traceback.print_exc()
            recorded.append(error)

    return call


@contextmanager
def observed() -> Iterator[None]:
    """Record what VTK and PySide would only print while the block runs."""
    before = sys.excepthook
    sys.excepthook = _record
    recorded.clear()
    try:
        yield
    finally:
        sys.excepthook = before


def _record(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    traceback.print_exception(kind, error, trace)
    if isinstance(error, Exception):
        recorded.append(error)


def raise_recorded() -> None:
    """Raise the first exception that a handler ended with, and forget all of them."""
    if recorded:
        first = recorded[0]
        recorded.clear()
        raise first
