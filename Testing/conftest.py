"""What holds for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def scenes_are_released() -> Iterator[None]:
    """The scenes of a file go with it: hundreds of them, of 20 MB each, would be kept until the end."""
    yield
    scenes = sys.modules.get("DeepIterRegLib.mrml.scene")
    if scenes is not None:
        scenes.release_scenes()
