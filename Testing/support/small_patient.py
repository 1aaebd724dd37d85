"""A whole simulated patient in seconds: the built-in one's images and vessels, with what a simulated one has more."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from DeepIterRegLib.research.simulate.simple import simple_patient


class EmptyHead:
    """Stands for the tissue, which nobody asks for once the CTA is there."""

    shape = HeadShape()

    def hu(
        self, ijk_to_head: FloatArray, size_kji: tuple[int, int, int], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        return np.zeros(size_kji, dtype=np.float32)


@functools.cache
def small_patient(seed: int = 1, views_deg: tuple[float, ...] = (90.0,), detector_px: int = 128) -> SimulatedPatient:
    """CTA of 1.6 mm, one run for each angle; the carotid of the injected side is occluded at its end."""
    simple = simple_patient(seed, detector_px=detector_px, voxel_mm=1.6, views_deg=views_deg)
    vessels = tuple(item.vessel for item in simple.vessels)
    carotid = next(n for n, vessel in enumerate(vessels) if vessel.name == f"ICA {simple.injected_side}")
    head_to_patient = np.eye(4)
    head_to_patient[:3, 3] = (10.0, -140.0, -600.0)
    return SimulatedPatient(
        seed=seed,
        anatomy=Anatomy(EmptyHead(), vessels, {"PCOM left": "absent"}),
        head_to_patient=head_to_patient,
        stroke=Stroke("ICA-T", simple.injected_side, carotid, 150.0, 8.0, 2),
        treated=True,
        injected=f"ICA {simple.injected_side}",
        volume=simple.volume,
        runs=simple.runs,
        pose=simple.pose,
        radiological_pose=simple.radiological_pose,
        artery_mask=simple.vessel_mask & ~simple.vein_mask,
        vein_mask=simple.vein_mask,
        skull_vein_mask=simple.skull_vein_mask,
        arrival_s=tuple(item.arrival_s for item in simple.vessels),
        defects={"cta": {"noise_hu": np.float32(11.0), "unknown": np.inf}, "lateral": {"shutter": (1, 2)}},
    )
