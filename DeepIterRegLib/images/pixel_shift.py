"""Subtraction with automatic pixel shift: every frame is moved to where the head lay when the arteries were full.

Consoles move the mask onto each frame (review: Meijering, Niessen and Viergever, IEEE TMI 18, 1999). A registration
needs one geometry for the whole run, the one its arteries are in: the mask, and the frames from before and after a
movement, are moved to the reference frame, in which the median of the early contrast stands at its peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.displacement import Displacement
from DeepIterRegLib.images.head_motion import HeadMotion, mean_of_blocks

Frames = npt.NDArray[np.float32]

LEAST_MOTION_PX = 0.15
"""What moves less is left as it is: its ghosts drown in noise."""
CURVES_PX = 128
"""Curves of contrast over time are taken from frames of about this size."""


@dataclass(frozen=True, eq=False)
class ShiftedRun:
    """A subtracted run in one geometry."""

    frames: Frames
    """(T, rows, columns) logarithm of the frame minus that of the mask."""
    mask: npt.NDArray[np.float32]
    """(rows, columns) logarithm of the mask, moved to that geometry."""
    valid: BoolArray
    """(rows, columns) False too where a shutter or the border was moved in."""
    reference: int
    """The frame whose geometry it is."""
    head_motion: FloatArray
    """(T, 3) how the head lies in a frame, from the reference on: px down, px right, degrees turned
    (`geometry/plane_motion.py`); 0 where the frame was left as it is."""


def subtract_shifted(logs: Frames, mask: npt.NDArray[np.float32], valid: BoolArray) -> ShiftedRun | None:
    """Subtract a mask from frames of a head that has moved; None where nothing moves, or nothing shows it.

    logs: (T, rows, columns), mask and valid: (rows, columns); the first two proportional to the logarithm of the
    intensity.
    """
    tracker = HeadMotion(mask, valid)
    if not tracker.has_edges:
        return None
    found, start = [], None
    for frame in logs:
        motion, start = tracker.to(frame, start)
        found.append(motion)
    reference = _arterial_frame(logs, mask, valid, found)
    to_mask = found[reference].inverted()
    # From the reference frame, over the mask, to each frame.
    moves = [to_mask.then(motion) for motion in found]
    sizes = np.array([tracker.edge_motion_px(move) for move in moves])
    mask_size = tracker.edge_motion_px(to_mask)
    sizes[sizes < LEAST_MOTION_PX] = 0
    if mask_size < LEAST_MOTION_PX and not sizes.any():
        return None
    used = [move for move, size in zip(moves, sizes, strict=True) if size]
    moved_mask = mask
    if mask_size >= LEAST_MOTION_PX:
        used.append(to_mask)
        # A cubic spline keeps the mask as sharp as the frames are, but rings at a shutter.
        moved_mask = to_mask.warped(_continued(mask, valid), order=3)
    frames = np.empty_like(logs)
    for number, (frame, move, size) in enumerate(zip(logs, moves, sizes, strict=True)):
        np.subtract(move.warped(frame) if size else frame, moved_mask, out=frames[number])
    motions = [tracker.rigid_motion(move) if size else np.zeros(3) for move, size in zip(moves, sizes, strict=True)]
    return ShiftedRun(frames, moved_mask, _always_seen(valid, used), reference, np.array(motions))


def _arterial_frame(logs: Frames, mask: npt.NDArray[np.float32], valid: BoolArray, found: list[Displacement]) -> int:
    """The frame in which, in the median, what fills early is fullest.

    Otsu's threshold on the times of the peaks tells early from late (arteries from veins where the run shows both).
    """
    factor = max(1, round(max(mask.shape) / CURVES_PX))
    small = Displacement.none(mean_of_blocks(mask, factor).shape)
    inside = mean_of_blocks(valid.astype(np.float32), factor) > 0.99
    base = mean_of_blocks(mask, factor)
    depth = np.empty((len(logs), *base.shape), dtype=np.float32)
    for number, (frame, motion) in enumerate(zip(logs, found, strict=True)):
        moved = Displacement(motion.nodes_px / factor, small.shape)
        difference = moved.warped(mean_of_blocks(frame, factor)) - base
        # What is wider than a vessel is blush, scatter and the dose's flicker.
        depth[number] = np.abs(difference - ndimage.uniform_filter(difference, 15))
    curves = depth[:, inside]
    if curves.shape[1] == 0:
        return 0
    peak = curves.max(axis=0)
    strong = peak > 0.3 * np.percentile(peak, 99.5)
    weight = np.bincount(curves[:, strong].argmax(axis=0), peak[strong], minlength=len(logs)).astype(np.float64)
    early = np.cumsum(weight[: _otsu(weight)])
    return int(np.searchsorted(early, 0.5 * early[-1]))


def _otsu(histogram: FloatArray) -> int:
    """First bin of the upper class that makes the variance between the classes greatest (Otsu 1979)."""
    bins = np.arange(len(histogram))
    below = np.cumsum(histogram)[:-1]
    above = histogram.sum() - below
    sums = np.cumsum(histogram * bins)[:-1]
    total = float((histogram * bins).sum())
    between = below * above * (sums / np.maximum(below, 1e-12) - (total - sums) / np.maximum(above, 1e-12)) ** 2
    return int(between.argmax()) + 1 if len(between) else 1


def _continued(image: npt.NDArray[np.float32], valid: BoolArray) -> npt.NDArray[np.float32]:
    """The image with what a shutter covers replaced by the nearest visible pixel."""
    if valid.all() or not valid.any():
        return image
    nearest = ndimage.distance_transform_edt(~valid, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _always_seen(valid: BoolArray, moves: list[Displacement]) -> BoolArray:
    """`valid` less what any of the moves has brought in from a shutter or from beyond the border."""
    if not moves:
        return valid
    reach = [float(np.linalg.norm(move.nodes_px, axis=0).max()) + 2 for move in moves]
    depth = ndimage.distance_transform_edt(np.pad(valid, 1))[1:-1, 1:-1]
    whole = np.pad(depth > 1.5, 1)  # Interpolation reads the neighbours too.
    edge = np.array(np.nonzero(valid & (depth <= max(reach))))
    last = np.array(valid.shape)[:, None] + 1
    for move in moves:
        source = np.rint(edge + move.at(edge.astype(np.float64))).astype(np.int64) + 1
        edge = edge[:, whole[tuple(np.clip(source, 0, last))]]
    result = depth > max(reach)
    result[tuple(edge)] = True
    return result
