"""The segmentations that come with a simulated patient: the truth, or as imperfect as a clinic's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.research.simulate.segmentations.segmentation_defects import degrade_detector, degrade_volume, dice
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
from DeepIterRegLib.research.simulate.streams import stream

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient

SEEN_MM = 0.3
"""Of injected contrast along a ray: what shows above the noise of a run, and counts as vessel in the true masks."""


@dataclass(frozen=True, eq=False)
class PatientSegmentations:
    """Masks that can replace our own segmentation of all images of a patient."""

    cta_vessels: BoolArray
    """(K, J, I) all vessels."""
    cta_veins: BoolArray
    """(K, J, I) the large veins along the skull."""
    dsa: tuple[tuple[BoolArray, BoolArray], ...]
    """(rows, columns) vessels and veins of each run."""
    cta_dice: tuple[float, float]
    """Overlap of the CTA's two with the truth."""
    dsa_dice: tuple[tuple[float, float], ...]
    """Likewise of each run's."""


def segment(patient: SimulatedPatient, quality: SegmentationQuality) -> PatientSegmentations:
    """The patient's vessels as a segmentation of that quality would have them; the same for the same patient."""
    cta = degrade_volume(
        patient.artery_mask, patient.vein_mask, patient.skull_vein_mask, patient.volume.voxels,
        patient.volume.spacing_mm, quality, stream(patient.seed, "CTA segmentation"),
    )  # fmt: skip
    runs, run_dice = [], []
    for number, run in enumerate(patient.runs):
        arteries, veins = run.arteries_mm > SEEN_MM, run.veins_mm > SEEN_MM
        found = degrade_detector(arteries, veins, quality, stream(patient.seed, f"DSA segmentation {number}"))
        runs.append(found)
        run_dice.append((dice(found[0], arteries | veins), dice(found[1], veins)))
    truth = patient.artery_mask | patient.vein_mask, patient.skull_vein_mask
    return PatientSegmentations(*cta, tuple(runs), (dice(cta[0], truth[0]), dice(cta[1], truth[1])), tuple(run_dice))
