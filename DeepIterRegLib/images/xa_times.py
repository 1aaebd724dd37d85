"""When the frames of an XA run were taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydicom import Dataset


def frame_times_s(dataset: Dataset, count: int) -> npt.NDArray[np.float64] | None:
    """(count,) seconds since the first frame, or None where the file does not say.

    From Frame Time Vector (0018,1065, increments in ms), else Frame Time (0018,1063, ms), else Cine Rate (0018,0040) or
    Recommended Display Frame Rate (0008,2144), per second. Values that make no sense are passed over.
    """
    increments_ms = _floats(dataset, "FrameTimeVector")
    if increments_ms.size == count and count > 1 and (increments_ms[1:] > 0).all():
        return np.cumsum(np.concatenate([[0.0], increments_ms[1:]])) / 1000
    for keyword, to_step_s in (
        ("FrameTime", lambda ms: ms / 1000),
        ("CineRate", lambda per_s: 1 / per_s),
        ("RecommendedDisplayFrameRate", lambda per_s: 1 / per_s),
    ):
        value = _floats(dataset, keyword)
        if value.size == 1 and value[0] > 0:
            return np.arange(count) * to_step_s(float(value[0]))
    return None


def _floats(dataset: Dataset, keyword: str) -> npt.NDArray[np.float64]:
    value = dataset.get(keyword, None)
    if value is None or value == "":
        return np.array([])
    try:
        array = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        return np.array([])
    return array if np.isfinite(array).all() else np.array([])
