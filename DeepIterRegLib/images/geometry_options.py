"""The C-arm's geometry as the user gives it, over what the file says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID, Tag

_TAG_OF_OPTION = {
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
    """LAO positive (--primary-angle)."""
    secondary_angle_deg: float | None = None
    """Cranial positive (--secondary-angle)."""
    sdd_mm: float | None = None
    """Source to detector (--sdd)."""
    sid_mm: float | None = None
    """Source to isocentre (--sid)."""
    pixel_spacing_mm: float | tuple[float, float] | None = None
    """Pixel size at the detector: one number, or (between rows, between columns) (--pixel-spacing)."""
    carm: CArm | None = None
    """The whole C-arm (--carm), instead of all of the above and the tags."""

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _TAG_OF_OPTION if getattr(self, name) is not None}
        for name, value in given.items():
            tag = _TAG_OF_OPTION[name]
            numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
            if not np.isfinite(numbers).all() or numbers.min() < tag.low or numbers.max() > tag.high:
                raise InputError(f"{_option(tag)} {value} is not between {tag.low:g} and {tag.high:g} {tag.unit}.")
        if self.carm is not None and given:
            parts = " ".join(_option(_TAG_OF_OPTION[name]) for name in given)
            raise InputError(f"--carm already holds the whole geometry; leave out {parts}.")

    def carm_without_tags(self, rows: int, columns: int, file_name: str) -> CArm:
        """The C-arm of a file that carries no geometry. Raises InputError naming the options that are missing."""
        if self.carm is not None:
            return require_size(self.carm, rows, columns, file_name)
        alpha_deg, beta_deg, sdd_mm, sid_mm = self.primary_angle_deg, self.secondary_angle_deg, self.sdd_mm, self.sid_mm
        spacing_mm = self.pixel_spacing_mm
        if alpha_deg is None or beta_deg is None or sdd_mm is None or sid_mm is None or spacing_mm is None:
            missing = [tag.option for name, tag in _TAG_OF_OPTION.items() if getattr(self, name) is None]
            raise InputError(
                f"{file_name} says nothing about the C-arm; give {' '.join(missing)}, or the whole geometry with"
                " --carm FILE."
            )
        return CArm.from_angles(
            primary_angle_deg=alpha_deg,
            secondary_angle_deg=beta_deg,
            sdd_mm=sdd_mm,
            sid_mm=sid_mm,
            pixel_spacing_mm=spacing_mm,
            rows=rows,
            columns=columns,
        )


def _option(tag: Tag) -> str:
    return tag.option.split()[0]


def require_size(carm: CArm, rows: int, columns: int, file_name: str) -> CArm:
    """The C-arm, if its detector has the image's pixels. Raises InputError."""
    if (carm.rows, carm.columns) != (rows, columns):
        raise InputError(
            f"{file_name} has {rows} rows x {columns} columns, but the detector of --carm has {carm.rows} x"
            f" {carm.columns}; give the C-arm of this image."
        )
    return carm
