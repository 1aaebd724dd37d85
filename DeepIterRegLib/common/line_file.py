"""Text files that grow by a line at a time, so that nothing done is lost when a command is interrupted."""

from __future__ import annotations

import os
from pathlib import Path

from DeepIterRegLib.common.errors import InputError


def append_line(path: Path, line: str) -> None:
    """Add `line` to the end of a file; on disk when this returns. Raises OSError."""
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def drop_torn_line(path: str | os.PathLike[str]) -> None:
    """Cut off a last line without its end, so that the next row does not continue it; no file is no harm."""
    path = Path(path)
    if path.exists():
        kept = len(whole_lines(path).encode("utf-8"))
        if kept < path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(kept)


def whole_lines(path: Path) -> str:
    """The text up to the last line's end: no cell of ours holds one. Raises InputError where it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError("There are no results {file} in {folder}.", file=path, folder=path.parent.name) from error
    except OSError as error:
        raise InputError("{file} cannot be read: {reason}.", file=path, reason=error.strerror) from error
    try:
        return data[: data.rfind(b"\n") + 1].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("{file} is no table of results; choose another output folder.", file=path) from error
