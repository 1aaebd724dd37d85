"""The C-arm's geometry as the user gives it, over what the file says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_presets import CArmPreset
from DeepIterRegLib.geometry.image_turn import UPRIGHT, ImageTurn
from DeepIterRegLib.images.reading_notes import note_decision
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID

_TAG_OF = {
    "primary_angle_deg": PRIMARY_ANGLE,
    "secondary_angle_deg": SECONDARY_ANGLE,
    "sdd_mm": SDD,
    "sid_mm": SID,
    "pixel_spacing_mm": PIXEL_SPACING,
}
WORDS = {
    "sdd_mm": "distance from the source to the detector",
    "sid_mm": "distance from the source to the isocentre",
    "pixel_spacing_mm": "pixel's size at the detector",
}
NUMBERS = tuple(_TAG_OF)
"""The fields of `GeometryOptions` that are values of the C-arm."""


@dataclass(frozen=True, eq=False)
class GeometryOptions:
    """What the user says about the C-arm; None leaves it to the file's tags.

    Raises InputError for numbers no C-arm has, and for a whole C-arm beside parts of one.
    """

    primary_angle_deg: float | None = None
    """LAO positive."""
    secondary_angle_deg: float | None = None
    """Cranial positive."""
    sdd_mm: float | None = None
    """Source to detector."""
    sid_mm: float | None = None
    """Source to isocentre."""
    pixel_spacing_mm: float | tuple[float, float] | None = None
    """Pixel size at the detector: one number, or (between rows, between columns)."""
    carm: CArm | None = None
    """The whole C-arm, instead of all of the above and the tags."""
    image_turn: ImageTurn | None = None
    """How the image lies against the upright one, over what the tags say."""
    preset: CArmPreset | None = None
    """What is taken where neither the user nor a tag says a value."""

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _TAG_OF if getattr(self, name) is not None}
        for name, value in given.items():
            tag = _TAG_OF[name]
            numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
            if not np.isfinite(numbers).all() or numbers.min() < tag.low or numbers.max() > tag.high:
                raise InputError(
                    "{number:g} {unit} is outside {low:g} to {high:g} {unit}; correct {field}.",
                    field=tag.field,
                    number=value,
                    unit=tag.unit,
                    low=tag.low,
                    high=tag.high,
                )
        if self.carm is not None and given:
            raise InputError(
                "{carm} is given as a whole; leave out {parts}.",
                field=Field.CARM,
                parts=[_TAG_OF[name].field for name in given],
            )
        if self.carm is not None and self.image_turn is not None:
            raise InputError(
                "{carm} is given as a whole; leave out {parts}.", field=Field.CARM, parts=[Field.IMAGE_TURN]
            )

    @property
    def says_something(self) -> bool:
        """Whether the user has said anything over the tags."""
        return any(getattr(self, name) is not None for name in (*NUMBERS, "carm", "image_turn"))

    def from_preset(self, name: str) -> float | None:
        """A value of the C-arm that nothing else says; None where the preset does not say it either."""
        number = None if self.preset is None else self.preset.number(name)
        if self.preset is not None and number is not None:
            note_decision(_TAG_OF[name].field, f"{number:g}", f"preset {self.preset.name}")
        return number

    def preset_sentence(self, name: str) -> str:
        """What a registration assumes where a value is the preset's."""
        assert self.preset is not None
        return (
            f"The {WORDS[name]} ({self.preset.number(name):g} mm) is that of the preset {self.preset.name}: check it"
            " against the system."
        )

    def carm_without_tags(
        self,
        rows: int,
        columns: int,
        file_name: str,
        principal_point_px: tuple[float, float] | None = None,
        image_turn: ImageTurn = UPRIGHT,
    ) -> CArm:
        """The C-arm of a file that carries no geometry. Raises InputError naming what is missing.

        principal_point_px, image_turn: as in `CArm.from_angles`, where they are known from before; what the user says
        of the turn wins.
        """
        if self.carm is not None:
            return require_size(self.carm, rows, columns, file_name)
        alpha_deg, beta_deg, sdd_mm, sid_mm = self.primary_angle_deg, self.secondary_angle_deg, self.sdd_mm, self.sid_mm
        spacing_mm = self.pixel_spacing_mm
        sdd_mm = self.from_preset("sdd_mm") if sdd_mm is None else sdd_mm
        sid_mm = self.from_preset("sid_mm") if sid_mm is None else sid_mm
        spacing_mm = self.from_preset("pixel_spacing_mm") if spacing_mm is None else spacing_mm
        if alpha_deg is None or beta_deg is None or sdd_mm is None or sid_mm is None or spacing_mm is None:
            known = {"sdd_mm": sdd_mm, "sid_mm": sid_mm, "pixel_spacing_mm": spacing_mm}
            missing = [tag.field for name, tag in _TAG_OF.items() if known.get(name, getattr(self, name)) is None]
            raise InputError(
                "{file} says nothing about the C-arm; give {missing}[, or {carm} as a whole].",
                field=Field.CARM,
                file=file_name,
                missing=missing,
            )
        return CArm.from_angles(
            primary_angle_deg=alpha_deg,
            secondary_angle_deg=beta_deg,
            sdd_mm=sdd_mm,
            sid_mm=sid_mm,
            pixel_spacing_mm=spacing_mm,
            rows=rows,
            columns=columns,
            principal_point_px=principal_point_px,
            image_turn=self.image_turn or image_turn,
        )

    def assumed_of_preset(self) -> tuple[str, ...]:
        """A sentence for each value that a file without tags gets from the preset."""
        if self.preset is None or self.carm is not None:
            return ()
        names = (name for name in WORDS if getattr(self, name) is None and self.preset.number(name) is not None)
        return tuple(self.preset_sentence(name) for name in names)


def require_size(carm: CArm, rows: int, columns: int, file_name: str) -> CArm:
    """The C-arm, if its detector has the image's pixels. Raises InputError."""
    if (carm.rows, carm.columns) != (rows, columns):
        raise InputError(
            "{file} has {rows} rows x {columns} columns, but the detector of {carm} has {carm_rows} x "
            "{carm_columns}; give the C-arm of this image.",
            field=Field.CARM,
            file=file_name,
            rows=rows,
            columns=columns,
            carm_rows=carm.rows,
            carm_columns=carm.columns,
        )
    return carm
