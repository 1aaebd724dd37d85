"""What holds for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def scenes_are_closed() -> Iterator[None]:
    """The scenes of a test go with it: hundreds of them, of up to 20 MB each, would be kept until the end."""
    yield
    module = sys.modules.get("DeepIterRegLib.mrml.nodes.scene")
    if module is not None:
        for scene in module.open_scenes():
            module.close_scene(scene)
