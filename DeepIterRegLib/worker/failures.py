"""What becomes of an exception: an answer without any value of the patient's."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError

LIBRARY = Path(__file__).resolve().parents[1]


def failure(error: BaseException) -> dict[str, Any]:
    """The fields of a `failed` message.

    kind: "input" with an InputError as `to_json` gives it, "memory", or "internal" with the exception's type and its
    place in our code. What an unexpected exception says is left out: it may quote a file name or a tag.
    """
    if isinstance(error, InputError):
        return {"kind": "input", "error": error.to_json()}
    if is_out_of_memory(error):
        return {"kind": "memory"}
    return {"kind": "internal", "exception": type(error).__name__, "place": place_of(error)}


def place_of(error: BaseException) -> str:
    """The innermost line of this library that an exception went through: "preparation/cta.py:52"."""
    place = "unknown"
    for frame in traceback.extract_tb(error.__traceback__):
        file = Path(frame.filename)
        if file.is_relative_to(LIBRARY):
            place = f"{file.relative_to(LIBRARY).as_posix()}:{frame.lineno}"
    return place


def trace_of(error: BaseException) -> str:
    """Types of an exception and those behind it, and the lines they went through, for the debugging option."""
    lines: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        lines.append(type(cause).__name__)
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(cause.__traceback__)
        ]
        cause = cause.__cause__ or cause.__context__
    return "\n".join(lines) + "\n"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the memory ran out, as Python and numpy say it or, in words, ITK and the loader of libraries."""
    words = {RuntimeError: "allocate memory", ImportError: "failed to map segment"}
    return isinstance(error, MemoryError) or any(
        isinstance(error, kind) and said in str(error) for kind, said in words.items()
    )
