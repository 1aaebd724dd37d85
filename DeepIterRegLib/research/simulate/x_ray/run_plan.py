"""What is drawn for one angiographic run (frames, exposure, motion, shutter, catheter) and for one patient (flow)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.flow.bolus import Bolus
from DeepIterRegLib.research.simulate.x_ray.catheter import Catheter
from DeepIterRegLib.research.simulate.x_ray.detector import Exposure
from DeepIterRegLib.research.simulate.x_ray.motion import Motion
from DeepIterRegLib.research.simulate.x_ray.shutter import Shutter

CUT_OFF_FRACTION = 0.12
"""Of runs that end before the veins have filled."""
RESTLESS_FRACTION = 0.14
SLOW_FLOW_FRACTION = 0.25
"""Of treated patients."""


@dataclass(frozen=True)
class BloodFlow:
    """A patient's circulation, the same in all runs."""

    transit_s: float = 2.2
    """Mean time in the capillaries."""
    patency: float = 1.0
    """After thrombectomy: conductance of where the clot was, relative to the open artery."""
    slow_flow: float = 1.0
    """After thrombectomy: velocity of contrast behind the clot's place relative to the usual."""
    seed: int = 0
    """Of the draws of tissue, collaterals and transit times."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> BloodFlow:
        """Capillary transit 1.5 to 3 s."""
        slow = rng.random() < SLOW_FLOW_FRACTION
        return cls(
            float(np.clip(rng.normal(2.2, 0.35), 1.5, 3.0)),
            float(rng.uniform(0.004, 0.05)) if slow else float(rng.uniform(0.3, 1.0)),
            float(rng.uniform(0.4, 0.8)) if slow else 1.0,
            int(rng.integers(2**31)),
        )


@dataclass(frozen=True)
class RunPlan:
    """One run. Times count from the start of the injection."""

    frames: int = 20
    """Of the run, the mask frame included."""
    frames_per_second: float = 3.0
    first_frame_s: float = -0.3
    """Time of the mask frame, before the contrast comes."""
    bolus: Bolus = field(default_factory=Bolus)
    push: float = 0.5
    """How hard the contrast is given, 0 to 1: it drives it through communicating arteries and back into others."""
    common_carotid: float = 0.0
    """Concentration in the external carotid of the side when a carotid is injected: 0 for a selective injection."""
    exposure: Exposure = field(default_factory=Exposure)
    motion: Motion = field(default_factory=Motion)
    shutter: Shutter = field(default_factory=Shutter)
    catheter: Catheter = field(default_factory=Catheter)
    catheter_shift_px: tuple[float, float] = (0.0, 0.0)
    """How far the catheter is pushed by the injection, columns and rows."""
    flow: BloodFlow = field(default_factory=BloodFlow)

    @property
    def times_s(self) -> FloatArray:
        """(frames,) of each frame."""
        return self.first_frame_s + np.arange(self.frames) / self.frames_per_second

    @classmethod
    def random(cls, rng: np.random.Generator, flow: BloodFlow | None = None, motion_scale: float = 1.0) -> RunPlan:
        """A run as an operator makes it. flow: the patient's; drawn too if left out. motion_scale: 0 for a still head.

        3 to 4 frames/s and 15 to 30 frames; detector doses of 1 to 4 uGy per frame. Most heads keep still to some
        tenths of a millimetre; one in seven moves by a millimetre or several. The shares are guesses, to be calibrated.
        """
        flow = flow or BloodFlow.random(rng)
        rate = float(rng.choice([3.0, 3.0, 4.0]))
        first = float(rng.uniform(-0.9, -0.1))
        cut_off = rng.random() < CUT_OFF_FRACTION
        end = float(rng.uniform(4.2, 5.5) if cut_off else rng.uniform(7.5, 9.5))
        restless = rng.random() < RESTLESS_FRACTION
        amplitude = motion_scale * float(rng.uniform(0.6, 3.0) if restless else abs(rng.normal(0, 0.2)))
        selective = rng.random() < 0.8
        return cls(
            frames=int(np.clip(round((end - first) * rate), 15, 30)),
            frames_per_second=rate,
            first_frame_s=first,
            bolus=Bolus(
                duration_s=float(rng.uniform(1.5, 2.8)),
                ramp_s=float(rng.uniform(0.15, 0.4)),
                residue=float(rng.uniform(0.04, 0.2)),
                residue_s=float(rng.uniform(0.4, 1.2)),
                pulsation=float(rng.uniform(0.05, 0.25)),
                transit_s=flow.transit_s,
            ),
            push=float(rng.uniform(0, 1)),
            common_carotid=float(rng.uniform(0, 0.25) if selective else rng.uniform(0.6, 1.0)),
            exposure=Exposure(
                dose_ugy=float(np.clip(rng.lognormal(np.log(1.8), 0.35), 0.8, 4.5)),
                scatter_fraction=float(rng.uniform(0.15, 0.45)),
                blur=float(rng.uniform(0.11, 0.18)),
                saturation=float(rng.uniform(10, 22)),
                iodine_mg_per_ml=float(rng.uniform(140, 230)),
                flicker=float(rng.uniform(0.001, 0.008)),
            ),
            motion=Motion.random(rng, amplitude),
            shutter=Shutter.random(rng),
            catheter=Catheter.random(rng),
            catheter_shift_px=(float(rng.normal(0, 0.5)), float(rng.normal(0, 1.0))),
            flow=flow,
        )
