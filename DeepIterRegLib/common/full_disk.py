"""A full disk, told in a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""No space, or none for this user; Windows knows the first alone."""


@contextmanager
def full_disk_explained(folder: Path, field: Field | None = Field.OUTPUT) -> Iterator[None]:
    """Turn the system's error for a full disk into an InputError that names `folder`.

    field: what the folder was given for.
    """
    try:
        yield
    except OSError as error:
        if not _is_full(error):
            raise
        raise InputError(
            "The disk of the output folder {file} is full; free some space[, or choose another for {field}].",
            field=field,
            file=folder,
        ) from error


def _is_full(error: BaseException | None) -> bool:
    """True if the error, or one that it was made of, says so: pydicom's leaves out the number."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False
