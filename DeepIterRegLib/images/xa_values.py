"""What a DICOM header says about the C-arm, value by value: to be shown, completed and corrected by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.geometry_options import NUMBERS, GeometryOptions
from DeepIterRegLib.images.xa_geometry import carm_from_tags, pixel_spacing_of, value_of
from DeepIterRegLib.images.xa_motion import NeverAtRestError, StillFrames, still_frames
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID, Tag

if TYPE_CHECKING:
    from pydicom import Dataset

T = TypeVar("T")


@dataclass(frozen=True)
class HeaderValues:
    """The same as `carm_from_tags` would take; None where the header has no value that can be used."""

    primary_angle_deg: float | None = None
    secondary_angle_deg: float | None = None
    sdd_mm: float | None = None
    sid_mm: float | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    notes: Mapping[str, str | InputError] = field(default_factory=dict)
    """For each value (by its name here) that was corrected or cannot be used: the sentence or error that says so; by ""
    what is said of where the image lies."""
    moves: bool = False
    """C-arm or table move during all of the run: no angle is the run's."""


@quiet_readers()
def header_values(dataset: Dataset, name: str) -> HeaderValues:
    """The C-arm's values in a header, as far as it has them; never raises. name: names the run in the notes."""
    notes: dict[str, str | InputError] = {}
    still = _still(dataset, name)
    frame = 0 if still is None else still.first

    def noted(value_name: str, tag: Tag, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except InputError as error:
            notes[value_name] = error
        except (AttributeError, TypeError, ValueError):  # what a damaged tag makes pydicom or numpy raise
            notes[value_name] = InputError(
                "{file} has a {tag} that cannot be read; give {field}.", field=tag.field, file=name, tag=tag.label
            )
        return None

    def value(value_name: str, tag: Tag, instead: str | None = None) -> float | None:
        return noted(value_name, tag, lambda: value_of(dataset, tag, None, name, [], instead, frame=frame))

    sdd_mm = value("sdd_mm", SDD)
    sid_mm = value("sid_mm", SID, instead="DistanceSourceToIsocenter")

    def spacing() -> tuple[float, float] | None:
        found, warnings = pixel_spacing_of(dataset, GeometryOptions(), name, [], sdd_mm, sid_mm, frame)
        if warnings:
            notes["pixel_spacing_mm"] = " ".join(warnings)
        return found

    values = HeaderValues(
        primary_angle_deg=value("primary_angle_deg", PRIMARY_ANGLE),
        secondary_angle_deg=value("secondary_angle_deg", SECONDARY_ANGLE),
        sdd_mm=sdd_mm,
        sid_mm=sid_mm,
        pixel_spacing_mm=noted("pixel_spacing_mm", PIXEL_SPACING, spacing),
        notes=notes,
        moves=still is None,
    )
    return values if still is None else replace(values, notes=notes | _doubts(dataset, values, still, name))


def _still(dataset: Dataset, name: str) -> StillFrames | None:
    """The frames that can be registered, None where there are none: C-arm or table move."""
    try:
        return still_frames(dataset, name)
    except NeverAtRestError:
        return None
    except InputError:
        return StillFrames(0, 1)  # What cannot be read is noted where it is used.


def _doubts(dataset: Dataset, values: HeaderValues, still: StillFrames, name: str) -> dict[str, str | InputError]:
    """What `carm_from_tags` would say of where the image lies, by the name of a value that is none."""
    given = {name: getattr(values, name) for name in NUMBERS}
    if any(number is None for number in given.values()):
        return {}
    try:
        said: tuple[str, ...] = carm_from_tags(dataset, GeometryOptions(**given), name, still).warnings
    except InputError as error:
        return {"": error}
    except (AttributeError, TypeError, ValueError):
        return {}
    said = (*still.warnings, *said)
    return {"": " ".join(said)} if said else {}
