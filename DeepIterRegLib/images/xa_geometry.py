"""The C-arm of an XA file: its tags, with what the user says over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.image_turn import UPRIGHT
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.dicom_numbers import whole_number_of, word_of
from DeepIterRegLib.images.functional_groups import numbers_of_frame
from DeepIterRegLib.images.geometry_options import GeometryOptions, require_size
from DeepIterRegLib.images.reading_notes import ASSUMED, GIVEN, note_decision
from DeepIterRegLib.images.xa_motion import StillFrames, stated_offset_deg, still_frames
from DeepIterRegLib.images.xa_orientation import detector_turn, says_how_it_lies, stored_turn
from DeepIterRegLib.images.xa_placement import isocentre_of, tilt_warnings
from DeepIterRegLib.images.xa_resize import SAME_LENGTH, field_of_view_spacing_mm, resize_of
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID, Tag, numbers

if TYPE_CHECKING:
    from pydicom import Dataset


ASSUMED_MIDDLE = (
    "The isocentre was assumed in the image's middle, as no Position of Isocenter Projection (0018,9430) says where it"
    " is: the pose is off by as much as it is not there, times {shrink:.2f} at the isocentre."
)
ASSUMED_UPRIGHT = (
    "The image was assumed to be upright and not mirrored, as neither Patient Orientation (0020,0020) nor Field of View"
    " Horizontal Flip (0018,7034) says so."
)


@dataclass(frozen=True, eq=False)
class TaggedCArm:
    """A C-arm as a file's tags have it."""

    carm: CArm
    warnings: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    """What the standard lets one take for granted, and no tag says: a sentence each."""


def carm_from_tags(
    dataset: Dataset, options: GeometryOptions, file_name: str, still: StillFrames | None = None
) -> TaggedCArm:
    """The C-arm of an XA data set.

    Options win over tags. still: the frames that count (`still_frames`), found here if left out. The C-arm is
    that of the image's Rows and Columns. Raises InputError naming every tag that is missing, out of its
    range, or contradicted by another one.
    """
    rows, columns = image_size(dataset, file_name)
    if options.carm is not None:
        return TaggedCArm(require_size(options.carm, rows, columns, file_name))
    still = still_frames(dataset, file_name) if still is None else still
    frame = still.first
    missing: list[Tag] = []
    assumed: list[str] = []

    def or_preset(number: float | None, tag: Tag, name: str) -> float | None:
        if number is not None:
            return number
        number = options.from_preset(name)
        if number is not None:
            missing.remove(tag)
            assumed.append(options.preset_sentence(name))
        return number

    primary = value_of(dataset, PRIMARY_ANGLE, options.primary_angle_deg, file_name, missing, frame=frame)
    secondary = value_of(dataset, SECONDARY_ANGLE, options.secondary_angle_deg, file_name, missing, frame=frame)
    sdd_mm = value_of(dataset, SDD, options.sdd_mm, file_name, missing, frame=frame)
    sid_mm = value_of(dataset, SID, options.sid_mm, file_name, missing, "DistanceSourceToIsocenter", frame=frame)
    sdd_mm, sid_mm = or_preset(sdd_mm, SDD, "sdd_mm"), or_preset(sid_mm, SID, "sid_mm")
    spacing_mm, warnings = pixel_spacing_of(dataset, options, file_name, missing, sdd_mm, sid_mm, frame)
    if spacing_mm is None and (pixel_mm := or_preset(None, PIXEL_SPACING, "pixel_spacing_mm")) is not None:
        spacing_mm = pixel_mm, pixel_mm
    if primary is None or secondary is None or sdd_mm is None or sid_mm is None or spacing_mm is None:
        raise _nothing_said(dataset, missing, file_name, frame)
    _require_consistent(sdd_mm, sid_mm, file_name)
    if options.sdd_mm is None and options.sid_mm is None:
        warnings += _magnification_warning(dataset, sdd_mm, sid_mm, file_name, frame)
    upright = CArm.from_angles(primary, secondary, sdd_mm, sid_mm, spacing_mm, rows, columns)
    position = word_of(dataset, "PatientPosition", file_name) or HEAD_FIRST_SUPINE
    turn, said = stored_turn(dataset, upright, position, frame, file_name)
    if options.image_turn is not None:
        turn, said = options.image_turn, []
    on_detector = detector_turn(dataset, frame, file_name)
    placed = isocentre_of(dataset, rows, columns, spacing_mm, on_detector, frame, file_name)
    warnings += [*said, *placed.warnings, *tilt_warnings(dataset, frame, file_name)]
    by = GIVEN if options.image_turn is not None else "Patient Orientation and Field of View, see below"
    note_decision("Image against an upright one", str(turn), by)
    middle = placed.principal_point_px is None
    note_decision(
        "Isocentre in the image",
        "its middle" if middle else "column {:.1f}, row {:.1f}".format(*placed.principal_point_px or ()),
        ASSUMED if placed.assumed else "Isocenter Projection, Field of View and detector, see below",
    )
    if placed.assumed:
        assumed.append(ASSUMED_MIDDLE.format(shrink=sid_mm / sdd_mm))
    if options.image_turn is None and not says_how_it_lies(dataset, frame, file_name):
        assumed.append(ASSUMED_UPRIGHT)
    if turn == UPRIGHT and placed.principal_point_px is None:
        return TaggedCArm(upright, tuple(warnings), tuple(assumed))
    carm = CArm.from_angles(
        primary_angle_deg=primary,
        secondary_angle_deg=secondary,
        sdd_mm=sdd_mm,
        sid_mm=sid_mm,
        pixel_spacing_mm=spacing_mm,
        rows=rows,
        columns=columns,
        principal_point_px=placed.principal_point_px,
        image_turn=turn,
    )
    return TaggedCArm(carm, tuple(warnings), tuple(assumed))


def image_size(dataset: Dataset, file_name: str) -> tuple[int, int]:
    """Rows and columns. Raises InputError for numbers that are none."""
    rows = whole_number_of(dataset, "Rows", file_name, field=Field.DSA)
    columns = whole_number_of(dataset, "Columns", file_name, field=Field.DSA)
    if rows is None or columns is None or min(rows, columns) < 1:
        raise InputError(
            "{file} does not say how large its image is; export it again.", field=Field.DSA, file=file_name
        )
    return rows, columns


def value_of(
    dataset: Dataset,
    tag: Tag,
    given: float | None,
    file_name: str,
    missing: list[Tag],
    instead: str | None = None,
    *,
    frame: int = 0,
) -> float | None:
    """The option's value, else the tag's (else that of the tag `instead`); notes the tag in `missing` without one.

    frame: from 0, the one whose value counts.
    """
    if given is not None:
        note_decision(tag.field, f"{given:g}", GIVEN)
        return float(given)
    keyword = tag.keyword
    found = numbers(dataset, tag, file_name, frame=frame)
    if found is None and instead is not None:
        keyword = instead
        found = numbers(dataset, replace(tag, keyword=instead), file_name, frame=frame)
    if found is None:
        missing.append(tag)
        return None
    value = float(np.median(found))
    if tag in (PRIMARY_ANGLE, SECONDARY_ANGLE):
        value += stated_offset_deg(dataset, tag.keyword, frame, file_name, tag.field)
    note_decision(tag.field, f"{value:g}", keyword)
    return value


def pixel_spacing_of(
    dataset: Dataset,
    options: GeometryOptions,
    file_name: str,
    missing: list[Tag],
    sdd_mm: float | None,
    sid_mm: float | None,
    frame: int = 0,
) -> tuple[tuple[float, float] | None, list[str]]:
    """Pixel size at the detector (between rows, between columns), corrected where the image was resized, and sentences.

    sdd_mm, sid_mm: where they are known, what lengths at the patient are magnified by. frame: the one that counts.
    """
    given = options.pixel_spacing_mm
    if given is not None:
        note_decision(PIXEL_SPACING.field, str(given), GIVEN)
        return ((float(given), float(given)) if isinstance(given, (int, float)) else given), []
    found = numbers(dataset, PIXEL_SPACING, file_name, count=2, frame=frame)
    if found is None:
        missing.append(PIXEL_SPACING)
        return None, []
    row_mm, column_mm = (float(x) for x in np.median(found, axis=0))
    magnification = sdd_mm / sid_mm if sdd_mm and sid_mm else None
    resized = resize_of(dataset, row_mm, column_mm, magnification, frame, file_name)
    note_decision(PIXEL_SPACING.field, f"{row_mm:g}", PIXEL_SPACING.keyword)
    return (row_mm * resized.factor, column_mm * resized.factor), list(resized.warnings)


def _nothing_said(dataset: Dataset, missing: list[Tag], file_name: str, frame: int) -> InputError:
    tags, fields = [tag.label for tag in missing], [tag.field for tag in missing]
    shown = field_of_view_spacing_mm(dataset, frame, file_name)
    if PIXEL_SPACING in missing and shown is not None:
        return InputError(
            "{file} has no {tags}; give {missing} (its Field of View (0018,1149) would make the pixel "
            "{pixel_mm:.4g} mm)[, or {carm} as a whole].",
            field=missing[0].field,
            file=file_name,
            tags=tags,
            missing=fields,
            pixel_mm=shown[1],
        )
    return InputError(
        "{file} has no {tags}; give {missing}[, or {carm} as a whole].",
        field=missing[0].field,
        file=file_name,
        tags=tags,
        missing=fields,
    )


def _require_consistent(sdd_mm: float, sid_mm: float, file_name: str) -> None:
    if not 0 < sid_mm < sdd_mm:
        raise InputError(
            "{file}: Distance Source to Patient (0018,1111) {sid_mm:g} mm is not less than Distance Source "
            "to Detector (0018,1110) {sdd_mm:g} mm, so the patient would be behind the detector; correct "
            "{sid} or {sdd}.",
            field=Field.SID,
            file=file_name,
            sid_mm=sid_mm,
            sdd_mm=sdd_mm,
        )


def _magnification_warning(dataset: Dataset, sdd_mm: float, sid_mm: float, file_name: str, frame: int) -> list[str]:
    """Estimated Radiographic Magnification Factor (0018,1114) is SDD / SID: a third number that checks two."""
    try:
        found = numbers_of_frame(dataset, "EstimatedRadiographicMagnificationFactor", frame, file_name)
    except InputError:
        return []  # It only checks others.
    stated = 0.0 if found is None else float(found[0])
    if stated <= 0 or abs(stated / (sdd_mm / sid_mm) - 1) <= SAME_LENGTH:
        return []
    return [
        f"{file_name}: Estimated Radiographic Magnification Factor (0018,1114) {stated:g} contradicts the distances"
        f" ({sdd_mm:g} / {sid_mm:g} mm = {sdd_mm / sid_mm:.3g}); the distances were used."
    ]
