"""How imperfect a simulated segmentation is: one knob from truth to poor, or each kind of defect by itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from DeepIterRegLib.common.errors import InputError

QualityName = Literal["truth", "realistic", "poor"]
KNOBS: dict[QualityName, float] = {"truth": 0.0, "realistic": 0.5, "poor": 1.0}
"""Realistic is set by what is published about automatic segmentation. DSA: Dice 0.84 (SD 0.04) of the vessels, 0.79
(SD 0.06) of arteries and veins told apart (CAVE, Su et al. 2024, Comput Med Imaging Graph 115:102392). CTA: Dice about
0.85 of arteries, 0.74 of veins (Yadav et al. 2025, arXiv 2502.09893). Poor is what the paper means when it counts the
patients without those of "low-quality CTA segmentations"."""


@dataclass(frozen=True)
class SegmentationQuality:
    """How much there is of each defect: 0 none, 0.5 as in a clinic, 1 a lot. With equal random numbers the defects of
    a smaller amount are a part of those of a larger one."""

    missing_branches: float = 0.0
    """Thin branches that are lost with all that hangs on them."""
    gaps: float = 0.0
    """Vessels that are broken over some millimetres."""
    false_vessels: float = 0.0
    """Noise that looks like a vessel, and on the CTA also enhanced dura."""
    wrong_labels: float = 0.0
    """Branches whose label (artery, vein) is the other one."""
    calibre: float = 0.0
    """Vessels that are a voxel or pixel too thick or too thin."""
    merged_bone: float = 0.0
    """CTA: pieces of bone that stick to vessels."""
    lost_jugular: float = 0.0
    """CTA: one jugular vein is missing."""
    ghosts: float = 0.0
    """DSA: lines along the skull that motion left in the subtraction."""
    shutter: float = 0.0
    """DSA: nothing is marked along one edge of the image."""

    def __post_init__(self) -> None:
        for field in fields(self):
            amount = getattr(self, field.name)
            if not 0 <= amount <= 1:
                raise ValueError(f"{field.name} must be from 0 to 1, not {amount!r}")

    @classmethod
    def at(cls, knob: float) -> SegmentationQuality:
        """As much of every defect as `knob` (0 to 1) says."""
        return cls(*(knob for _ in fields(cls)))

    @classmethod
    def named(cls, name: str) -> SegmentationQuality:
        """Raises InputError for a name that there is not."""
        if name not in get_args(QualityName):
            raise InputError(f"There is no segmentation quality {name!r}; choose truth, realistic or poor.")
        return cls.at(KNOBS[name])  # type: ignore[index]
