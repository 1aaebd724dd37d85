"""Mutual information (MI) of Parzen-window histograms: no relation between the two images' intensities is assumed."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.similarity.cubic_window import POWERS, SLOPES, TAPS, WINDOW
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights

EMPTY = 1e-13
"""A joint probability below this is rounding."""


class MutualInformation:
    """Mutual information in nats, 0 (independent) up to the smaller entropy, of the two images' intensities.

        MI = sum_ij p_ij log(p_ij / (p_i p_j)),   p_ij = sum_x w(x) [f(x) in bin i] beta3(j - u(m(x)))

    beta3 is the cubic B-spline, u maps `moving_range` to the bins, [.] the zero-order window of the fixed image: it
    does not move, so it needs no smoothness. The derivative is analytic. `normalized` gives Studholme's
    (H_f + H_m) / H_fm instead, 1 to 2. Source: Thevenaz and Unser, IEEE TIP 9 (2000) 2083; Mattes et al., IEEE TMI 22
    (2003) 120; Studholme et al., Pattern Recognition 32 (1999) 71. See `Similarity` for the interface.

    bins: of each image. fixed_range: intensities of the first and last bin; the image's own extremes if left out.
    moving_range: the same for moving images; it must not change with the pose, else the measure jumps, so what is
    left out is taken from the first batch (its extremes) and kept. Intensities outside a range count as its ends.
    """

    def __init__(
        self,
        fixed: FloatArray,
        weights: FloatArray | BoolArray | None = None,
        bins: int = 32,
        fixed_range: tuple[float, float] | None = None,
        moving_range: tuple[float, float] | None = None,
        normalized: bool = False,
    ) -> None:
        if bins < TAPS + 1:
            raise ValueError(f"mutual information needs at least {TAPS + 1} bins, not {bins}")
        fixed, weights = fixed_and_weights(fixed, weights)
        self.name = "NMI" if normalized else "MI"
        self.moving_range = moving_range
        self._normalized = normalized
        self._bins = bins
        self._shape = fixed.shape
        # Pixels that do not count stay out of the histogram altogether.
        self._counted = np.flatnonzero(weights) if (weights == 0).any() else slice(None)
        inside = fixed.ravel()[self._counted]
        self._weights = weights.ravel()[self._counted]
        low, high = fixed_range or (float(inside.min()), float(inside.max()))
        position = (inside - low) * (bins / (high - low) if high > low else 0.0)
        self._row_start = bins * np.clip(position.astype(np.intp), 0, bins - 1)
        self._even = bool(np.ptp(self._weights) == 0)

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) mutual information of (B, rows, columns) images."""
        return np.array([self._measure(self._histogram(*self._cells(image)[:2]))[0] for image in self._flat(moving)])

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) mutual information and its gradients (B, rows, columns)."""
        images = self._flat(moving)
        values = np.empty(len(images))
        gradients = np.zeros_like(images)
        for index, image in enumerate(images):
            cells, t, outside = self._cells(image)
            values[index], table = self._measure(self._histogram(cells, t))
            gradients[index, self._counted] = self._slope(table, cells, t, outside)
        return values, gradients.reshape(-1, *self._shape)

    def _flat(self, moving: FloatArray) -> FloatArray:
        images = as_moving(moving, self._shape).reshape(-1, self._shape[0] * self._shape[1])
        if self.moving_range is None:
            inside = images[:, self._counted]
            self.moving_range = float(inside.min()), float(inside.max())
        return images

    def _bins_per_unit(self) -> float:
        assert self.moving_range is not None
        low, high = self.moving_range
        # One bin is kept free below the range and one above, for the window's skirts.
        return (self._bins - 3) / (high - low) if high > low else 0.0

    def _cells(self, image: FloatArray) -> tuple[IntArray, FloatArray, BoolArray]:
        """For each counted pixel: cell (fixed bin, c) of the joint histogram, t, and whether it is out of range."""
        assert self.moving_range is not None
        low, high = self.moving_range
        counted = image[self._counted].astype(np.float64)
        outside = (counted < low) | (counted > high)
        counted -= low
        counted *= self._bins_per_unit()
        counted += 1
        np.clip(counted, 1, self._bins - 2 - 1e-9, out=counted)
        cells = counted.astype(np.intp)
        counted -= cells
        cells += self._row_start
        return cells, counted, outside

    def _histogram(self, cells: IntArray, t: FloatArray) -> FloatArray:
        """Joint probabilities (fixed bins, moving bins) of the Parzen windows.

        The windows' weights being polynomials of t, the sums of 1, t, t^2, t^3 in each cell are enough: they need no
        spline per pixel, and are turned into the histogram cell by cell.
        """
        size = self._bins**2
        moments = np.empty((POWERS, size))
        power = None if self._even else self._weights
        for exponent in range(POWERS):
            moments[exponent] = np.bincount(cells, power, minlength=size)
            power = t if power is None else power * t
        if self._even:
            moments /= len(t)
        taps = (WINDOW @ moments).reshape(TAPS, self._bins, self._bins)
        joint = np.zeros((self._bins, self._bins))
        joint[:, :-1] += taps[0][:, 1:]
        joint += taps[1]
        joint[:, 1:] += taps[2][:, :-1]
        joint[:, 2:] += taps[3][:, :-2]
        return joint

    def _measure(self, joint: FloatArray) -> tuple[float, FloatArray]:
        """The measure and its derivative by the joint probabilities (up to a constant per row, which cancels)."""
        filled = joint > EMPTY
        log_joint = np.log(joint, out=np.zeros_like(joint), where=filled)
        fixed, moving = joint.sum(axis=1), joint.sum(axis=0)
        log_fixed = np.log(fixed, out=np.zeros_like(fixed), where=fixed > EMPTY)
        log_moving = np.log(moving, out=np.zeros_like(moving), where=moving > EMPTY)
        joint_entropy = -float((joint * log_joint).sum())
        marginal_entropies = -float(fixed @ log_fixed) - float(moving @ log_moving)
        if not self._normalized:
            return marginal_entropies - joint_entropy, np.where(filled, log_joint - log_moving, 0.0)
        value = marginal_entropies / joint_entropy
        return value, np.where(filled, value * log_joint - log_moving, 0.0) / joint_entropy

    def _slope(self, table: FloatArray, cells: IntArray, t: FloatArray, outside: BoolArray) -> FloatArray:
        """Chain rule from `table` (the measure by the joint probabilities) to the counted pixels."""
        neighbours = np.zeros((TAPS, self._bins, self._bins))
        neighbours[0][:, 1:] = table[:, :-1]
        neighbours[1] = table
        neighbours[2][:, :-1] = table[:, 1:]
        neighbours[3][:, :-2] = table[:, 2:]
        constant, linear, quadratic = np.einsum("kp,kij->pij", SLOPES * self._bins_per_unit(), neighbours).reshape(
            POWERS - 1, -1
        )
        slope = quadratic.take(cells)
        slope *= t
        slope += linear.take(cells)
        slope *= t
        slope += constant.take(cells)
        slope *= self._weights
        slope[outside] = 0
        return slope
