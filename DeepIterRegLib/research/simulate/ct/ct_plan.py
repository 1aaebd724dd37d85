"""How a CT angiogram is taken: voxels, coverage, timing of the bolus, noise, kernel."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

VERTEX_MM = 77.0
"""Skin of an average head above the middle of its brain."""
BLOOD_HU = 45.0


@dataclass(frozen=True)
class CtPlan:
    """One scan. Attenuations are those of pure lumen, before partial volume."""

    columns: int = 512
    """Rows and columns."""
    slices: int = 350
    voxel_mm: float = 0.5
    """Edge within a slice."""
    slice_mm: float = 0.6
    """From slice to slice."""
    centre_mm: tuple[float, float, float] = (0.0, 0.0, -20.0)
    """Middle of the field in the head's frame (RAS, mm about the middle of the brain)."""
    phase: float = 0.5
    """0: early arterial, 1: late venous."""
    artery_hu: float = 400.0
    sinus_hu: float = 230.0
    cortical_vein_hu: float = 220.0
    deep_vein_hu: float = 220.0
    jugular_hu: float = 170.0
    noise_hu: float = 14.0
    """Standard deviation in the brain's middle."""
    blur_mm: float = 0.40
    """Of the kernel within a slice, standard deviation of a Gaussian."""
    slice_blur_mm: float = 0.35
    """Across slices: they are thicker than their distance."""
    sharpening: float = 0.0
    """Of the kernel: share of the image minus its blurred self that is added; 0.6 overshoots at bone visibly."""

    def __post_init__(self) -> None:
        if min(self.columns, self.slices) < 16:
            raise ValueError(f"a CT needs at least 16 columns and slices, not {self.columns} and {self.slices}")

    @classmethod
    def random(cls, rng: np.random.Generator, columns: int = 512, vertex_mm: float = VERTEX_MM) -> CtPlan:
        """A stroke protocol of some hospital.

        Fields of 230 to 300 mm in 512 columns; with fewer columns the same field in larger voxels. `vertex_mm`: where
        the head ends; the scan goes on for 5 to 20 mm, and reaches down to the second to fourth vertebra. Attenuations:
        250 to 500 HU in arteries is what CT angiograms are planned for; most of the spread of veins comes from timing.
        """
        fine_mm = float(np.clip(rng.normal(0.51, 0.05), 0.45, 0.7))
        voxel_mm = fine_mm * 512 / columns
        slice_mm = float(rng.choice([0.5, 0.6, 0.625, 0.7, 0.75, 0.8])) * max(1.0, 512 / columns * 0.8)
        top, bottom = vertex_mm + float(rng.uniform(5, 20)), float(rng.uniform(-140, -105))
        slices = round((top - bottom) / slice_mm)
        # Most stroke scans are triggered at the arterial peak and reach the head some seconds later.
        phase = float(rng.beta(2.0, 2.2))
        artery = float(np.clip(rng.normal(390, 60), 250, 510)) * (1.05 - 0.28 * phase**2)
        share = 0.12 + 0.80 * phase
        vein = BLOOD_HU + share * (artery - BLOOD_HU)
        cortical, deep, jugular = rng.normal(1.0, 0.12), rng.normal(1.0, 0.1), rng.uniform(0.35, 1.05)
        return cls(
            columns,
            slices,
            voxel_mm,
            slice_mm,
            centre_mm=(float(rng.normal(0, 3)), float(rng.normal(2, 6)), (top + bottom) / 2),
            phase=phase,
            artery_hu=artery,
            sinus_hu=vein,
            cortical_vein_hu=BLOOD_HU + float(np.clip(cortical, 0.6, 1.3)) * (vein - BLOOD_HU),
            deep_vein_hu=BLOOD_HU + float(np.clip(deep, 0.7, 1.3)) * (vein - BLOOD_HU),
            jugular_hu=BLOOD_HU + float(jugular) * (vein - BLOOD_HU),
            noise_hu=float(np.clip(rng.lognormal(np.log(13), 0.28), 8, 22)),
            blur_mm=float(rng.uniform(0.32, 0.50)),
            slice_blur_mm=float(rng.uniform(0.28, 0.45)),
            sharpening=float(rng.choice([0.0, 0.0, 0.3, 0.6])),
        )

    @property
    def size_kji(self) -> tuple[int, int, int]:
        return self.slices, self.columns, self.columns

    def ijk_to_patient(self, head_to_patient: FloatArray) -> FloatArray:
        """(4, 4) indices to the patient frame: i runs to the patient's left, j to the back, k to the head."""
        matrix = np.diag([-self.voxel_mm, -self.voxel_mm, self.slice_mm, 1.0])
        centre = head_to_patient[:3, :3] @ np.array(self.centre_mm) + head_to_patient[:3, 3]
        last = np.array([self.columns - 1, self.columns - 1, self.slices - 1])
        matrix[:3, 3] = centre - matrix[:3, :3] @ last / 2
        return matrix

    def as_json(self) -> dict[str, Any]:
        """For truth.json."""
        return asdict(self)
