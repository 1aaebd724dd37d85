"""Keeps what C++ libraries print (ITK, GDCM, VTK, codecs) out of the terminal: what matters is raised or returned."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
_readers = 0
_quiet = ExitStack()
"""What the last reader puts back."""


@contextmanager
def quiet_readers() -> Iterator[None]:
    """Swallow what ITK, GDCM, the codecs and pydicom write to standard error, and Python's warnings, in the block.

    Both belong to the whole process: of several threads that read, the first one switches off and the last one on.
    """
    global _readers
    with _lock:
        if _readers == 0:
            _quiet.enter_context(warnings.catch_warnings())
            _quiet.enter_context(descriptor_2_to_nowhere())
            warnings.simplefilter("ignore")
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                _quiet.close()


@contextmanager
def descriptor_2_to_nowhere() -> Iterator[int | None]:
    """Drop what is written to file descriptor 2 inside the block; gives a descriptor of where it went before.

    Those libraries do not write through `sys.stderr`. Where there is no such descriptor (a Windows application without
    a console) nothing is redirected, and None is given.
    """
    try:
        saved = os.dup(2)
    except OSError:
        yield None
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield saved
    finally:
        os.dup2(saved, 2)
        os.close(saved)


@contextmanager
def quiet_command(active: bool = True) -> Iterator[None]:
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
