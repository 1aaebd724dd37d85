"""An output folder that grows over hours has one writer: two commands at once would mix their lines."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.staged_output import unwritable

LOCK_FILE = ".lock"
"""Stays when its writer has ended; the system forgets the lock itself even if that was killed."""
CANNOT_LOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Of disks of some clusters: there nobody is kept out."""


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other commands out of it for the length of the block.

    Raises InputError where another one is at work in it (also this process), where it cannot be written, and where
    filelock is missing.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise InputError(
            "Two commands at once would spoil an output folder, and nothing keeps them apart; install filelock."
        ) from error
    lock = FileLock(folder / LOCK_FILE, blocking=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            "Another command is writing into {file}; wait until it has ended, or choose another for {output}.",
            field=Field.OUTPUT,
            file=folder,
        ) from error
    except OSError as error:
        if error.errno not in CANNOT_LOCK:
            raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()
