"""In which forms a run can be stored, by name."""

from __future__ import annotations

from typing import Literal

StoredForm = Literal["raw", "subtracted", "exported", "native"]
"""raw: 12-bit frames with a tagged mask frame. subtracted: 12-bit differences without it. exported: differences after a
console's and an archive's treatment. native: the one frame before the contrast, without any tag of subtraction."""
StoredChoice = Literal["raw", "subtracted", "exported", "native", "mixed"]
"""mixed: raw for even seeds, subtracted for odd ones."""


def form_of(choice: StoredChoice, seed: int) -> StoredForm:
    """The form of patient `seed`."""
    if choice == "mixed":
        return "raw" if seed % 2 == 0 else "subtracted"
    return choice
