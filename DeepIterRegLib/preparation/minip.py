"""Minimum over the frames of a run: every vessel that ever filled, dark on light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def minimum_intensity_projection(frames: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(rows, columns) minimum of (T, rows, columns) subtracted frames.

    Frames that are 0 throughout take no part: a mask frame minus itself would hide the bright side of motion ghosts.
    """
    shown = [frame for frame in np.asarray(frames, dtype=np.float32) if frame.any()]
    return np.min(shown, axis=0) if shown else np.zeros(frames.shape[1:], dtype=np.float32)
