"""The frames of a run in which C-arm, table and zoom stood still: one geometry holds for one angiogram.

Tags: Positioner Angles with their increments (PS3.3 C.8.7.5.1.3), table increments (C.8.7.4) and, per frame, what the
enhanced kind keeps in its functional groups (C.8.19.6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_numbers import label_of, word_of
from DeepIterRegLib.images.functional_groups import PER_FRAME, frame_count, has_value, numbers_of_frame
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE

if TYPE_CHECKING:
    from pydicom import Dataset

STILL_DEG = 0.5
"""A C-arm whose angles vary by less stands still."""
STILL_MM = 1.0
"""The same for a table: less than a pixel and a half at the detector."""
SAME_SIZE = 0.01
"""The same for distances and pixel sizes, as a part of them: 1 mm over a head."""
ABSOLUTE_DEG = 5.0
"""From frame to frame no C-arm turns by more: equal increments above this are angles, not steps."""
LEAST_FRAMES = 3
LEAST_PART = 0.1
"""Of a run: fewer frames at rest than either show no injection."""

ANGLE_INCREMENTS = ("PositionerPrimaryAngleIncrement", "PositionerSecondaryAngleIncrement")
TABLE_INCREMENTS = ("TableVerticalIncrement", "TableLateralIncrement", "TableLongitudinalIncrement")
TABLE_POSITIONS = (
    "TableTopVerticalPosition", "TableTopLongitudinalPosition", "TableTopLateralPosition",
    "TableXPositionToIsocenter", "TableYPositionToIsocenter", "TableZPositionToIsocenter",
)  # fmt: skip
TABLE_ANGLES = ("TableHorizontalRotationAngle", "TableHeadTiltAngle", "TableCradleTiltAngle")


class NeverAtRestError(InputError):
    """The geometry changes during all of the run."""


@dataclass(frozen=True)
class StillFrames:
    """Consecutive frames of one geometry."""

    first: int
    """From 0."""
    count: int
    warnings: tuple[str, ...] = ()

    @property
    def frames(self) -> slice:
        return slice(self.first, self.first + self.count)


@dataclass(frozen=True, eq=False)
class _Course:
    """Numbers that have to stay the same, frame by frame."""

    values: FloatArray
    """(T, N) in units of what counts as moved."""
    moved: str
    """What moves, for a person."""
    amount: float
    unit: str


def still_frames(dataset: Dataset, file_name: str, masks: tuple[int, ...] = ()) -> StillFrames:
    """The longest stretch at rest; all frames of nearly every run.

    masks: frames (from 0) that have to be among them, because the others are subtracted from them. Raises
    NeverAtRestError for a run that moves all the time, InputError for tags that cannot be read.
    """
    count = frame_count(dataset, file_name, field=Field.DSA)
    courses = [_positioner(dataset, count, file_name), _table(dataset, count, file_name)]
    courses.append(_sizes(dataset, count, file_name))
    moving = [course for course in courses if _spread(course.values) > 1]
    if not moving or count == 1:
        return StillFrames(0, count, () if count == 1 else _unexplained(dataset, courses, file_name))
    first, length = _longest_rest(np.concatenate([course.values for course in moving], axis=1), masks)
    if length < max(LEAST_FRAMES, LEAST_PART * count):
        raise _never_at_rest(moving[0], file_name)
    what = " and ".join(course.moved for course in moving)
    amounts = ", ".join(f"{course.amount:.1f} {course.unit}" for course in moving)
    return StillFrames(
        first,
        length,
        (
            f"{file_name} was taken while {what} moved ({amounts}): of its {count} frames only {first + 1} to"
            f" {first + length}, which were taken at rest, are used.",
        ),
    )


def _longest_rest(values: FloatArray, masks: tuple[int, ...]) -> tuple[int, int]:
    """First frame and number of frames of the longest stretch of (T, N) that varies by less than 1 and holds the
    masks; (0, 0) without one."""
    best, start = (0, 0), 0
    for end in range(1, len(values) + 1):
        while np.ptp(values[start:end], axis=0).max() > 1:
            start += 1
        if end - start > best[1] and all(start <= mask < end for mask in masks):
            best = (start, end - start)
    return best


def _spread(values: FloatArray) -> float:
    """By how much the column that varies most does; 0 without columns."""
    return float(np.ptp(values, axis=0).max()) if values.size else 0.0


def _positioner(dataset: Dataset, count: int, file_name: str) -> _Course:
    """The angles of every frame, by each meaning that their increments can have."""
    columns: list[FloatArray] = []
    moved_deg = 0.0
    for tag in (PRIMARY_ANGLE, SECONDARY_ANGLE):
        angles = _per_frame(dataset, (tag.keyword,), count, file_name, tag.field)
        angles = angles if angles.size else np.zeros((count, 1))  # the user says it
        steps = _increments(dataset, tag.keyword + "Increment", count, file_name, tag.field)
        courses = [angles]
        if steps is not None and absolute_angle_deg(steps, angles) is None:
            # From the first frame (C.8.7.5.1.3), or in older files from the previous one.
            courses = [angles + steps, angles + np.cumsum(steps, axis=0)]
        columns += [course / STILL_DEG for course in courses]
        moved_deg = max(moved_deg, float(np.ptp(courses[0])))
    return _Course(np.concatenate(columns, axis=1), "the C-arm", moved_deg, "degrees")


def absolute_angle_deg(steps: FloatArray, angles: FloatArray) -> float | None:
    """The angle that equal increments state, where they are no steps: PS3.3 C.8.7.5.1.3 lets a file keep the angles
    themselves there, beside Positioner Angles of 0.

    steps, angles: (T, 1), or none. None where they are increments.
    """
    if len(steps) < 2 or np.ptp(steps) > STILL_DEG or abs(steps[0, 0]) < ABSOLUTE_DEG or np.abs(angles).max(initial=0):
        return None
    return float(np.median(steps))


def stated_offset_deg(dataset: Dataset, keyword: str, frame: int, file_name: str, field: Field) -> float:
    """What Positioner Angle Increments add to the Positioner Angle of a frame at rest."""
    count = frame_count(dataset, file_name, field=Field.DSA)
    steps = _increments(dataset, keyword + "Increment", count, file_name, field)
    return 0.0 if steps is None or frame >= len(steps) else float(steps[frame, 0])


def _table(dataset: Dataset, count: int, file_name: str) -> _Course:
    steps = [_increments(dataset, keyword, count, file_name, Field.DSA) for keyword in TABLE_INCREMENTS]
    vectors = [step for step in steps if step is not None]
    places = _per_frame(dataset, TABLE_POSITIONS, count, file_name, Field.DSA)
    turns = _per_frame(dataset, TABLE_ANGLES, count, file_name, Field.DSA)
    shifts = np.concatenate([np.zeros((count, 0)), *vectors, places], axis=1)
    moved = float(np.linalg.norm(np.ptp(shifts, axis=0))) if shifts.size else 0.0
    values = np.concatenate([shifts / STILL_MM, turns / STILL_DEG], axis=1)
    return _Course(values, "the table", moved, "mm")


def _sizes(dataset: Dataset, count: int, file_name: str) -> _Course:
    """Distance and pixel size per frame: the zoom of the enhanced kind, as parts of the first frame's."""
    numbers = [
        _per_frame(dataset, (tag.keyword,), count, file_name, tag.field, width=width)
        for tag, width in ((SDD, 1), (PIXEL_SPACING, 2))
    ]
    values = np.concatenate([np.zeros((count, 0)), *numbers], axis=1)
    # A value of 0 is refused where it is used, with what to give instead.
    values = values[:, (values > 0).all(axis=0)]
    parts = values / values[:1] if values.size else values
    return _Course(parts / SAME_SIZE, "the detector or the zoom", 100 * _spread(parts), "%")


def _per_frame(
    dataset: Dataset, keywords: tuple[str, ...], count: int, file_name: str, field: Field, width: int = 1
) -> FloatArray:
    """(T, N) the attributes that every frame has; nothing is refused here that is refused where it is used."""
    columns: list[FloatArray] = [np.zeros((count, 0))]
    for keyword in keywords:
        try:
            own = count if has_value(dataset, PER_FRAME) else min(count, 1)
            rows = [numbers_of_frame(dataset, keyword, frame, file_name, field=field) for frame in range(own)]
            rows *= count if own < count else 1
        except InputError:
            continue
        known = [row for row in rows if row is not None and row.size == width]
        if len(known) == count:
            columns.append(np.stack(known))
    return np.concatenate(columns, axis=1)


def _increments(dataset: Dataset, keyword: str, count: int, file_name: str, field: Field) -> FloatArray | None:
    """(T, 1) increments, of a single value those that it adds up to (PS3.3 C.8.7.5.1.3); None without any.

    Raises InputError for another number of them than of frames.
    """
    found = numbers_of_frame(dataset, keyword, 0, file_name, field=field)
    if found is None:
        return None
    if found.size == 1 and count > 1:
        return found[0] * np.arange(count, dtype=np.float64)[:, None]
    if found.size != count:
        if np.ptp(found) == 0 and found[0] == 0:
            return np.zeros((count, 1))
        raise InputError(
            "{file} has {found} values of {tag} for {count} frames, so nothing says how its geometry changes; export"
            " the whole run, or give a single frame of it.",
            field=Field.DSA,
            file=file_name,
            found=found.size,
            tag=label_of(keyword),
            count=count,
        )
    return found[:, None]


def _never_at_rest(course: _Course, file_name: str) -> NeverAtRestError:
    if course.moved == "the C-arm":
        return NeverAtRestError(
            "{file} is a rotational run (the Positioner angles change by {moved_deg:.1f} degrees); give a "
            "run from one C-arm position, or a single subtracted frame of this one.",
            field=Field.DSA,
            file=file_name,
            moved_deg=course.amount,
        )
    if course.moved == "the table":
        return NeverAtRestError(
            "{file} was taken while the table moved (by {moved_mm:.0f} mm, Table Increments (0018,1135 to 1137)"
            " or Table Position (0018,9406)); give a run with the table at rest for {dsa}.",
            field=Field.DSA,
            file=file_name,
            moved_mm=course.amount,
        )
    return NeverAtRestError(
        "{file} was taken while the detector or the zoom moved (distance or pixel size change by {moved_percent:.0f} %"
        "); give a run of one geometry for {dsa}.",
        field=Field.DSA,
        file=file_name,
        moved_percent=course.amount,
    )


def _unexplained(dataset: Dataset, courses: list[_Course], file_name: str) -> tuple[str, ...]:
    """Sentences about motion that the header announces and does not describe."""
    said = []
    for keyword, label, course, described in (
        ("PositionerMotion", "Positioner Motion (0018,1500)", courses[0], ANGLE_INCREMENTS),
        ("TableMotion", "Table Motion (0018,1134)", courses[1], TABLE_INCREMENTS),
    ):
        is_described = any(has_value(dataset, increment) for increment in described)
        if word_of(dataset, keyword, file_name) == "DYNAMIC" and not is_described:
            said.append(
                f"{file_name} says that {course.moved} moved during the run ({label}), but not how far: it was taken to"
                " be at rest, and the result is off by whatever it moved."
            )
    return tuple(said)
