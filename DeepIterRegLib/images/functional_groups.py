"""Finds an attribute wherever a DICOM object keeps it.

A multi-frame object has it in the functional groups of the frame, in those that all frames share, or at its top
(PS3.3 C.7.6.16); a plain object at its top. Converters leave what they could not place in a group of its own, which is
asked last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_numbers import element_value, label_of, numbers_of, whole_number_of, words_of

if TYPE_CHECKING:
    from pydicom import Dataset

PER_FRAME, SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
MOST_FRAMES = 20_000
"""Of one file: ten minutes at 30 frames per second, or 60 phases of 320 slices."""
LAST = {"UnassignedPerFrameConvertedAttributesSequence", "UnassignedSharedConvertedAttributesSequence"}
"""Of a legacy converted object."""


def frame_count(dataset: Dataset, file_name: str, *, field: Field | None = None) -> int:
    """Number of Frames; 1 where the object has none.

    Raises InputError for a number that is none, and where another number of frames has functional groups.
    """
    count = whole_number_of(dataset, "NumberOfFrames", file_name, field=field)
    count = 1 if count is None else count
    if count > MOST_FRAMES:
        raise InputError(
            "{file} announces {announced} frames, more than any run or volume has; export it again.",
            field=field,
            file=file_name,
            announced=count,
        )
    described = items_of(dataset, PER_FRAME, file_name, field)
    if count < 1 or (described and len(described) != count):
        raise InputError(
            "{file} announces {announced} frames and describes {held}; export it again.",
            field=field,
            file=file_name,
            announced=count,
            held=len(described),
        )
    return count


def holder_of(
    dataset: Dataset, keyword: str, frame: int, file_name: str, *, field: Field | None = None
) -> Dataset | None:
    """The (part of the) data set that holds a frame's value of an attribute; None where the object has none.

    frame: from 0. An empty element counts as none. Raises InputError for groups that cannot be read.
    """
    for groups, index in ((PER_FRAME, frame), (SHARED, 0)):
        described = items_of(dataset, groups, file_name, field)
        if index < len(described):
            for part in _parts(described[index], file_name, field):
                if has_value(part, keyword):
                    return part
    return dataset if has_value(dataset, keyword) else None


def numbers_of_frame(
    dataset: Dataset, keyword: str, frame: int, file_name: str, *, count: int | None = None, field: Field | None = None
) -> FloatArray | None:
    """(N,) a frame's numbers of an attribute, None without any. Arguments and errors as `numbers_of`, `holder_of`."""
    holder = holder_of(dataset, keyword, frame, file_name, field=field)
    return None if holder is None else numbers_of(holder, keyword, file_name, count=count, field=field)


def words_of_frame(
    dataset: Dataset, keyword: str, frame: int, file_name: str, *, field: Field | None = None
) -> list[str]:
    """A frame's words of an attribute, in capitals; none without any. Arguments and errors as `holder_of`."""
    holder = holder_of(dataset, keyword, frame, file_name, field=field)
    return [] if holder is None else words_of(holder, keyword, file_name, field=field)


def holders_of(dataset: Dataset, keyword: str, file_name: str, *, field: Field | None = None) -> list[Dataset]:
    """The part that holds the attribute, of every frame; one where all frames share it, none where it is missing.

    Raises InputError as `holder_of`, and where some of the frames have it and others do not.
    """
    found = [
        holder_of(dataset, keyword, frame, file_name, field=field)
        for frame in range(frame_count(dataset, file_name, field=field))
    ]
    held = [holder for holder in found if holder is not None]
    if held and len(held) < len(found):
        raise InputError(
            "{file} has {tag} for {held} of its {count} frames alone; export it again.",
            field=field,
            file=file_name,
            tag=label_of(keyword),
            held=len(held),
            count=len(found),
        )
    return held[:1] if held and all(holder is held[0] for holder in held) else held


def has_value(dataset: Dataset, keyword: str) -> bool:
    """Whether an element is there and not empty. Never raises: what cannot be read is there."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataelem import RawDataElement

    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return False
    try:
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            return bool(bytes(element.value or b"").strip(b" \\"))
        return element is not None and not element.is_empty
    except Exception:  # whatever the damage makes pydicom stumble over; who asks for the value says so
        return True


def items_of(dataset: Dataset, keyword: str, file_name: str, field: Field | None = None) -> list[Dataset]:
    """Of a sequence; none where it is absent. Raises InputError for what is no sequence."""
    value = element_value(dataset, keyword, file_name, field=field)
    if value is None:
        return []
    from pydicom import Sequence

    if not isinstance(value, Sequence):
        raise _unreadable(file_name, field)
    return list(value)


def _unreadable(file_name: str, field: Field | None) -> InputError:
    return InputError("{file} has functional groups that cannot be read; export it again.", field=field, file=file_name)


def _parts(groups: Dataset, file_name: str, field: Field | None) -> Iterator[Dataset]:
    """The items of a frame's functional groups, those of converters last, and what lies between them."""
    items: list[Dataset] = []
    last: list[Dataset] = []
    for tag in list(groups.keys()):
        try:
            element = groups[tag]
        except Exception as error:  # whatever the damage makes pydicom stumble over
            raise _unreadable(file_name, field) from error
        if element.VR == "SQ":
            (last if element.keyword in LAST else items).extend(element.value)
    yield from items
    yield groups
    yield from last
