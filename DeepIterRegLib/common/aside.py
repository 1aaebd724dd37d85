"""Work that goes on beside the caller's: numpy, SciPy, ITK and zlib release the interpreter's lock, so it takes another
core."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from DeepIterRegLib.common.progress import Progress, ProgressCallback

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def aside(
    function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Future[Result]:
    """Begin a call in a thread of its own; `result()` waits for it, and raises what it raised.

    A process that is cancelled says so at once, and ends when the call has ended: a library that comes back to an
    interpreter that is gone would crash it.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run).start()
    return future


def failing_with(other: Future[Result], progress: ProgressCallback) -> ProgressCallback:
    """`progress`, which raises what the other one has raised: nobody waits for the rest then."""

    def tell(step: Progress) -> None:
        if other.done():
            other.result()
        progress(step)

    return tell
