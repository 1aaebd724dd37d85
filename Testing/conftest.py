"""What holds for all tests: none leaves in memory what only it needed."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

# Before anything loads NumPy: on small arrays a second BLAS thread waits for the first one, and takes a core to wait.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A shell that starts the tests in the background has them ignore what some of them are about.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (getattr(signal, "SIGHUP", None), signal.SIG_DFL)):
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def memory_is_given_back() -> Iterator[None]:
    """A scene stays until it is closed, up to 20 MB, and the initializer keeps its last four networks, of 100 MB each.

    Modules that no test has loaded are left alone: most tests need neither.
    """
    yield
    scenes = sys.modules.get("DeepIterRegLib.mrml.nodes.scene")
    if scenes is not None:
        for scene in scenes.open_scenes():
            scenes.close_scene(scene)
    predictors = sys.modules.get("DeepIterRegLib.initializer.predictor")
    if predictors is not None:
        predictors._loaded.cache_clear()


ONE_FILE_ONLY = ("Testing.support.contrast_head", "Testing.support.adjust_case", "Testing.support.overlay_case")
"""Whose images no other file of tests asks for, or makes again in no time."""


@pytest.fixture(autouse=True, scope="module")
def module_gives_memory_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a file of tests keeps for itself goes with it, back to the system where the C library can be asked to."""
    yield
    for name in (request.module.__name__, *ONE_FILE_ONLY):
        for thing in vars(sys.modules.get(name, request.module)).values():
            if getattr(thing, "__module__", None) == name and hasattr(thing, "cache_clear"):
                thing.cache_clear()
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


HEAVY = ("research/train", "research/benchmark", "render", "initializer")
"""Folders of tests that load PyTorch and the reference renderers: a gigabyte, which one process shall have alone."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup`, the tests of a file stay together, and those that load PyTorch too."""
    for item in items:
        folder = item.path.parent.relative_to(config.rootpath / "Testing").as_posix()
        group = "PyTorch" if folder.startswith(HEAVY) else item.path.relative_to(config.rootpath).as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
