"""The bolus: how much contrast passes a point of the circulation over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve

from DeepIterRegLib.common.arrays import FloatArray

STEP_S = 0.02
LONGEST_S = 24.0
CAPILLARY_SHAPE = 5.0
"""Of the gamma distribution of capillary transit times: its standard deviation is 0.45 of the mean."""
HEART_HZ = 1.15


@dataclass(frozen=True)
class Bolus:
    """An injection by hand or pump into a cerebral artery, as it leaves the catheter, and what the way makes of it."""

    duration_s: float = 2.2
    ramp_s: float = 0.25
    residue: float = 0.12
    """Share that lingers where it was injected and washes out with `residue_s`."""
    residue_s: float = 0.8
    pulsation: float = 0.15
    """Contrast is thinner in systole, when more blood comes."""
    transit_s: float = 2.2
    """Mean time in the capillaries, 1.5 to 3 s."""

    def arterial(self, times_s: FloatArray, arrival_s: float) -> npt.NDArray[np.float32]:
        """(T,) concentration at the times, relative to the injected, in an artery reached after `arrival_s`."""
        return self._seen(times_s, arrival_s, self._spread(arrival_s))

    def capillary(self, times_s: FloatArray, arrival_s: float) -> npt.NDArray[np.float32]:
        """(T,) likewise in the blood of the capillaries, averaged over them, that contrast enters at `arrival_s`."""
        transit = self._capillary_transit()
        remains = 1 - np.cumsum(transit)
        remains /= remains.sum()
        return self._seen(times_s, arrival_s, _convolved(self._spread(arrival_s), remains))

    def venous(self, times_s: FloatArray, entry_s: float, on_the_way_s: float) -> npt.NDArray[np.float32]:
        """(T,) likewise in a vein.

        entry_s: mean arrival in the capillaries that it drains. on_the_way_s: from there to the vein's point, the mean
        transit of the capillaries included.
        """
        curve = _convolved(self._spread(entry_s), self._capillary_transit())
        later = max(on_the_way_s - self.transit_s, 0.0)
        curve = _convolved(curve, _gaussian(0.15 + 0.12 * later))
        return self._seen(times_s, entry_s + later, curve)

    def _injected(self) -> FloatArray:
        t = np.arange(0, LONGEST_S, STEP_S)
        up, down = np.clip(t / self.ramp_s, 0, 1), np.clip((self.duration_s + self.ramp_s - t) / self.ramp_s, 0, 1)
        pulse = 1 - self.pulsation * (0.5 + 0.5 * np.sin(2 * np.pi * HEART_HZ * t))
        tail = np.exp(-t / self.residue_s)
        return (1 - self.residue) * up * down * pulse + self.residue * _convolved(up * down, tail / tail.sum())

    def _spread(self, arrival_s: float) -> FloatArray:
        """The injected curve, dispersed by laminar flow on the way; it may only come later."""
        way = float(np.clip(arrival_s, 0, 6))
        curve = _convolved(self._injected(), _gaussian(0.06 + 0.14 * np.sqrt(way)))
        t = np.arange(0, LONGEST_S, STEP_S)
        tail = np.exp(-t / (0.12 + 0.16 * way))
        return _convolved(curve, tail / tail.sum())

    def _capillary_transit(self) -> FloatArray:
        t = np.arange(STEP_S / 2, LONGEST_S, STEP_S)
        density = t ** (CAPILLARY_SHAPE - 1) * np.exp(-t * CAPILLARY_SHAPE / self.transit_s)
        return density / density.sum()

    def _seen(self, times_s: FloatArray, arrival_s: float, curve: FloatArray) -> npt.NDArray[np.float32]:
        t = np.arange(len(curve)) * STEP_S
        return np.interp(np.asarray(times_s) - arrival_s, t, curve, left=0.0, right=0.0).astype(np.float32)


def _gaussian(sigma_s: float) -> FloatArray:
    """A causal kernel: shifted by two standard deviations, for nothing comes before its time."""
    t = np.arange(0, 5 * sigma_s, STEP_S)
    density = np.exp(-0.5 * ((t - 2 * sigma_s) / sigma_s) ** 2)
    return density / density.sum()


def _convolved(curve: FloatArray, kernel: FloatArray) -> FloatArray:
    return np.asarray(fftconvolve(curve, kernel))[: len(curve)]
