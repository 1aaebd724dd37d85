"""The C-arm of an XA file: its tags, with what the user says over them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.images.geometry_options import GeometryOptions, require_size
from DeepIterRegLib.images.xa_resize import SAME_LENGTH, field_of_view_spacing_mm, resize_factor
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID, Tag, numbers, values

if TYPE_CHECKING:
    from pydicom import Dataset

STILL_DEG = 0.5
"""A C-arm whose angles vary by less during the run stands still."""


def carm_from_tags(dataset: Dataset, options: GeometryOptions, file_name: str) -> tuple[CArm, list[str]]:
    """The C-arm of an XA data set.

    Options win over tags. Returns the C-arm, for the image's Rows and Columns, and warnings. Raises InputError naming
    every tag that is missing, out of its range, or contradicted by another one.
    """
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if options.carm is not None:
        return require_size(options.carm, rows, columns, file_name), []
    require_still(dataset, file_name)
    missing: list[Tag] = []
    primary = value_of(dataset, PRIMARY_ANGLE, options.primary_angle_deg, file_name, missing)
    secondary = value_of(dataset, SECONDARY_ANGLE, options.secondary_angle_deg, file_name, missing)
    sdd_mm = value_of(dataset, SDD, options.sdd_mm, file_name, missing)
    sid_mm = value_of(dataset, SID, options.sid_mm, file_name, missing, instead="DistanceSourceToIsocenter")
    spacing_mm, warnings = pixel_spacing_of(dataset, options, file_name, missing)
    if primary is None or secondary is None or sdd_mm is None or sid_mm is None or spacing_mm is None:
        raise _nothing_said(dataset, missing, file_name)
    _require_consistent(sdd_mm, sid_mm, file_name)
    if options.sdd_mm is None and options.sid_mm is None:
        warnings += _magnification_warning(dataset, sdd_mm, sid_mm, file_name)
    return CArm.from_angles(
        primary_angle_deg=primary,
        secondary_angle_deg=secondary,
        sdd_mm=sdd_mm,
        sid_mm=sid_mm,
        pixel_spacing_mm=spacing_mm,
        rows=rows,
        columns=columns,
    ), warnings


def value_of(
    dataset: Dataset, tag: Tag, given: float | None, file_name: str, missing: list[Tag], instead: str | None = None
) -> float | None:
    """The option's value, else the tag's (else that of the tag `instead`); notes the tag in `missing` without one."""
    if given is not None:
        return float(given)
    found = numbers(dataset, tag, file_name)
    if found is None and instead is not None:
        found = numbers(dataset, replace(tag, keyword=instead), file_name)
    if found is None:
        missing.append(tag)
        return None
    return float(np.median(found))


def require_still(dataset: Dataset, file_name: str) -> None:
    """Refuse a rotational run: one C-arm position per angiogram."""
    moved = 0.0
    for tag in (PRIMARY_ANGLE, SECONDARY_ANGLE):
        angles = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in values(dataset, tag.keyword)]
        if angles:
            moved = max(moved, float(np.ptp(np.concatenate(angles))))
        for value in values(dataset, tag.keyword + "Increment"):
            steps = np.atleast_1d(np.asarray(value, dtype=np.float64))
            # Relative to the first frame in newer files, to the previous one in older ones; a single value is a step.
            moved = max(moved, float(np.ptp(np.append(steps, 0.0))) * (int(dataset.get("NumberOfFrames", 1) or 1) > 1))
    if moved > STILL_DEG:
        raise InputError(
            "{file} is a rotational run (the Positioner angles change by {moved_deg:.1f} degrees); give a "
            "run from one C-arm position, or a single subtracted frame of this one.",
            field=Field.DSA,
            file=file_name,
            moved_deg=moved,
        )


def pixel_spacing_of(
    dataset: Dataset, options: GeometryOptions, file_name: str, missing: list[Tag]
) -> tuple[tuple[float, float] | None, list[str]]:
    """Pixel size at the detector (between rows, between columns), corrected where the image was resized."""
    given = options.pixel_spacing_mm
    if given is not None:
        return ((float(given), float(given)) if isinstance(given, (int, float)) else given), []
    found = numbers(dataset, PIXEL_SPACING, file_name, count=2)
    if found is None:
        missing.append(PIXEL_SPACING)
        return None, []
    row_mm, column_mm = (float(x) for x in np.median(found, axis=0))
    factor, witness = resize_factor(dataset, row_mm, column_mm)
    if factor == 1:
        return (row_mm, column_mm), []
    return (row_mm * factor, column_mm * factor), [
        f"{file_name} was resized: {PIXEL_SPACING.label} {row_mm:g} mm was scaled by {factor:g} to agree with"
        f" {witness}; give the pixel size at the detector if that is wrong."
    ]


def _nothing_said(dataset: Dataset, missing: list[Tag], file_name: str) -> InputError:
    tags, fields = [tag.label for tag in missing], [tag.field for tag in missing]
    shown = field_of_view_spacing_mm(dataset)
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


def _magnification_warning(dataset: Dataset, sdd_mm: float, sid_mm: float, file_name: str) -> list[str]:
    """Estimated Radiographic Magnification Factor (0018,1114) is SDD / SID: a third number that checks two."""
    try:
        stated = float(dataset.get("EstimatedRadiographicMagnificationFactor") or 0)
    except (TypeError, ValueError):
        return []
    if stated <= 0 or abs(stated / (sdd_mm / sid_mm) - 1) <= SAME_LENGTH:
        return []
    return [
        f"{file_name}: Estimated Radiographic Magnification Factor (0018,1114) {stated:g} contradicts the distances"
        f" ({sdd_mm:g} / {sid_mm:g} mm = {sdd_mm / sid_mm:.3g}); the distances were used."
    ]
