"""How the application and its worker talk: one JSON object per line, each with a `type`. Imported on both sides.

Arrays never travel in a line, but as .npy and .npz files in a private folder that the message names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

PROTOCOL_VERSION = 6
"""Raised when either side would misread the other."""

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; a report has some thousand. What is longer is no message of ours."""

Message = dict[str, Any]


def line_of(message: Mapping[str, Any]) -> bytes:
    """A message as a line with its end. Raises ValueError for a number that is not finite, TypeError for no JSON."""
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"


def message_of(line: bytes) -> Message | None:
    """The message in a line, None for anything that is not one of ours: chatter of a library, a half line."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("type"), str) else None


class LineBuffer:
    """Puts messages together from the pieces in which a pipe delivers them."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def messages(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with `data`; lines that are none are passed over."""
        *complete, rest = data.split(b"\n")
        for end in complete:
            line = b"".join((*self._pieces, end))
            self._pieces, self._size = [], 0
            found = message_of(line)
            if found is not None:
                yield found
        self._size += len(rest)
        if self._size > LONGEST_LINE:
            self._pieces, self._size = [b"?"], 1  # What follows up to the line's end is no message either.
        elif rest:
            self._pieces.append(rest)
