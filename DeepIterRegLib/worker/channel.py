"""The worker's own ends of standard input and output, which no library can write into or read from."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from DeepIterRegLib.worker.protocol import Message, line_of, message_of


class Channel:
    """Sends and receives messages; any thread may send."""

    def __init__(self, source: BinaryIO, target: BinaryIO) -> None:
        self._source = source
        self._target = target
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send at once. That the application is gone is for the reader to find out."""
        line = line_of(message)
        with self._lock, suppress(OSError, ValueError):
            self._target.write(line)
            self._target.flush()

    def received(self) -> Iterator[Message]:
        """Messages as they come, until the application closes its end or is gone."""
        with suppress(OSError, ValueError):
            for line in iter(self._source.readline, b""):
                found = message_of(line)
                if found is not None:
                    yield found


@dataclass(frozen=True)
class StandardStreams:
    """What the process was started with, while descriptors 0, 1 and 2 lead nowhere."""

    channel: Channel
    errors: BinaryIO | None
    """The original standard error, where there is one: for the debugging option alone."""


def take_standard_streams() -> StandardStreams:
    """Take standard input and output for messages, and point the descriptors that libraries know to nowhere.

    What ITK, GDCM or a codec prints may name a patient, and would come between two messages. A library that looked at
    a standard input on which a thread waits would hang on Windows.
    """
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    errors: BinaryIO | None = None
    with suppress(OSError):
        errors = os.fdopen(os.dup(2), "wb")
    for descriptor, flag in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        nowhere = os.open(os.devnull, flag)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
    return StandardStreams(Channel(source, target), errors)
