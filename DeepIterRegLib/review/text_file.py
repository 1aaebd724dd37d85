"""The text of a small file that a reader or a study leader gives."""

from __future__ import annotations

from pathlib import Path

from DeepIterRegLib.common.errors import InputError

MAX_BYTES = 10_000_000
"""Of answers or a key: theirs are some kilobytes."""


def text_of(path: Path) -> str:
    """Raises InputError for what is no text, too large, or cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("{file} is too large to be of a blind comparison; give another file.", file=path)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            "{file} cannot be read ({reason}); give another file.", file=path, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("{file} is not a text file; give another file.", file=path) from error
