"""Where the repository is, and where tests leave pictures to look at."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "Testing" / "output"
