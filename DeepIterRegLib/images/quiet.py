"""Keeps the C++ libraries that read files from printing to the terminal: what matters is raised or returned."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Swallow what ITK, GDCM, the codecs and pydicom write to standard error, and Python's warnings, inside the block.

    The redirection is of file descriptor 2, because those libraries do not write through `sys.stderr`; where there is
    no such descriptor (a Windows application without a console) nothing is redirected.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            saved = os.dup(2)
        except OSError:
            yield
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(saved, 2)
                os.close(saved)
