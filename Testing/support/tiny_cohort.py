"""Patients small enough for tests of the experiments; some of them misbehave."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.registration.images import Masks, PatientImages
from DeepIterRegLib.research.evaluate.cohort import CohortPatient
from Testing.support.patients import average_sample


@dataclass(frozen=True)
class TinyCohort:
    """The average anatomy at a low resolution, under several names."""

    count: int = 2
    journal: Path | None = None
    """A folder in which every attempt to make a patient leaves a file."""
    damaged: tuple[str, ...] = ()
    deadly: tuple[str, ...] = ()
    """Patients who kill the process that makes them."""
    deadly_once: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    """Patients who move more than a test set allows."""

    def names(self) -> Iterator[str]:
        return map(str, range(1, self.count + 1))

    def identity(self, name: str) -> Mapping[str, Any]:
        return {"tiny": 1}

    def load(self, name: str) -> CohortPatient:
        attempt = 1
        if self.journal is not None:
            attempt += len(list(self.journal.glob(f"{name}-*")))
            (self.journal / f"{name}-{attempt}").touch()
        if name in self.deadly or (name in self.deadly_once and attempt == 1):
            os._exit(9)
        if name in self.damaged:
            raise InputError("dsa.dcm is truncated.")
        sample, masks = average_sample()
        defects = {"lateral": {"head_displacement_px": [0.0, 9.0 if name in self.moving else 0.1]}}
        start = near(sample.true_pose)
        given = Masks(masks["cta_vessels"], masks["cta_veins"], (masks["dsa_vessels"],), (masks["dsa_veins"],))
        return CohortPatient(
            PatientImages(sample.volume, sample.angiograms, given),
            sample.true_pose,
            start,
            0.5,
            defects,
        )


def near(pose: FloatArray) -> FloatArray:
    """A starting pose some 13 px off, from which the default method finds so coarse a head."""
    return rigid(None, np.array([0.0, 6.0, -5.0])) @ pose
