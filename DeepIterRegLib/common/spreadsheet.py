"""Cells of CSV files that people open in a spreadsheet."""

from __future__ import annotations

FORMULA_SIGNS = ("=", "+", "-", "@")


def without_formula(text: str) -> str:
    """No formula for a spreadsheet."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def with_formula(text: str) -> str:
    """What `without_formula` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_SIGNS) else text
