"""Files that are there as a whole or not at all, whatever interrupts their writing."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file to write into, which takes the place of `path`, on disk, when the block ends without an error.

    Otherwise `path` stays as it was. Several processes may write the same one: the last wins. Raises OSError.
    """
    partial = path.with_name(f".{path.stem}-{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
