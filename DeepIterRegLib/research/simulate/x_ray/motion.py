"""How the head moves during a run, and the jaw with it: what makes ghosts of skull and teeth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.rigid import rigid

NECK_MM = (0.0, -20.0, -85.0)
"""Head's frame: what the head turns about, at the upper cervical spine."""
JAW_JOINT_MM = (0.0, 12.0, -45.0)
"""Head's frame: the mandible's axis, between its joints."""


@dataclass(frozen=True)
class Motion:
    """Rigid motion of the head over a run: a jerk, a drift and breathing, plus the jaw's own."""

    jerk_s: float = 3.0
    """When the head jerks, after the start of the injection: contrast feels hot."""
    jerk_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    jerk_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where to: shift along and turn about R, A, S."""
    returns: float = 0.5
    """Share of the jerk that the head takes back over some seconds."""
    drift_mm_per_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    breathing_mm: float = 0.0
    """Amplitude along the body."""
    jaw_deg: float = 0.0
    """How far the mouth opens as the patient swallows."""
    jaw_s: float = 3.0

    @classmethod
    def random(cls, rng: np.random.Generator, amplitude_mm: float) -> Motion:
        """A motion whose jerk is about `amplitude_mm` long at the brain; drift and breathing are a small part of it."""
        direction = rng.normal(0, 1, 3) * (0.5, 0.8, 1.0)
        direction *= amplitude_mm / np.linalg.norm(direction)
        # A degree about the neck moves the brain's middle by 1.5 mm; nodding is what a head on a rest does most.
        turn = rng.normal(0, 1, 3) * (0.35, 0.15, 0.25) * amplitude_mm
        swallows = rng.random() < 0.35
        return cls(
            jerk_s=float(rng.uniform(0.3, 5.0)),
            jerk_mm=_three(direction * 0.7),
            jerk_deg=_three(turn),
            returns=float(rng.uniform(0, 1)),
            drift_mm_per_s=_three(rng.normal(0, 0.006 + 0.03 * amplitude_mm, 3)),
            breathing_mm=float(rng.uniform(0, 0.03)),
            jaw_deg=float(rng.uniform(0.2, 1.2) if swallows else rng.uniform(0, 0.1)),
            jaw_s=float(rng.uniform(0.5, 6.0)),
        )

    def head(self, time_s: float) -> FloatArray:
        """(4, 4) motion of the head at a time, in its own frame: from where it lay before the run."""
        after = time_s - self.jerk_s
        jerked = _step(after, 0.25) * (1 - self.returns * _step(after - 1.2, 2.0))
        turn = Rotation.from_rotvec(np.radians(self.jerk_deg) * jerked).as_matrix()
        shift = np.array(self.jerk_mm) * jerked + np.array(self.drift_mm_per_s) * time_s
        shift = shift + [0, 0, self.breathing_mm * np.sin(2 * np.pi * time_s / 4.0)]
        neck = np.array(NECK_MM)
        return rigid(turn, neck - turn @ neck + shift)

    def jaw(self, time_s: float) -> FloatArray:
        """(4, 4) motion of the jaw against the head, head's frame."""
        after = time_s - self.jaw_s
        opened = _step(after, 0.3) * (1 - 0.7 * _step(after - 0.7, 0.5))
        turn = Rotation.from_rotvec([-np.radians(self.jaw_deg) * opened, 0, 0]).as_matrix()
        joint = np.array(JAW_JOINT_MM)
        return rigid(turn, joint - turn @ joint)


def _step(after_s: float, within_s: float) -> float:
    """0 before, 1 from `within_s` on, smooth between."""
    t = float(np.clip(after_s / within_s, 0, 1))
    return t * t * (3 - 2 * t)


def _three(values: FloatArray) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))
