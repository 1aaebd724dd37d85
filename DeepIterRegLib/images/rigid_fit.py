"""A displacement in three numbers: the motion in the picture's plane that most followed pixels share."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

STEPS = 20
"""Of least squares with new weights each time."""
QUADRATIC_PX = 0.1
"""Farther off than this a pixel pulls no harder (Huber)."""


def rigid_motion(points_px: FloatArray, shifts_px: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """(3,) px down, px right, degrees turned counter-clockwise about the picture's middle (`geometry/plane_motion.py`).

    points_px, shifts_px: (2, N) rows and columns. shape: rows and columns. Procrustes' least squares, in which a part
    that moves otherwise, such as a jaw, pulls no harder the farther it moves.
    """
    middle = (np.array(shape)[:, None] - 1) / 2
    # As complex numbers, right and up, a turn is a product.
    start, shift = ((along[1] - 1j * along[0]) for along in (points_px - middle, shifts_px))
    end = start + shift
    weights = np.ones(len(shift))
    for _ in range(STEPS):
        start_mean, end_mean = (np.average(places, weights=weights) for places in (start, end))
        turn = np.exp(1j * np.angle((weights * np.conj(start - start_mean) * (end - end_mean)).sum()))
        moved = end_mean - turn * start_mean
        weights = 1 / np.maximum(np.abs(end - turn * start - moved), QUADRATIC_PX)
    return np.array([-moved.imag, moved.real, np.degrees(np.angle(turn))]) + 0.0
