"""The 2D angiographic run as arrays with its C-arm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.native_image import NativeImage

STAND_IN = (1, 1)
"""Pixels of the frames of a run whose own are put in later."""


@dataclass(frozen=True, eq=False)
class Angiogram:
    """What one C-arm position has seen: a DSA run (subtracted frames, vessels dark), an X-ray of the head without
    contrast, or both.

    Whatever numpy makes of frames and valid part is taken; frames are copied where their type has to change. Raises
    InputError for frames that are not real numbers in three dimensions, and for sizes that contradict each other.
    """

    frames: npt.NDArray[np.float32]
    """(T, rows, columns), subtracted, T = 0 where there is no contrast; the background is about constant and vessels
    are *darker*. The unit is the scanner's; where raw frames were subtracted here it is the difference of log
    intensities."""
    carm: CArm
    valid: BoolArray
    """(rows, columns): False where a shutter covers the detector."""
    frame_times_s: npt.NDArray[np.float64] | None = None
    """(T,) seconds since the first frame, where the file says."""
    patient_position: str = HEAD_FIRST_SUPINE
    """DICOM's Patient Position (0018,5100)."""
    name: str = "DSA"
    """For messages and node names: never the patient's."""
    warnings: tuple[str, ...] = ()
    native: NativeImage | None = None
    """The head without contrast, in the geometry of the frames; None where the file holds subtracted frames alone."""
    head_motion: FloatArray | None = None
    """(T, 3) how the head lay in each frame of the file, from where it lay when the arteries were full: px down, px
    right, degrees turned counter-clockwise (`geometry/plane_motion.py`). `frames` have been moved back. None: unknown.
    """

    assumed: tuple[str, ...] = ()
    """What of the geometry no tag says, and was taken as the standard has it: a sentence each."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", _frames(self.frames))
        valid = np.asarray(self.valid)
        if valid.dtype != np.bool_:
            valid = valid != 0
        size = self.frames.shape[1:]
        if size not in (valid.shape, STAND_IN) or valid.shape != (self.carm.rows, self.carm.columns):
            raise InputError(
                "The frames of the DSA are of {size} pixels, its valid part of {valid}, and its C-arm's detector of "
                "{detector} (rows x columns); give {dsa} and {carm} of one size.",
                field=Field.DSA,
                size=size,
                valid=valid.shape,
                detector=(self.carm.rows, self.carm.columns),
            )
        object.__setattr__(self, "valid", valid)

    @property
    def shows_contrast(self) -> bool:
        """Whether there are frames with vessels in them."""
        return len(self.frames) > 0


def _frames(given: Any) -> npt.NDArray[np.float32]:
    try:
        frames = np.asarray(given)
    except ValueError:  # lists of different lengths
        frames = np.empty(0, dtype=object)
    if frames.ndim != 3 or frames.dtype.kind not in "iuf" or not np.isfinite(frames).all():
        raise InputError(
            "The frames of the DSA must be real numbers in three dimensions (frames, rows, columns); give another "
            "array for {dsa}.",
            field=Field.DSA,
        )
    return frames.astype(np.float32, copy=False)
