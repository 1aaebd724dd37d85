"""Errors whose message is one sentence for the person who can act on it, in the words of whatever that person uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import PurePath
from typing import Any


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
    INITIAL_POSE = "initial_pose"
    METHOD = "method"
    SIMILARITY = "similarity"
    INITIALIZER = "initializer"
    DEVICE = "device"
    OUTPUT = "output"


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
    Field.INITIAL_POSE: "the starting pose",
    Field.METHOD: "the method",
    Field.SIMILARITY: "the similarity",
    Field.INITIALIZER: "the initializer's checkpoint",
    Field.DEVICE: "the device",
    Field.OUTPUT: "the output folder",
}
"""The library's own words, where no front end has put in its own: scripts, logs, tests."""

Names = Mapping[Field, str]
Translate = Callable[[str], str]


class InputError(ValueError):
    """The input cannot be registered; nothing has been written when it is raised.

    sentence: what is wrong, in which file or tag, what to do about it; a literal, so that the panel can translate it,
    with places in braces: `{file}`, the fields by their value (`{sdd}`, `{cta}`; `{field}` is the one to blame),
    and `values` by their names. field: what the user should look at. file: its name is told, not its folders.

    >>> str(InputError("{file} has no Distance Source to Detector; give {field}.", field=Field.SDD, file="/a/b.dcm"))
    'b.dcm has no Distance Source to Detector; give the source-to-detector distance.'
    """

    def __init__(
        self, sentence: str, *, field: Field | None = None, file: str | os.PathLike[str] | None = None, **values: Any
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field
        self.values: dict[str, Any] = dict(values)
        if file is not None:
            name = os.fspath(file)
            self.values["file"] = PurePath(name).name or name

    def told(self, names: Names = QUANTITIES, translate: Translate = str) -> str:
        """The sentence for a front end. names: its words for the fields. translate: of the sentence with its places."""
        fields = {field.value: names.get(field, QUANTITIES[field]) for field in Field}
        if self.field is not None:
            fields["field"] = fields[self.field.value]
        template = translate(self.sentence)
        try:
            return template.format(**{**fields, **self.values})
        except (KeyError, IndexError, ValueError):
            # A translation with other places, or a sentence that was put together from a name with braces.
            return template

    def __str__(self) -> str:
        return self.told()

    def __reduce__(self) -> tuple[Any, ...]:
        return input_error_from_json, (self.to_json(),)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for a process that speaks for another one."""
        plain = {
            name: value if isinstance(value, int | float | str) else str(value) for name, value in self.values.items()
        }
        return {"sentence": self.sentence, "field": None if self.field is None else self.field.value, "values": plain}


def input_error_from_json(content: Mapping[str, Any]) -> InputError:
    """What `InputError.to_json` wrote."""
    error = InputError(content["sentence"], field=None if content["field"] is None else Field(content["field"]))
    error.values.update(content["values"])
    return error


class RegistrationCancelled(Exception):
    """The caller asked to stop; the scene and the previous result are as they were."""
