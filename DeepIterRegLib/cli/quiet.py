"""Keep what ITK, GDCM and VTK print from C++ out of the terminal: the errors that matter arrive as exceptions."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries(active: bool = True) -> Iterator[None]:
    """Send the process's file descriptor 2 to nowhere while Python's own `sys.stderr` keeps going where it went."""
    if not active:
        yield
        return
    try:
        writes_to_descriptor_2 = sys.stderr.fileno() == 2
    except (OSError, ValueError, AttributeError):
        writes_to_descriptor_2 = False
    sys.stderr.flush()
    original = os.dup(2)
    python_stderr = sys.stderr
    if writes_to_descriptor_2:
        sys.stderr = os.fdopen(os.dup(original), "w", buffering=1, encoding=python_stderr.encoding, errors="replace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(original, 2)
        os.close(original)
        if writes_to_descriptor_2:
            sys.stderr.close()
            sys.stderr = python_stderr
