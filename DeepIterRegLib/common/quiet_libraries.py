"""Keep what ITK, GDCM and VTK print from C++ out of the terminal: the errors that matter arrive as exceptions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from DeepIterRegLib.common.quiet import descriptor_2_to_nowhere


@contextmanager
def quiet_libraries(active: bool = True) -> Iterator[None]:
    """Send the process's file descriptor 2 to nowhere while Python's own `sys.stderr` keeps going where it went."""
    if not active:
        yield
        return
    python_stderr = sys.stderr
    try:
        writes_to_descriptor_2 = python_stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        writes_to_descriptor_2 = False
    with descriptor_2_to_nowhere() as terminal:
        if terminal is None or not writes_to_descriptor_2:
            yield
            return
        sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, encoding=python_stderr.encoding, errors="replace")
        try:
            yield
        finally:
            sys.stderr.close()
            sys.stderr = python_stderr
