"""The sentences with which a job of the worker fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.worker.protocol import Message


class WorkerWords:
    """Sentences for the user. translate: whole sentences, before numbers and names are put in."""

    def __init__(self, translate: Callable[[str], str] = str) -> None:
        self._ = translate

    def failed(self, message: Message) -> str:
        """Of a `failed` message. Raises KeyError for one of a wrong shape."""
        if message["kind"] == "input":
            return str(message["sentence"])
        if message["kind"] == "memory":
            return self.out_of_memory()
        return self._(
            "The registration failed because of a mistake in DeepIterReg ({exception} in {place}); please report it."
        ).format(exception=message["exception"], place=message["place"])

    def out_of_memory(self) -> str:
        return self._(
            "There is not enough memory for the registration; close other programs, or crop the CTA to the head."
        )

    def disk_full(self) -> str:
        return self._("The images cannot be written to the temporary folder; make room on its disk.")

    def ended(self) -> str:
        return self._(
            "The registration's process ended, perhaps because the memory ran out; press Register to try again."
        )

    def not_started(self) -> str:
        return self._(
            "The registration's process cannot be started; restart the application, and if that does not help, install"
            " it and the extension again."
        )

    def other_version(self) -> str:
        return self._("The registration's process is of another version of DeepIterReg; restart the application.")

    def no_sense(self) -> str:
        return self._("The registration's process gave an answer that makes no sense; press Register to try again.")

    def silent(self, seconds: Any) -> str:
        return self._(
            "The registration's process did not answer for {seconds:.0f} s and was ended; press Register to try again."
        ).format(seconds=seconds)
