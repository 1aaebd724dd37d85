"""The C-arm's values of one DSA in the scene, and where each of them comes from.

What is typed belongs to the DSA and not to the place in the panel where it is selected: it is kept on the DSA's node,
goes with the scene, and is never inherited by another run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dsa_source import NAME
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.xa_tags import PIXEL_SPACING, PRIMARY_ANGLE, SDD, SECONDARY_ANGLE, SID, Tag
from DeepIterRegLib.images.xa_values import HeaderValues, header_values
from DeepIterRegLib.mrml.nodes.carm_choices import chosen_preset, chosen_turn
from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance, dicom_files, registered_carm_of, source_of
from DeepIterRegLib.mrml.nodes.node_attributes import CARM, PREFIX

TYPED = PREFIX + "typed-geometry"
"""Attribute of a DSA's node: what was typed over its C-arm, as JSON, by the names of `GeometryOptions`."""

Number: TypeAlias = float | tuple[float, float]
Origin = Literal["dicom", "typed", "scene", "preset", "missing"]

TAG_OF: dict[str, Tag] = {
    "primary_angle_deg": PRIMARY_ANGLE,
    "secondary_angle_deg": SECONDARY_ANGLE,
    "sdd_mm": SDD,
    "sid_mm": SID,
    "pixel_spacing_mm": PIXEL_SPACING,
}
"""The values by the names of `GeometryOptions`, in the order in which they are shown, and what is sensible for them."""


@dataclass(frozen=True)
class CArmValue:
    """One of them. A calibrated C-arm of the scene need not have angles: then `number` is None, `origin` "scene"."""

    number: Number | None
    origin: Origin


@dataclass(frozen=True)
class CArmValues:
    """All of them, by the names of `GeometryOptions`."""

    values: Mapping[str, CArmValue]
    notes: Mapping[str, str | InputError] = field(default_factory=dict)
    """By the same names: sentences about values that were corrected or cannot be used, unless typed over."""
    moves: bool = False
    """The C-arm turns during the run, which cannot be registered."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the values that nothing knows."""
        return tuple(name for name, value in self.values.items() if value.origin == "missing")


_NOTHING: dict[str, CArmValue] = {name: CArmValue(None, "missing") for name in TAG_OF}


def carm_values(dsa: Any, file_of_instance: FileOfInstance) -> CArmValues:
    """What is typed over what the scene or the DICOM file knows, and the preset below it. dsa: sequence, its proxy, or
    a volume."""
    found = below_typed(dsa, file_of_instance)
    typed = {name: CArmValue(number, "typed") for name, number in typed_values(dsa).items()}
    notes = {name: note for name, note in found.notes.items() if name not in typed}
    return replace(found, values={**found.values, **typed}, notes=notes)


def below_typed(dsa: Any, file_of_instance: FileOfInstance) -> CArmValues:
    """What the scene or the DICOM file knows, and where they do not, what the chosen preset says."""
    found, preset = found_values(dsa, file_of_instance), chosen_preset(dsa)
    if preset is None:
        return found
    numbers = {name: preset.number(name) for name in found.missing}
    filled = {name: CArmValue(number, "preset") for name, number in numbers.items() if number is not None}
    return replace(found, values={**found.values, **filled})


def found_values(dsa: Any, file_of_instance: FileOfInstance) -> CArmValues:
    """What the scene or the DICOM file knows, with nothing typed."""
    source = source_of(dsa)
    text = source.GetAttribute(CARM)
    files = [] if text is not None else dicom_files(dsa, source, file_of_instance)
    if not files:
        try:
            carm = registered_carm_of(source) if text is None else carm_from_json(text, NAME)
        except InputError as error:
            return CArmValues(_NOTHING, {"": error})
        return CArmValues(_NOTHING) if carm is None else _of_carm(carm)
    status = files[0].stat()
    header = _header(files[0], status.st_mtime_ns, status.st_size)
    numbers = {name: getattr(header, name) for name in TAG_OF}
    return CArmValues(
        {name: CArmValue(number, "missing" if number is None else "dicom") for name, number in numbers.items()},
        header.notes,
        header.moves,
    )


def typed_values(dsa: Any) -> dict[str, Number]:
    """What was typed for a DSA; what makes no sense in an edited scene is passed over."""
    try:
        content = json.loads(source_of(dsa).GetAttribute(TYPED) or "{}")
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    read = {name: _number(content.get(name), name) for name in TAG_OF}
    return {name: number for name, number in read.items() if number is not None}


def set_typed(dsa: Any, name: str, number: Number | None) -> None:
    """Remember what was typed for one value of a DSA; None forgets it."""
    typed: dict[str, Number] = typed_values(dsa)
    typed.pop(name, None)
    if number is not None:
        typed[name] = number
    source_of(dsa).SetAttribute(TYPED, json.dumps(typed) if typed else None)


def typed_geometry(dsa: Any) -> GeometryOptions | None:
    """What was typed and chosen, as the registration takes it; None where nothing was."""
    said: dict[str, Any] = {**typed_values(dsa), "image_turn": chosen_turn(dsa), "preset": chosen_preset(dsa)}
    return GeometryOptions(**said) if any(value is not None for value in said.values()) else None


def is_sensible(name: str, number: Number) -> bool:
    """Whether a C-arm can have that value (the range in which the tag would be believed)."""
    tag = TAG_OF[name]
    numbers = number if isinstance(number, tuple) else (number,)
    return all(math.isfinite(value) and tag.low <= value <= tag.high for value in numbers)


def _of_carm(carm: CArm) -> CArmValues:
    return CArmValues({name: CArmValue(getattr(carm, name), "scene") for name in TAG_OF})


def _number(value: Any, name: str) -> Number | None:
    if name == "pixel_spacing_mm" and isinstance(value, list) and len(value) == 2:
        value = tuple(value)
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in numbers):
        return None
    return value if is_sensible(name, value) else None


@lru_cache(maxsize=8)
def _header(path: Path, modified_ns: int, size: int) -> HeaderValues:
    """Read once: the panel asks again with every change of anything."""
    try:
        return header_values(read_header(path), NAME)
    except InputError:
        # Without the file's name, which may be a patient's.
        damaged = InputError("The DSA's DICOM file is damaged and cannot be read; export it again.", field=Field.DSA)
        return HeaderValues(notes={"": damaged})
