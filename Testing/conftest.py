"""What holds for all tests: none leaves in memory what only it needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

# Before anything loads NumPy: on small arrays a second BLAS thread waits for the first one, and takes a core to wait.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


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
