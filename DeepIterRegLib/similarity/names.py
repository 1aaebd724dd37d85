"""The similarity measures by name, for options and tables: importing them loads nothing."""

from __future__ import annotations

from DeepIterRegLib.common.errors import Field, InputError

NCC = "ncc"
MUTUAL_INFORMATION = "mutual_information"
NORMALIZED_MUTUAL_INFORMATION = "normalized_mutual_information"
DICE = "dice"
GRADIENT_CORRELATION = "gradient_correlation"
GRADIENT_DIFFERENCE = "gradient_difference"
PATTERN_INTENSITY = "pattern_intensity"
ENTROPY_OF_DIFFERENCE = "entropy_of_difference"

SIMILARITY_NAMES = (
    NCC,
    MUTUAL_INFORMATION,
    NORMALIZED_MUTUAL_INFORMATION,
    DICE,
    GRADIENT_CORRELATION,
    GRADIENT_DIFFERENCE,
    PATTERN_INTENSITY,
    ENTROPY_OF_DIFFERENCE,
)
"""Every measure there is, the default of the published method first."""


def require_similarity(name: str) -> None:
    """Raises InputError for a name that is not in `SIMILARITY_NAMES`."""
    if name not in SIMILARITY_NAMES:
        raise InputError(
            "There is no similarity {name}; choose one of {names}.",
            field=Field.SIMILARITY,
            name=repr(name),
            names=", ".join(SIMILARITY_NAMES),
        )
