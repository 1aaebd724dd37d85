"""Skips the tests that import the adapter where PySide6 or slicer-core cannot be loaded, and says why."""

from __future__ import annotations

import pytest

pytest.importorskip("slicer", reason="slicer-core is not installed")
for _name in ("QtWidgets", "QtUiTools", "QtTest"):
    # ImportError and not only a missing module: on a bare machine a library that Qt needs may be missing.
    pytest.importorskip(f"PySide6.{_name}", reason="PySide6 cannot be loaded", exc_type=ImportError)
