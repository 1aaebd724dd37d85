"""How vessels and bones are drawn over the DSA: all the settings of the panel's Overlay section."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

Colour = tuple[float, float, float]
Style = Literal["filled", "outline"]
Comparison = Literal["none", "flicker", "checkerboard", "swipe"]
Moment = Literal["after", "before"]

ARTERY_RED: Colour = (0.92, 0.08, 0.10)
VEIN_BLUE: Colour = (0.13, 0.42, 0.95)
BONE_IVORY: Colour = (0.98, 0.80, 0.30)
MIN_TILE_MM, MAX_TILE_MM = 5.0, 100.0


@dataclass(frozen=True)
class OverlayLook:
    """What is drawn over the DSA. Raises ValueError for what cannot be drawn."""

    arteries: bool = True
    veins: bool = True
    artery_colour: Colour = ARTERY_RED
    """Red, green, blue, 0 to 1."""
    vein_colour: Colour = VEIN_BLUE
    opacity: float = 0.6
    """0 to 1, of the thickest vessels; not of checkerboard and swipe, which are opaque."""
    style: Style = "filled"
    comparison: Comparison = "none"
    swipe: float = 0.5
    """Share of the detector's width, from the left of the image, that shows the CTA."""
    tile_mm: float = 30.0
    """Edge of the checkerboard's squares on the detector."""
    frame: int | None = None
    """Number of the DSA's frame behind the overlay, from 0; None for the MinIP."""
    moment: Moment = "after"
    """The pose in use, or the one that the registration started from."""
    bones: bool | None = None
    """None: where CTA and DSA do not both show vessels."""
    bone_colour: Colour = BONE_IVORY

    def __post_init__(self) -> None:
        for name in ("arteries", "veins"):
            _require(isinstance(getattr(self, name), bool), name)
        _require(self.bones is None or isinstance(self.bones, bool), "bones")
        for name in ("artery_colour", "vein_colour", "bone_colour"):
            colour = tuple(float(value) for value in getattr(self, name))
            _require(len(colour) == 3 and all(0 <= value <= 1 for value in colour), name)
            object.__setattr__(self, name, colour)
        _require(0 <= self.opacity <= 1, "opacity")
        _require(0 <= self.swipe <= 1, "swipe")
        _require(MIN_TILE_MM <= self.tile_mm <= MAX_TILE_MM, "tile_mm")
        _require(self.frame is None or (isinstance(self.frame, int) and self.frame >= 0), "frame")
        _require(self.style in get_args(Style), "style")
        _require(self.comparison in get_args(Comparison), "comparison")
        _require(self.moment in get_args(Moment), "moment")

    def settled(self, bones_first: bool) -> OverlayLook:
        """The same with its bones shown or not. bones_first: CTA and DSA do not both show vessels."""
        return self if self.bones is not None else replace(self, bones=bones_first)

    @property
    def is_opaque(self) -> bool:
        """Whether the CTA's part hides the DSA below it."""
        return self.comparison in ("checkerboard", "swipe")


def look_to_json(look: OverlayLook) -> str:
    return json.dumps(asdict(look))


def look_from_json(text: str) -> OverlayLook:
    """What `look_to_json` wrote; settings that a later version added are left out. Raises ValueError."""
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("an overlay's look is a JSON object")
    names = {field.name for field in fields(OverlayLook)}
    try:
        return OverlayLook(**{name: value for name, value in values.items() if name in names})
    except TypeError as error:
        raise ValueError(str(error)) from error


def _require(fine: bool, name: str) -> None:
    if not fine:
        raise ValueError(f"{name} is out of range")
