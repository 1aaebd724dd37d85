"""A full disk, told in a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from DeepIterRegLib.common.errors import InputError

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""No space, or none for this user; Windows knows the first alone."""


@contextmanager
def full_disk_explained(folder: Path, option: str = "--output DIR") -> Iterator[None]:
    """Turn the system's error for a full disk into an InputError that names `folder` and the option that gave it."""
    try:
        yield
    except OSError as error:
        if not _is_full(error):
            raise
        raise InputError(
            f"The disk of the output folder {folder.name or folder} is full; free some space, or choose another with"
            f" {option}."
        ) from error


def _is_full(error: BaseException | None) -> bool:
    """True if the error, or one that it was made of, says so: pydicom's leaves out the number."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
