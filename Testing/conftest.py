"""What holds for all tests: none leaves in memory what only it needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


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
