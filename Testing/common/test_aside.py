"""Work beside the caller's, and readers that keep quiet in several threads."""

from __future__ import annotations

import os
import threading
import warnings

import pytest

from DeepIterRegLib.common.aside import aside, failing_with
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.common.quiet import quiet_readers


def fail():
    raise InputError("It is broken.")


def test_the_result_or_the_error_of_another_thread():
    assert aside(lambda: threading.current_thread()).result() is not threading.current_thread()
    with pytest.raises(InputError, match="broken"):
        aside(fail).result()


def test_progress_ends_when_the_other_thread_has_failed():
    told = []
    go_on = threading.Event()
    other = aside(lambda: go_on.wait(10) and fail())
    tell = failing_with(other, told.append)
    tell(Progress("here", 0.1))
    go_on.set()
    other.exception()
    with pytest.raises(InputError):
        tell(Progress("here", 0.2))
    assert [step.fraction for step in told] == [0.1]


def test_two_threads_that_read_leave_standard_error_and_warnings_as_they_were(capfd):
    begun, end = threading.Event(), threading.Event()
    filters = list(warnings.filters)

    def read():
        with quiet_readers():
            begun.set()
            end.wait(10)
            os.write(2, b"second\n")

    with quiet_readers():
        other = aside(read)
        begun.wait(10)
    os.write(2, b"still quiet\n")
    end.set()
    other.result()
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
    assert list(warnings.filters) == filters
