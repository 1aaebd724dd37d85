"""The C-arm: where the X-ray source and the detector's pixels are. Frames and signs: docs/DESIGN.md, "Frames".

By hand, because no library knows both the angles of DICOM's positioner and a detector that may be anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, UPRIGHT, ImageTurn

MIN_SDD_MM, MAX_SDD_MM = 300.0, 3000.0
MIN_PIXEL_SPACING_MM, MAX_PIXEL_SPACING_MM = 0.01, 20.0
ORTHOGONALITY_TOLERANCE = 1e-3
PLANE_VECTORS = ("source_mm", "detector_origin_mm", "column_direction", "row_direction")
"""The fields of a `CArm` that are points and directions: (3,), C-arm frame."""


@dataclass(frozen=True, eq=False)
class CArm:
    """One C-arm position and its detector, as a source point and a plane of pixels in the C-arm frame (mm).

    Use `from_angles` for the tags of an isocentric system, `from_projection_matrix` for a calibrated one, or the
    constructor for explicit positions. Raises InputError for a detector that is not a plane of pixels in front of the
    source.
    """

    source_mm: FloatArray
    """(3,) X-ray source."""
    detector_origin_mm: FloatArray
    """(3,) centre of the first pixel (column 0, row 0)."""
    column_direction: FloatArray
    """(3,) unit vector in which the column number increases (`u` in DESIGN.md)."""
    row_direction: FloatArray
    """(3,) unit vector in which the row number increases (`v`)."""
    pixel_spacing_mm: tuple[float, float]
    """Distance between rows, then between columns, as in DICOM's Imager Pixel Spacing."""
    rows: int
    columns: int
    primary_angle_deg: float | None = None
    """LAO positive; None where the C-arm was given without angles."""
    secondary_angle_deg: float | None = None
    """Cranial positive."""

    def __post_init__(self) -> None:
        for name in PLANE_VECTORS:
            vector = np.array(getattr(self, name), dtype=np.float64)
            if vector.shape != (3,) or not np.isfinite(vector).all():
                raise InputError(
                    "The C-arm's {name} must be three finite numbers, not {value}.",
                    field=Field.CARM,
                    name=name,
                    value=repr(getattr(self, name)),
                )
            vector.setflags(write=False)
            object.__setattr__(self, name, vector)
        u, v = self.column_direction, self.row_direction
        lengths = np.linalg.norm(u), np.linalg.norm(v)
        if max(abs(length - 1) for length in lengths) > ORTHOGONALITY_TOLERANCE or abs(u @ v) > ORTHOGONALITY_TOLERANCE:
            raise InputError(
                "The C-arm's column_direction and row_direction must be orthogonal unit vectors.", field=Field.CARM
            )
        if self.rows < 1 or self.columns < 1:
            raise InputError(
                "The detector must have at least one pixel, not {rows} rows x {columns} columns.",
                field=Field.CARM,
                rows=self.rows,
                columns=self.columns,
            )
        for spacing_mm in self.pixel_spacing_mm:
            if not MIN_PIXEL_SPACING_MM <= spacing_mm <= MAX_PIXEL_SPACING_MM:
                raise InputError(
                    "A detector pixel of {pixel_mm:g} mm is outside {low:g} to {high:g} mm; correct {pixel_spacing}.",
                    field=Field.PIXEL_SPACING,
                    pixel_mm=spacing_mm,
                    low=MIN_PIXEL_SPACING_MM,
                    high=MAX_PIXEL_SPACING_MM,
                )
        if not MIN_SDD_MM <= self.sdd_mm <= MAX_SDD_MM:
            raise InputError(
                "A source-to-detector distance of {distance_mm:.0f} mm is outside {low:g} to {high:g} mm; "
                "correct {sdd}.",
                field=Field.SDD,
                distance_mm=self.sdd_mm,
                low=MIN_SDD_MM,
                high=MAX_SDD_MM,
            )

    @classmethod
    def from_angles(
        cls,
        primary_angle_deg: float,
        secondary_angle_deg: float,
        sdd_mm: float,
        sid_mm: float,
        pixel_spacing_mm: float | tuple[float, float],
        rows: int,
        columns: int,
        principal_point_px: tuple[float, float] | None = None,
        image_turn: ImageTurn = UPRIGHT,
    ) -> CArm:
        """An isocentric C-arm.

        primary_angle_deg: LAO positive. secondary_angle_deg: cranial positive. sdd_mm: source to detector.
        sid_mm: source to isocentre. pixel_spacing_mm: one number, or (between rows, between columns).
        principal_point_px: (column, row) where the central ray meets the detector, px; the detector's centre if left
        out. image_turn: how the image of so many rows and columns was turned before it was stored. Raises InputError.
        Source: DESIGN.md, "Frames".
        """
        numbers = (primary_angle_deg, secondary_angle_deg, sdd_mm, sid_mm)
        if not np.isfinite(numbers).all():
            raise InputError("The C-arm's angles and distances must be finite numbers.", field=Field.CARM)
        if not 0 < sid_mm < sdd_mm:
            raise InputError(
                "The isocentre ({sid_mm:.0f} mm from the source) is not between source and detector "
                "({sdd_mm:.0f} mm); correct {sid} or {sdd}.",
                field=Field.SID,
                sid_mm=sid_mm,
                sdd_mm=sdd_mm,
            )
        u, v, n = _axes_of_angles(primary_angle_deg, secondary_angle_deg).T
        u, v = image_turn.axes(u, v)
        row_mm, column_mm = _row_and_column_mm(pixel_spacing_mm)
        column0, row0 = principal_point_px or ((columns - 1) / 2, (rows - 1) / 2)
        source = -sid_mm * n
        origin = source + sdd_mm * n - column0 * column_mm * u - row0 * row_mm * v
        return cls(
            source_mm=source,
            detector_origin_mm=origin,
            column_direction=u,
            row_direction=v,
            pixel_spacing_mm=(float(row_mm), float(column_mm)),
            rows=rows,
            columns=columns,
            primary_angle_deg=float(primary_angle_deg),
            secondary_angle_deg=float(secondary_angle_deg),
        )

    @classmethod
    def from_projection_matrix(
        cls, matrix: FloatArray, pixel_spacing_mm: float | tuple[float, float], rows: int, columns: int
    ) -> CArm:
        """A calibrated C-arm.

        matrix: (3, 4), takes homogeneous points in the C-arm frame (mm) to homogeneous (column, row) px. It fixes the
        shape of the cone of rays but not its size, hence the pixel spacing. Raises InputError for a singular matrix,
        sheared pixels, or an aspect ratio that the pixel spacing contradicts.
        """
        p = np.asarray(matrix, dtype=np.float64)
        if p.shape != (3, 4) or not np.isfinite(p).all():
            raise InputError("projection_matrix must be 3x4 finite numbers.", field=Field.CARM)
        m = p[:, :3]
        if abs(np.linalg.det(m)) <= 1e-12 * np.abs(m).max() ** 3:
            raise InputError("projection_matrix is singular: it has no X-ray source.", field=Field.CARM)
        source = -np.linalg.solve(m, p[:, 3])
        # The sign of a homogeneous matrix is free; the patient, near the isocentre, is in front of the source.
        if m[2] @ -source < 0:
            m = -m
        per_column, per_row, first_ray = np.linalg.inv(m).T
        row_mm, column_mm = _row_and_column_mm(pixel_spacing_mm)
        # A plane at depth s has column steps of s * per_column: s follows from the pixel's size.
        column_length, row_length = np.linalg.norm(per_column), np.linalg.norm(per_row)
        if abs(per_column @ per_row) > ORTHOGONALITY_TOLERANCE * column_length * row_length:
            raise InputError("projection_matrix has sheared pixels; calibrate with zero skew.", field=Field.CARM)
        scale = column_mm / column_length
        if abs(row_length * scale - row_mm) > 0.01 * row_mm:
            raise InputError(
                "projection_matrix and pixel_spacing_mm disagree about the pixel's aspect ratio.", field=Field.CARM
            )
        return cls(
            source_mm=source,
            detector_origin_mm=source + scale * first_ray,
            column_direction=per_column / column_length,
            row_direction=per_row / row_length,
            pixel_spacing_mm=(float(row_mm), float(column_mm)),
            rows=rows,
            columns=columns,
        )

    @cached_property
    def normal(self) -> FloatArray:
        """(3,) unit vector from the source to the detector, perpendicular to it (`n` in DESIGN.md)."""
        n = np.cross(self.row_direction, self.column_direction)
        n = n if n @ (self.detector_origin_mm - self.source_mm) >= 0 else -n
        n.setflags(write=False)
        return n

    @cached_property
    def sdd_mm(self) -> float:
        """Distance from the source to the detector's plane."""
        return float(self.normal @ (self.detector_origin_mm - self.source_mm))

    @property
    def sid_mm(self) -> float:
        """Distance from the source to the isocentre, along the central ray."""
        return float(-self.normal @ self.source_mm)

    @property
    def principal_point_px(self) -> tuple[float, float]:
        """(column, row) where the ray perpendicular to the detector meets it."""
        offset = self.source_mm - self.detector_origin_mm
        row_mm, column_mm = self.pixel_spacing_mm
        return float(self.column_direction @ offset / column_mm), float(self.row_direction @ offset / row_mm)

    @property
    def image_turn(self) -> ImageTurn | None:
        """How the image lies against the upright one of these angles; None where there are none, or it lies askew."""
        if self.primary_angle_deg is None or self.secondary_angle_deg is None:
            return None
        u, v, _ = _axes_of_angles(self.primary_angle_deg, self.secondary_angle_deg).T
        for turn in ALL_TURNS:
            right, down = turn.axes(u, v)
            if min(right @ self.column_direction, down @ self.row_direction) > 1 - ORTHOGONALITY_TOLERANCE:
                return turn
        return None

    @property
    def projection_matrix(self) -> FloatArray:
        """(3, 4) matrix from homogeneous C-arm mm to homogeneous (column, row) px; its third row gives depth in mm."""
        row_mm, column_mm = self.pixel_spacing_mm
        column0, row0 = self.principal_point_px
        n, sdd = self.normal, self.sdd_mm
        linear = np.stack([
            sdd / column_mm * self.column_direction + column0 * n,
            sdd / row_mm * self.row_direction + row0 * n,
            n,
        ])  # fmt: skip
        return np.column_stack([linear, -linear @ self.source_mm])

    def binned(self, factor: int) -> CArm:
        """The same detector read out in blocks of factor x factor pixels (what does not fill a block is dropped)."""
        row_mm, column_mm = self.pixel_spacing_mm
        return self._with_pixels(row_mm * factor, column_mm * factor, self.rows // factor, self.columns // factor)

    def resized(self, rows: int, columns: int) -> CArm:
        """The same detector area with another number of pixels."""
        row_mm, column_mm = self.pixel_spacing_mm
        return self._with_pixels(row_mm * self.rows / rows, column_mm * self.columns / columns, rows, columns)

    def padded(self, rows: int, columns: int) -> CArm:
        """A detector that goes on by so many rows above and below, and by so many columns on either side."""
        row_mm, column_mm = self.pixel_spacing_mm
        shift = -rows * row_mm * self.row_direction - columns * column_mm * self.column_direction
        return self._moved(shift, self.pixel_spacing_mm, self.rows + 2 * rows, self.columns + 2 * columns)

    def with_angles_changed(self, primary_deg: float, secondary_deg: float) -> CArm:
        """Turned about the isocentre as by larger angles; the detector and its place on the arm stay. Needs angles."""
        if self.primary_angle_deg is None or self.secondary_angle_deg is None:
            raise ValueError("a C-arm without angles has none to change")
        primary, secondary = self.primary_angle_deg + primary_deg, self.secondary_angle_deg + secondary_deg
        turn = _axes_of_angles(primary, secondary) @ _axes_of_angles(self.primary_angle_deg, self.secondary_angle_deg).T
        return self._turned(turn, primary, secondary)

    @property
    def direction_deg(self) -> tuple[float, float]:
        """Primary and secondary angle that the central ray has in the C-arm frame, however the C-arm was given."""
        return angles_of_direction(self.normal)

    def at_angles(self, primary_angle_deg: float, secondary_angle_deg: float) -> CArm:
        """Turned about the isocentre until the central ray has these angles; the detector stays where it is on the arm.

        One that was given without angles has none afterwards, either.
        """
        turn = _axes_of_angles(primary_angle_deg, secondary_angle_deg) @ _axes_of_angles(*self.direction_deg).T
        if self.primary_angle_deg is None or self.secondary_angle_deg is None:
            return self._turned(turn, None, None)
        return self._turned(turn, float(primary_angle_deg), float(secondary_angle_deg))

    def mirrored(self) -> CArm:
        """The same detector, its columns counted from the other side: of an image with left and right exchanged.

        It has no angles: they would tell it from the unmirrored one in nothing.
        """
        _, column_mm = self.pixel_spacing_mm
        return CArm(
            source_mm=self.source_mm,
            detector_origin_mm=self.detector_origin_mm + (self.columns - 1) * column_mm * self.column_direction,
            column_direction=-self.column_direction,
            row_direction=self.row_direction,
            pixel_spacing_mm=self.pixel_spacing_mm,
            rows=self.rows,
            columns=self.columns,
        )

    def _turned(self, turn: FloatArray, primary_deg: float | None, secondary_deg: float | None) -> CArm:
        """Source and detector turned about the isocentre by a rotation (3, 3), which has these angles then."""
        return CArm(
            source_mm=turn @ self.source_mm,
            detector_origin_mm=turn @ self.detector_origin_mm,
            column_direction=turn @ self.column_direction,
            row_direction=turn @ self.row_direction,
            pixel_spacing_mm=self.pixel_spacing_mm,
            rows=self.rows,
            columns=self.columns,
            primary_angle_deg=primary_deg,
            secondary_angle_deg=secondary_deg,
        )

    def _with_pixels(self, row_mm: float, column_mm: float, rows: int, columns: int) -> CArm:
        """The same detector corner with pixels of another size: the first one's centre moves by half the difference."""
        shift = (column_mm - self.pixel_spacing_mm[1]) / 2 * self.column_direction
        shift = shift + (row_mm - self.pixel_spacing_mm[0]) / 2 * self.row_direction
        return self._moved(shift, (row_mm, column_mm), rows, columns)

    def _moved(self, shift_mm: FloatArray, pixel_spacing_mm: tuple[float, float], rows: int, columns: int) -> CArm:
        """Another detector in the same plane, whose first pixel lies (3,) `shift_mm` from this one's."""
        return CArm(
            source_mm=self.source_mm,
            detector_origin_mm=self.detector_origin_mm + shift_mm,
            column_direction=self.column_direction,
            row_direction=self.row_direction,
            pixel_spacing_mm=pixel_spacing_mm,
            rows=rows,
            columns=columns,
            primary_angle_deg=self.primary_angle_deg,
            secondary_angle_deg=self.secondary_angle_deg,
        )


def direction_of_angles(primary_deg: FloatArray | float, secondary_deg: FloatArray | float) -> FloatArray:
    """(..., 3) unit vectors from source to detector (`n` in DESIGN.md) of angles (...)."""
    alpha, beta = np.radians(primary_deg), np.radians(secondary_deg)
    return np.stack([-np.sin(alpha) * np.cos(beta), np.cos(alpha) * np.cos(beta), np.sin(beta) + 0 * alpha], axis=-1)


def angles_of_direction(direction: FloatArray) -> tuple[float, float]:
    """The inverse of `direction_of_angles` for one unit vector (3,): primary -180 to 180, secondary -90 to 90."""
    x, y, z = (float(value) for value in direction)
    return float(np.degrees(np.arctan2(-x, y))), float(np.degrees(np.arcsin(np.clip(z, -1.0, 1.0))))


def _axes_of_angles(primary_deg: float, secondary_deg: float) -> FloatArray:
    """(3, 3) whose columns are u, v, n of the two angles (`DESIGN.md`)."""
    alpha, beta = np.radians(primary_deg), np.radians(secondary_deg)
    n = np.array([-np.sin(alpha) * np.cos(beta), np.cos(alpha) * np.cos(beta), np.sin(beta)])
    u = np.array([-np.cos(alpha), -np.sin(alpha), 0.0])
    v = np.array([-np.sin(alpha) * np.sin(beta), np.cos(alpha) * np.sin(beta), -np.cos(beta)])
    return np.stack([u, v, n], axis=1)


def _row_and_column_mm(pixel_spacing_mm: float | tuple[float, float]) -> tuple[float, float]:
    """(between rows, between columns) of what may be one number for both."""
    return (pixel_spacing_mm,) * 2 if isinstance(pixel_spacing_mm, (int, float)) else pixel_spacing_mm
