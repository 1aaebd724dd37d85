"""The errors with which a job of the worker fails."""

from __future__ import annotations

from DeepIterRegLib.common.errors import UserError, input_error_from_json
from DeepIterRegLib.worker.protocol import Message


class WorkerError(UserError):
    """The worker could not do its job; the input is not to blame."""


def failure_of(message: Message) -> UserError:
    """Of a `failed` message. Raises KeyError, TypeError or ValueError for one of a wrong shape."""
    if message["kind"] == "input":
        return input_error_from_json(message["error"])
    if message["kind"] == "memory":
        return out_of_memory()
    return WorkerError(
        "The registration failed because of a mistake in DeepIterReg ({exception} in {place}); please report it.",
        exception=message["exception"],
        place=message["place"],
    )


def out_of_memory() -> UserError:
    return WorkerError(
        "There is not enough memory for the registration; close other programs, or crop the CTA to the head."
    )


def disk_full() -> UserError:
    return WorkerError("The images cannot be written to the temporary folder; make room on its disk.")


def ended() -> UserError:
    return WorkerError(
        "The registration's process ended, perhaps because the memory ran out; press Register to try again."
    )


def not_started() -> UserError:
    return WorkerError(
        "The registration's process cannot be started; restart the application, and if that does not help, install it"
        " and the extension again."
    )


def other_version() -> UserError:
    return WorkerError("The registration's process is of another version of DeepIterReg; restart the application.")


def no_sense() -> UserError:
    return WorkerError("The registration's process gave an answer that makes no sense; press Register to try again.")


def silent(seconds: float) -> UserError:
    return WorkerError(
        "The registration's process did not answer for {seconds:.0f} s and was ended; press Register to try again.",
        seconds=seconds,
    )
