"""The cubic B-spline as a histogram's window: smooth, and a polynomial of a value's place in its bin."""

from __future__ import annotations

import numpy as np

WINDOW = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6
"""A value at bin c + t (0 <= t < 1) is spread over the bins c - 1 .. c + 2. Row k: the coefficients of 1, t, t^2, t^3
of the weight of bin c - 1 + k."""
TAPS, POWERS = WINDOW.shape
SLOPES = WINDOW[:, 1:] * (1, 2, 3)
"""Row k: the coefficients of 1, t, t^2 of that weight's derivative by t."""
