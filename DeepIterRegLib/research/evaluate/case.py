"""A patient of an experiment: the images as prepared for registration, the truth, and what it took to make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.research.evaluate.metrics import PoseError, pose_error


@dataclass(frozen=True)
class Costs:
    """What it took to make a case, once; a case that is read from its file remembers."""

    generate_seconds: float
    """CPU seconds of generating the patient, or of reading its files."""
    prepare_seconds: float
    """CPU seconds of segmenting the images."""
    wall_seconds: float
    """Of both."""
    peak_mb: float
    """Greatest resident memory of the process meanwhile, 10^6 bytes; NaN where the system does not tell."""


@dataclass(frozen=True, eq=False)
class Case:
    """A patient ready to be registered."""

    name: str
    images: PreparedImages
    pose: FloatArray
    """(4, 4) the truth: patient frame (RAS, mm) to C-arm frame."""
    radiological_pose: FloatArray
    """(4, 4) where a registration starts."""
    costs: Costs
    defects: Mapping[str, Any] = field(default_factory=dict)
    """What makes this patient hard, as JSON (`SimulatedPatient.defects`); empty where unknown."""
    second_pose: FloatArray | None = None
    """(4, 4) what a second reader takes for the truth; None where there is one truth."""

    @property
    def volume(self) -> PreparedVolume:
        return self.images.volume

    @property
    def angiograms(self) -> tuple[PreparedAngiogram, ...]:
        return self.images.angiograms

    @property
    def carm(self) -> CArm:
        """Of the first run, on whose detector the errors are measured."""
        return self.angiograms[0].angiogram.carm

    @property
    def centre_mm(self) -> FloatArray:
        """(3,) centre of the CTA, patient frame."""
        return self.volume.cloud.centre_mm

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of the preparation of all images."""
        return (*self.volume.warnings, *(line for run in self.angiograms for line in run.warnings))

    def error_of(self, pose: FloatArray) -> PoseError:
        """How far `pose` (4, 4) is from the truth."""
        return pose_error(pose, self.pose, self.centre_mm, self.carm)

    def second_error_of(self, pose: FloatArray) -> PoseError | None:
        """How far `pose` (4, 4) is from the second reader's; None without one."""
        if self.second_pose is None:
            return None
        return pose_error(pose, self.second_pose, self.centre_mm, self.carm)
