"""The Mask Subtraction Sequence of an XA file: which frames show the patient without contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.dicom_numbers import numbers_of, word_of
from DeepIterRegLib.images.functional_groups import items_of

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class MaskFrames:
    """The frames whose mean is subtracted, and how the mean is moved before that."""

    indices: tuple[int, ...]
    """Counted from 0."""
    shift_px: tuple[float, float] = (0.0, 0.0)
    """(rows, columns) by which the mask is moved, against motion of the patient."""

    def among(self, frames: slice) -> MaskFrames:
        """The same, of a run of which only some frames are kept; they hold all of the mask's."""
        return MaskFrames(tuple(index - frames.start for index in self.indices), self.shift_px)


def mask_frames(dataset: Dataset, count: int, file_name: str) -> MaskFrames | None:
    """The first item of Mask Subtraction Sequence (0028,6100) that averages frames, or None without one.

    count: number of frames in the file. Time differences (TID, REV_TID) are passed over: they show the change of
    contrast, not the vessels. Raises InputError for mask frames that the file does not have.
    """
    for item in items_of(dataset, "MaskSubtractionSequence", file_name, Field.DSA):
        if word_of(item, "MaskOperation", file_name, field=Field.DSA) != "AVG_SUB":
            continue
        found = numbers_of(item, "MaskFrameNumbers", file_name, field=Field.DSA)
        if found is None:
            continue
        numbers = [int(n) for n in found]
        if min(numbers) < 1 or max(numbers) > count:
            raise InputError(
                "{file} names mask frame {frame} in Mask Frame Numbers (0028,6110) but has {count} frames; "
                "export the whole run.",
                field=Field.DSA,
                file=file_name,
                frame=max(numbers) if max(numbers) > count else min(numbers),
                count=count,
            )
        return MaskFrames(tuple(n - 1 for n in numbers), _shift(item, file_name))
    return None


def _shift(item: Dataset, file_name: str) -> tuple[float, float]:
    """Mask Sub-pixel Shift (0028,6114)."""
    shift = numbers_of(item, "MaskSubPixelShift", file_name, field=Field.DSA)
    return (float(shift[0]), float(shift[1])) if shift is not None and shift.size == 2 else (0.0, 0.0)
