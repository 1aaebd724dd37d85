"""Where the real images are, and a marker that skips a test when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CASES = Path(os.environ.get("DEEPITERREG_CASES", Path(__file__).resolve().parents[2] / "shared" / "cases"))

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"the real images are not at {CASES}")
