"""The interface of every renderer: batched images of a vessel tree, and the pose gradient of what is made of them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm

Images = npt.NDArray[np.float32]


class Renderer(Protocol):
    """Renders one subject on one C-arm's detector.

    An image holds, per pixel, the length of vessel along the pixel's ray in mm (times the fill, where that is not 1).
    """

    name: str
    carm: CArm

    def render(self, poses: FloatArray) -> Images:
        """(B, rows, columns) images for (B, 4, 4) poses (patient frame to C-arm frame)."""
        ...

    def backward(self, poses: FloatArray, image_gradients: Images) -> FloatArray:
        """Pose gradient (B, 6) of scalars whose gradient by the images is `image_gradients` (B, rows, columns).

        It is the derivative by a left twist about the isocentre, (rotation rad, translation mm) in C-arm axes:
        d/dx f(exp(x) @ pose) at x = 0. `PivotedCorrection.gradient` turns it into the optimiser's parameters.
        """
        ...
