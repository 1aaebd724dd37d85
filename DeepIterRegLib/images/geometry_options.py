"""The C-arm's geometry as the user gives it, over what the file says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.image_turn import UPRIGHT, ImageTurn
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID

_TAG_OF = {
    "primary_angle_deg": PRIMARY_ANGLE,
    "secondary_angle_deg": SECONDARY_ANGLE,
    "sdd_mm": SDD,
    "sid_mm": SID,
    "pixel_spacing_mm": PIXEL_SPACING,
}


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

    def carm_without_tags(
        self,
        rows: int,
        columns: int,
        file_name: str,
        principal_point_px: tuple[float, float] | None = None,
        image_turn: ImageTurn = UPRIGHT,
    ) -> CArm:
        """The C-arm of a file that carries no geometry. Raises InputError naming what is missing.

        principal_point_px, image_turn: as in `CArm.from_angles`, where they are known from before.
        """
        if self.carm is not None:
            return require_size(self.carm, rows, columns, file_name)
        alpha_deg, beta_deg, sdd_mm, sid_mm = self.primary_angle_deg, self.secondary_angle_deg, self.sdd_mm, self.sid_mm
        spacing_mm = self.pixel_spacing_mm
        if alpha_deg is None or beta_deg is None or sdd_mm is None or sid_mm is None or spacing_mm is None:
            missing = [tag.field for name, tag in _TAG_OF.items() if getattr(self, name) is None]
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
            image_turn=image_turn,
        )


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
