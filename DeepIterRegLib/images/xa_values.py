"""What a DICOM header says about the C-arm, value by value: to be shown, completed and corrected by a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.xa_geometry import pixel_spacing_of, require_still, value_of
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
    """For each value (by its name here) that was corrected or cannot be used: the sentence or error that says so."""
    moves: bool = False
    """The C-arm turns during the run: no angle is the run's."""


def header_values(dataset: Dataset, name: str) -> HeaderValues:
    """The C-arm's values in a header, as far as it has them; never raises. name: names the run in the notes."""
    notes: dict[str, str | InputError] = {}

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
        return noted(value_name, tag, lambda: value_of(dataset, tag, None, name, [], instead))

    def spacing() -> tuple[float, float] | None:
        found, warnings = pixel_spacing_of(dataset, GeometryOptions(), name, [])
        if warnings:
            notes["pixel_spacing_mm"] = " ".join(warnings)
        return found

    return HeaderValues(
        primary_angle_deg=value("primary_angle_deg", PRIMARY_ANGLE),
        secondary_angle_deg=value("secondary_angle_deg", SECONDARY_ANGLE),
        sdd_mm=value("sdd_mm", SDD),
        sid_mm=value("sid_mm", SID, instead="DistanceSourceToIsocenter"),
        pixel_spacing_mm=noted("pixel_spacing_mm", PIXEL_SPACING, spacing),
        notes=notes,
        moves=_moves(dataset, name),
    )


def _moves(dataset: Dataset, name: str) -> bool:
    try:
        require_still(dataset, name)
    except InputError:
        return True
    except (AttributeError, TypeError, ValueError):
        return False  # The angle that cannot be read is noted.
    return False
