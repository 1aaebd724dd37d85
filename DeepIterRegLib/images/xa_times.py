"""When the frames of an XA run were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dicom_numbers import numbers_of

if TYPE_CHECKING:
    from pydicom import Dataset


def frame_times_s(dataset: Dataset, count: int, file_name: str) -> npt.NDArray[np.float64] | None:
    """(count,) seconds since the first frame, or None where the file does not say.

    From Frame Time Vector (0018,1065, increments in ms), else Frame Time (0018,1063, ms), else Cine Rate (0018,0040) or
    Recommended Display Frame Rate (0008,2144), per second. Values that make no sense are passed over.
    """
    increments_ms = _floats(dataset, "FrameTimeVector", file_name)
    if increments_ms.size == count and count > 1 and (increments_ms[1:] > 0).all():
        return np.cumsum(np.concatenate([[0.0], increments_ms[1:]])) / 1000
    for keyword, to_step_s in (
        ("FrameTime", lambda ms: ms / 1000),
        ("CineRate", lambda per_s: 1 / per_s),
        ("RecommendedDisplayFrameRate", lambda per_s: 1 / per_s),
    ):
        value = _floats(dataset, keyword, file_name)
        if value.size == 1 and value[0] > 0:
            return np.arange(count) * to_step_s(float(value[0]))
    return None


def _floats(dataset: Dataset, keyword: str, file_name: str) -> npt.NDArray[np.float64]:
    try:
        found = numbers_of(dataset, keyword, file_name)
    except InputError:
        return np.array([])
    return np.array([]) if found is None else found.astype(np.float64)
