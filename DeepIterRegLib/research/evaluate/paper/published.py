"""What the paper found: every number of its section "Experiments and results", by figure.

Source: Downs et al., Improving automatic cerebral 3D-2D CTA-DSA registration, IJCARS 20, 1451-1460 (2025), doi
10.1007/s11548-025-03412-2.
The points of its figures are not published; their numbers are. Figures 6 and 7: 94 patients; Figures 8 and 9 and the
refinement by the MinIP: 20; Table 1: 14 patients, 42 comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["Figure 6", "Figure 7", "Figure 8", "Figure 9", "MinIP-based refinement", "Table 1"]
Unit = Literal["px", "mm", "%", "times", "p"]
Quantity = Literal[
    "mean MPE before", "95th percentile of MPE before", "mean MPE after", "mean MPE after, successes", "successes",
    "capture range", "times preferred", "three-stage against reference, Wilcoxon",
]  # fmt: skip
Of = Literal["", "without initializer", "with initializer", "two-stage", "three-stage", "reference"]
"""Which registrations; "" where there is one kind."""


@dataclass(frozen=True)
class Published:
    """One number."""

    place: Place
    quantity: Quantity
    of: Of
    unit: Unit
    value: float


PUBLISHED = (
    Published("Figure 6", "mean MPE before", "without initializer", "px", 26),
    Published("Figure 6", "mean MPE before", "without initializer", "mm", 22.7),
    Published("Figure 6", "95th percentile of MPE before", "without initializer", "px", 55),
    Published("Figure 6", "mean MPE after", "without initializer", "px", 21),
    Published("Figure 6", "mean MPE after", "without initializer", "mm", 18.3),
    Published("Figure 7", "successes", "without initializer", "%", 39),
    Published("Figure 7", "capture range", "without initializer", "px", 25),
    Published("Figure 8", "capture range", "without initializer", "px", 20),
    Published("Figure 8", "capture range", "with initializer", "px", 40),
    Published("Figure 9", "successes", "without initializer", "%", 55),
    Published("Figure 9", "successes", "with initializer", "%", 70),
    Published("Figure 9", "mean MPE before", "without initializer", "px", 24),
    Published("Figure 9", "mean MPE before", "without initializer", "mm", 21.1),
    Published("Figure 9", "mean MPE after", "without initializer", "px", 11),
    Published("Figure 9", "mean MPE after", "without initializer", "mm", 9.7),
    Published("Figure 9", "mean MPE after", "with initializer", "px", 8),
    Published("Figure 9", "mean MPE after", "with initializer", "mm", 7.62),
    Published("Figure 9", "mean MPE after, successes", "without initializer", "px", 1.9),
    Published("Figure 9", "mean MPE after, successes", "without initializer", "mm", 1.7),
    Published("Figure 9", "mean MPE after, successes", "with initializer", "px", 2.44),
    Published("Figure 9", "mean MPE after, successes", "with initializer", "mm", 2.13),
    Published("MinIP-based refinement", "successes", "two-stage", "%", 70),
    Published("MinIP-based refinement", "successes", "three-stage", "%", 70),
    Published("MinIP-based refinement", "mean MPE after, successes", "two-stage", "mm", 2.13),
    Published("MinIP-based refinement", "mean MPE after, successes", "three-stage", "mm", 2.08),
    Published("Table 1", "times preferred", "three-stage", "times", 13),
    Published("Table 1", "times preferred", "two-stage", "times", 9),
    Published("Table 1", "times preferred", "reference", "times", 6),
    Published("Table 1", "three-stage against reference, Wilcoxon", "", "p", 0.0146),
)
_BY_NAME = {(one.place, one.quantity, one.of, one.unit): one.value for one in PUBLISHED}


def published(place: Place, quantity: Quantity, of: Of, unit: Unit) -> float:
    """One of them. Raises KeyError for one that there is not."""
    return _BY_NAME[place, quantity, of, unit]
