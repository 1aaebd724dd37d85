"""What tests of the experiments share."""

from __future__ import annotations

import pytest

from DeepIterRegLib.research.evaluate import capture_range, confidence_intervals


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals by the bootstrap in a fraction of the time, for tests that ask whether there is one."""
    for module in (capture_range, confidence_intervals):
        monkeypatch.setattr(module, "RESAMPLES", 50)
