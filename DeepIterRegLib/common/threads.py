"""How many threads the matrix products of numpy and SciPy take."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def one_blas_thread(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function whose matrix products take one thread each, whatever the number of cores.

    OpenBLAS's threads wait by turning: where another process has a core they hold each other up, and sums in another
    order would make the result depend on the machine (docs/measurements/threads.md). threadpoolctl does it for all
    threads of the process until the function ends; Slicer's Python has none, and there the worker asks for one thread
    before numpy is imported (`one_blas_thread_from_the_start`), as the command does.
    """

    @wraps(function)
    def limited(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return function(*args, **kwargs)
        with threadpool_limits(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


def one_blas_thread_from_the_start() -> None:
    """The same for a process of our own, before numpy is imported; what the user has set stays."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")
