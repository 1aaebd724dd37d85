"""Where the real images are, and a marker that skips a test when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from Testing.support.paths import ROOT

CASES = Path(os.environ.get("DEEPITERREG_CASES", ROOT.parent / "shared" / "cases"))

needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"the real images are not at {CASES}")
