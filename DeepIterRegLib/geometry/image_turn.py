"""How a stored image lies against the upright one: consoles rotate by right angles, and mirror."""

from __future__ import annotations

from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray

QUARTER_DEG = 90


@dataclass(frozen=True)
class ImageTurn:
    """First turned clockwise, then mirrored left to right, as DICOM's Field of View Rotation (0018,7032) and Horizontal
    Flip (0018,7034) are defined (PS3.3 C.8.11.4)."""

    quarter_turns: int = 0
    """0 to 3, clockwise."""
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.quarter_turns not in range(4):
            raise ValueError("quarter_turns must be 0 to 3")

    def axes(self, column_direction: FloatArray, row_direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The directions in which columns and rows of the stored image increase, from those of the upright image."""
        right, down = column_direction, row_direction
        for _ in range(self.quarter_turns):
            right, down = -down, right
        return (-right if self.mirrored else right), down

    @property
    def swaps_axes(self) -> bool:
        """Whether the stored image's rows run along the upright one's columns."""
        return self.quarter_turns % 2 == 1

    def __str__(self) -> str:
        turned = f"rotated clockwise by {self.quarter_turns * QUARTER_DEG} degrees" if self.quarter_turns else ""
        mirrored = "mirrored left to right" if self.mirrored else ""
        return " and ".join(part for part in (turned, mirrored) if part) or "upright"


UPRIGHT = ImageTurn()
ALL_TURNS = tuple(ImageTurn(quarter, mirrored) for mirrored in (False, True) for quarter in range(4))
