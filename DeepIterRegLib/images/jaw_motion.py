"""The jaw's own motion: a swallowing patient's mandible moves by many pixels against a skull at rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.displacement import SHARP_NODES, Displacement, node_points
from DeepIterRegLib.images.edge_points import BLOCKS, LEAST_POINTS, TUKEY, Level, affine_fit, residual_of, scale_of

Image = npt.NDArray[np.float32]

LEAST_OUTLIERS, LEAST_BLOCKS = 0.4, 10
"""Share of the followed pixels of a block that the head's motion does not explain, and connected blocks like that."""
LEAST_GAIN = 0.4
"""The share of the residual that the jaw's motion has to remove: contrast explains nothing, nor does chance."""
LEAST_MOTION_PX = 0.5
EVIDENCE_PX = (3.0, 9.0, 27.0)
"""Level's pixels. What moves with the jaw is decided by the nearest edges: the narrowest blur that has any wins."""
EDGE_BLUR_PX = 1.5


def jaw_motion(
    levels: Sequence[Level], mask: Image, images: Sequence[Image], motion: FloatArray, head: Displacement
) -> Displacement:
    """The head's displacement with that of the part that moves by itself in its place, if there is one.

    levels: coarse to fine, of the mask. mask: filtered, at the finest level. images: the frame's at each level.
    motion: (2, 3) affine part of the head's.
    """
    finest, image = levels[-1], images[-1]
    places = (finest.points + 0.5) * finest.factor - 0.5
    residual = residual_of(finest, image, head.at(places))
    noise = scale_of(residual)
    region = _largest_misfit(finest, np.abs(residual) > TUKEY * noise, head.shape)
    if not region.any():
        return head
    own = motion
    for level, shown in zip(levels, images, strict=True):
        part = level.part(_inside(region, level, head.shape))
        if part.points.shape[1] < LEAST_POINTS:
            return head
        own = affine_fit(part, shown, own)
    before = residual[_inside(region, finest, head.shape)]
    after = residual_of(part, image, own @ part.affine.T)
    if np.abs(after).mean() > (1 - LEAST_GAIN) * np.abs(before).mean():
        return head
    rows, columns = mask.shape
    nodes = node_points(head.shape, SHARP_NODES)
    scaled = 2 * nodes / (np.array(head.shape)[:, None, None] - 1) - 1
    alone = own[:, :1, None] + np.einsum("ab,bij->aij", own[:, 1:], scaled)
    jaw = Displacement(alone, head.shape)
    if np.linalg.norm((jaw.at(places) - head.at(places))[:, _inside(region, finest, head.shape)], axis=0).max() < (
        LEAST_MOTION_PX
    ):
        return head
    factor = finest.factor
    pixels = np.indices((rows, columns)).astype(np.float64)
    errors = []
    for candidate in (head, jaw):
        at = pixels + candidate.at((pixels + 0.5) * factor - 0.5) / factor
        error = ndimage.map_coordinates(image, at, order=1, mode="nearest") - mask
        # Contrast and noise are no evidence: what neither explains counts the same for both.
        errors.append(np.minimum(error**2, (2 * TUKEY * noise) ** 2))
    evidence = errors[0] - errors[1]
    score = sum(ndimage.gaussian_filter(evidence, width, truncate=3) for width in EVIDENCE_PX)
    wide = ndimage.binary_dilation(region, np.ones((3, 3)), iterations=2)
    near = wide[np.ix_(np.arange(rows) * BLOCKS // rows, np.arange(columns) * BLOCKS // columns)]
    share = ndimage.gaussian_filter(((score > 0) & near).astype(np.float32), EDGE_BLUR_PX)
    weight = ndimage.map_coordinates(share, (nodes + 0.5) / factor - 0.5, order=1, mode="nearest")
    with_head = head.refined(SHARP_NODES).nodes_px
    return Displacement(with_head + weight * (alone - with_head), head.shape)


def _largest_misfit(level: Level, misfits: BoolArray, shape: tuple[int, int]) -> BoolArray:
    """(BLOCKS, BLOCKS) the largest connected part of the picture most of whose edges are elsewhere."""
    owner = _blocks(level, shape)
    followed = np.bincount(owner, minlength=BLOCKS**2).reshape(BLOCKS, BLOCKS).astype(np.float64)
    missed = np.bincount(owner, misfits, minlength=BLOCKS**2).reshape(BLOCKS, BLOCKS)
    followed, missed = (ndimage.uniform_filter(count, 3, mode="constant") for count in (followed, missed))
    poor = (missed > LEAST_OUTLIERS * followed) & (followed > 1)
    labels, count = ndimage.label(poor)
    if count == 0:
        return poor
    sizes = np.bincount(labels.ravel())[1:]
    return labels == 1 + int(sizes.argmax()) if sizes.max() >= LEAST_BLOCKS else np.zeros_like(poor)


def _blocks(level: Level, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """(N,) number of the block that each followed pixel is in."""
    small = [max(n // level.factor, 1) for n in shape]
    row, column = (
        np.minimum(p.astype(np.int64) * BLOCKS // n, BLOCKS - 1) for p, n in zip(level.points, small, strict=True)
    )
    return row * BLOCKS + column


def _inside(region: BoolArray, level: Level, shape: tuple[int, int]) -> BoolArray:
    return region.ravel()[_blocks(level, shape)]
