"""The 2D angiographic run as arrays with its C-arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.native_image import NativeImage


@dataclass(frozen=True, eq=False)
class Angiogram:
    """What one C-arm position has seen: a DSA run (subtracted frames, vessels dark), an X-ray of the head without
    contrast, or both."""

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

    @property
    def shows_contrast(self) -> bool:
        """Whether there are frames with vessels in them."""
        return len(self.frames) > 0
