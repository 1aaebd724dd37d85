"""The Mask Subtraction Sequence of an XA file: which frames show the patient without contrast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class MaskFrames:
    """The frames whose mean is subtracted, and how the mean is moved before that."""

    indices: tuple[int, ...]
    """Counted from 0."""
    shift_px: tuple[float, float] = (0.0, 0.0)
    """(rows, columns) by which the mask is moved, against motion of the patient."""


def mask_frames(dataset: Dataset, count: int, file_name: str) -> MaskFrames | None:
    """The first item of Mask Subtraction Sequence (0028,6100) that averages frames, or None without one.

    count: number of frames in the file. Time differences (TID, REV_TID) are passed over: they show the change of
    contrast, not the vessels. Raises InputError for mask frames that the file does not have.
    """
    for item in dataset.get("MaskSubtractionSequence", None) or []:
        if str(item.get("MaskOperation", "")).upper() != "AVG_SUB":
            continue
        value = item.get("MaskFrameNumbers", None)
        numbers = [int(n) for n in np.atleast_1d(value)] if value not in (None, "") else []
        if not numbers:
            continue
        if min(numbers) < 1 or max(numbers) > count:
            raise InputError(
                "{file} names mask frame {frame} in Mask Frame Numbers (0028,6110) but has {count} frames; "
                "export the whole run.",
                field=Field.DSA,
                file=file_name,
                frame=max(numbers) if max(numbers) > count else min(numbers),
                count=count,
            )
        return MaskFrames(tuple(n - 1 for n in numbers), _shift(item))
    return None


def _shift(item: Dataset) -> tuple[float, float]:
    """Mask Sub-pixel Shift (0028,6114)."""
    value = item.get("MaskSubPixelShift", None)
    shift = np.asarray(value if value not in (None, "") else (0.0, 0.0), dtype=np.float64).ravel()
    return (float(shift[0]), float(shift[1])) if shift.size == 2 and np.isfinite(shift).all() else (0.0, 0.0)
