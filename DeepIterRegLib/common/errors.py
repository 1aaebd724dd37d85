"""Errors whose message is one sentence for the person who can act on it, in the words of whatever that person uses."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import PurePath
from string import Formatter
from typing import Any, Self


class Field(StrEnum):
    """What a user can give or correct. The library names the quantity; each front end knows its option or widget."""

    CTA = "cta"
    DSA = "dsa"
    VOLUME_KIND = "volume_kind"
    CTA_VESSELS = "cta_vessels"
    CTA_VEINS = "cta_veins"
    DSA_VESSELS = "dsa_vessels"
    DSA_VEINS = "dsa_veins"
    PRIMARY_ANGLE = "primary_angle"
    SECONDARY_ANGLE = "secondary_angle"
    SDD = "sdd"
    SID = "sid"
    PIXEL_SPACING = "pixel_spacing"
    CARM = "carm"
    IMAGE_TURN = "image_turn"
    PRESET = "preset"
    INITIAL_POSE = "initial_pose"
    REFERENCE_POSE = "reference_pose"
    METHOD = "method"
    SIMILARITY = "similarity"
    TERMS = "terms"
    INITIALIZER = "initializer"
    DEVICE = "device"
    OUTPUT = "output"
    ARTERIES = "arteries"
    SKULL = "skull"
    TARGETS = "targets"


QUANTITIES: Mapping[Field, str] = {
    Field.CTA: "the CTA",
    Field.DSA: "the DSA",
    Field.VOLUME_KIND: "the kind of volume",
    Field.CTA_VESSELS: "the mask of the CTA's vessels",
    Field.CTA_VEINS: "the mask of the CTA's veins",
    Field.DSA_VESSELS: "the mask of the DSA's vessels",
    Field.DSA_VEINS: "the mask of the DSA's veins",
    Field.PRIMARY_ANGLE: "the primary angle (LAO/RAO)",
    Field.SECONDARY_ANGLE: "the secondary angle (cranial/caudal)",
    Field.SDD: "the source-to-detector distance",
    Field.SID: "the source-to-isocentre distance",
    Field.PIXEL_SPACING: "the pixel size at the detector",
    Field.CARM: "the C-arm's geometry",
    Field.IMAGE_TURN: "how the image is turned",
    Field.PRESET: "the C-arm's preset",
    Field.INITIAL_POSE: "the starting pose",
    Field.REFERENCE_POSE: "the reference pose",
    Field.METHOD: "the method",
    Field.SIMILARITY: "the similarity",
    Field.TERMS: "the terms",
    Field.INITIALIZER: "the initializer's checkpoint",
    Field.DEVICE: "the device",
    Field.OUTPUT: "the output folder",
    Field.ARTERIES: "the arteries of a simulated patient",
    Field.SKULL: "the skull of a simulated patient",
    Field.TARGETS: "the targets",
}
"""The library's own words, where no front end has put in its own: scripts, logs, tests."""

Names = Mapping[Field, str]
Translate = Callable[[str], str]

RUN = "run"
"""Of an error's values: the number of the angiogram that it is about, from 1 on."""
MOST_SHOWN = 400
"""Characters of one value."""
LINE_ENDS = re.compile(r"[\r\n\t]+")
OPTIONAL = re.compile(r"\[([^\[\]{}]*\{[^\[\]]*)\]")
FIRST_PLACE = re.compile(r"\s*\{(\w+)\}")


class UserError(Exception):
    """What went wrong, and what the user can do about it.

    sentence: a literal, so that it can be translated, with places in braces: `{file}`; the fields by their values
    (`{sdd}`, `{cta}`; `{field}` is the one to blame); and `values` by their names, with a format where it is a number
    (`{found_mm:.1f}`). What stands in square brackets is left out where the front end has no name for a field in it:
    "give {sdd}[, or the whole geometry with {carm}]". field: what the user should look at. file: its name is told, not
    its folders. values: text, numbers (several are joined by " x "), fields (joined by commas), or another UserError;
    `run` is the number of the angiogram that it is about (`about_run`).

    >>> str(InputError("{file} has no Distance Source to Detector; give {field}.", field=Field.SDD, file="/a/b.dcm"))
    'b.dcm has no Distance Source to Detector; give the source-to-detector distance.'
    """

    def __init__(
        self, sentence: str, *, field: Field | None = None, file: str | os.PathLike[str] | None = None, **values: Any
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.values: dict[str, Any] = {name: _plain(value) for name, value in values.items()}
        if file is not None:
            name = os.fspath(file)
            self.values["file"] = PurePath(name).name or name

    def told(self, names: Names = QUANTITIES, translate: Translate = str) -> str:
        """The sentence for a front end. names: its words for the fields. translate: of the sentence with its places."""
        for template in (translate(self.sentence), self.sentence):
            try:
                return self._filled(template, names, translate)
            except (KeyError, IndexError, ValueError, AttributeError):
                continue  # A translation with other places than the sentence.
        return self.sentence

    def about(self, file: str) -> Self:
        """The same error of a file by another name: that of the real one may be a patient's."""
        copy = type(self)(self.sentence, field=self.field, file=file)
        copy.values = {**self.values, **copy.values}
        return copy

    def __str__(self) -> str:
        return self.told()

    def __reduce__(self) -> tuple[Any, ...]:
        return input_error_from_json, (self.to_json(), type(self))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for a process that speaks for another one."""
        return {
            "sentence": self.sentence,
            "field": None if self.field is None else self.field.value,
            "values": {name: _to_json(value) for name, value in self.values.items()},
        }

    def _filled(self, template: str, names: Names, translate: Translate) -> str:
        def told_of(field: Field) -> str:
            return names.get(field) or translate(QUANTITIES[field])

        def told(value: Any) -> Any:
            if isinstance(value, UserError):
                return value.told(names, translate)
            fields = _fields_in(value)
            return ", ".join(map(told_of, fields)) if fields else value

        def kept(part: re.Match[str]) -> str:
            places = [name for _, name, _, _ in Formatter().parse(part[1]) if name is not None]
            known = (name in values and all(field in names for field in _fields_in(values[name])) for name in places)
            return part[1] if all(known) else ""

        values: dict[str, Any] = {field.value: field for field in Field}
        if self.field is not None:
            values["field"] = self.field
        values |= self.values
        template = OPTIONAL.sub(kept, template)
        sentence = _Formatter().vformat(template, (), {name: told(value) for name, value in values.items()})
        first = FIRST_PLACE.match(template)
        begins_with_a_field = first is not None and bool(_fields_in(values[first[1]]))
        return sentence[:1].upper() + sentence[1:] if begins_with_a_field else sentence


class InputError(UserError, ValueError):
    """The input cannot be registered; nothing has been written when it is raised."""


def input_error_from_json(content: Mapping[str, Any], kind: type[UserError] = InputError) -> UserError:
    """What `to_json` wrote, as an error of the class `kind`. Raises KeyError, TypeError or ValueError for others."""
    error = kind(str(content["sentence"]), field=None if content["field"] is None else Field(content["field"]))
    error.values.update({name: _from_json(value) for name, value in dict(content["values"]).items()})
    return error


@contextmanager
def about_run(number: int) -> Iterator[None]:
    """Errors of the block are about the first angiogram, or the second one: `run` in their values."""
    try:
        yield
    except UserError as error:
        error.values.setdefault(RUN, number)
        raise


class RegistrationCancelled(Exception):
    """The caller asked to stop; the scene and the previous result are as they were."""


class _Formatter(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        """Of several numbers each; of what is no number (as an infinite one after JSON) the text."""
        if isinstance(value, tuple):
            numeric = all(isinstance(part, int | float) for part in value)
            return (" x " if numeric else ", ").join(self.format_field(part, format_spec) for part in value)
        return str(value) if isinstance(value, str) else format(value, format_spec)


def _fields_in(value: Any) -> tuple[Field, ...]:
    """The field, or the several ones, that a value is; none of any other value."""
    parts = value if isinstance(value, tuple) else (value,)
    return parts if all(isinstance(part, Field) for part in parts) else ()


def _plain(value: Any) -> Any:
    """What survives JSON and is told as before: numbers of numpy and paths do not."""
    if isinstance(value, list | tuple) or (hasattr(value, "ndim") and value.ndim):
        return tuple(_plain(part) for part in value)
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int | float | UserError | Field):
        return value
    return _shown(str(value))


def _shown(text: str) -> str:
    """A text on one line of a terminal, whatever a damaged file holds."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in LINE_ENDS.sub(" ", text))
    return plain if len(plain) <= MOST_SHOWN else plain[:MOST_SHOWN] + "..."


def _to_json(value: Any) -> Any:
    if isinstance(value, UserError):
        return {"error": value.to_json()}
    fields = _fields_in(value)
    if fields:
        return {"fields": [field.value for field in fields]}
    return list(value) if isinstance(value, tuple) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "error" in value:
            return input_error_from_json(value["error"])
        return tuple(Field(name) for name in value["fields"])
    return _plain(value)
