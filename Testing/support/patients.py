"""Simulated patients that tests share: each is made once in a process, and those of a cohort once for all processes."""

from __future__ import annotations

import atexit
import dataclasses
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.arteries import grow_arteries
from DeepIterRegLib.research.simulate.built_in import built_in_patient
from DeepIterRegLib.research.simulate.ct.ct_angiogram import scan
from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan
from DeepIterRegLib.research.simulate.files.patient_files import write_patient
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_tissue import GeneratedHead
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from DeepIterRegLib.research.simulate.x_ray.catheter import Catheter
from DeepIterRegLib.research.simulate.x_ray.detector import Exposure
from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun
from DeepIterRegLib.research.simulate.x_ray.motion import Motion
from DeepIterRegLib.research.simulate.x_ray.run_plan import BloodFlow, RunPlan
from DeepIterRegLib.research.simulate.x_ray.x_ray_run import expose
from DeepIterRegLib.worker.sample_file import Sample, read_sample, write_sample

SMALL_DETECTOR_PX, SMALL_CT_COLUMNS = 128, 160
"""Pixels of about 2.5 mm and voxels of about 1.6 mm: as coarse as a registration bears."""
SMALL_SEED = 2
"""A patient who is registered well even so."""
TABLE_MM = np.array([3.0, -140.0, -600.0])
"""Where the average head lies in the patient frame."""
POSE = rigid(np.eye(3), -TABLE_MM + [0, 0, 8.0])
CLEAN_PLAN = RunPlan(
    frames=20, motion=Motion(), catheter=Catheter(below_base_mm=200.0), exposure=Exposure(dose_ugy=4, flicker=0.0),
    flow=BloodFlow(seed=1),
)  # fmt: skip
SAMPLES = "DEEPITERREG_TEST_SAMPLES"
"""Environment variable: the folder in which processes of one session share patients."""


@cache
def small_patient() -> SimulatedPatient:
    """A patient with a lateral and a frontal run."""
    return built_in_patient(
        SMALL_SEED, views=("lateral", "frontal"), detector_px=SMALL_DETECTOR_PX, ct_columns=SMALL_CT_COLUMNS
    )


@cache
def lateral_patient() -> SimulatedPatient:
    """The same patient without the frontal run."""
    patient = small_patient()
    defects = {what: patient.defects[what] for what in ("cta", "lateral")}
    return dataclasses.replace(patient, runs=patient.runs[:1], defects=defects)


@cache
def small_patient_files() -> dict[str, Path]:
    """cta, dsa, dsa_frontal and truth of the small patient; not to be changed."""
    return write_patient(small_patient(), _session_folder() / "small_patient")


def average_sample() -> tuple[Sample, dict[str, BoolArray]]:
    """CTA of 1.6 mm and lateral angiogram of 128 px, both of the vessels that the run shows, and the true pose.

    Beside it its true masks: cta_vessels, cta_veins, dsa_vessels, dsa_veins. Made by the first process that asks.
    """
    path, masks = _session_folder() / "average.npz", _session_folder() / "average_masks.npz"
    if not path.exists():
        plan = CtPlan(columns=150, slices=130, voxel_mm=1.6, slice_mm=1.6, centre_mm=(0, 4, -22))
        run = average_run(128, frames=36)  # until all veins have filled
        filled = tuple(
            dataclasses.replace(vessel, upstream=None, downstream=None)
            for vessel, fraction in zip(average_anatomy().vessels, run.fraction, strict=True)
            if fraction.max() > 0.2
        )
        anatomy = Anatomy(average_anatomy().head, filled)
        made = scan(anatomy, None, rigid(np.eye(3), TABLE_MM), plan, np.random.default_rng(1))
        veins = run.veins_mm > 0.05
        np.savez(
            masks, cta_vessels=made.artery_mask | made.vein_mask, cta_veins=made.vein_mask,
            dsa_vessels=(run.arteries_mm > 0.2) | veins, dsa_veins=veins,
        )  # fmt: skip
        write_sample(path, made.volume, [read_angiogram(write_xa(run, _session_folder() / "average.dcm"))], POSE)
    with np.load(masks, allow_pickle=False) as found:
        return read_sample(path), dict(found)


@cache
def average_anatomy() -> Anatomy:
    """An average head with its named vessels, without twigs and tributaries; their names are those of both sides."""
    arteries, _ = grow_arteries(HeadShape(), np.random.default_rng(5))
    veins, variants = grow_veins(HeadShape(), np.random.default_rng(5), len(arteries))
    return Anatomy(GeneratedHead(HeadShape(), HeadTraits()), _without_twigs([*arteries, *veins]), variants)


@cache
def average_head() -> Volume:
    """The average head in voxels of 2 mm, without contrast."""
    shape, ijk_to_head = (104, 108, 108), np.diag([-2.0, -2.0, 2.0, 1.0])
    ijk_to_head[:3, 3] = np.array([0.0, 0.0, -25.0]) - ijk_to_head[:3, :3] @ (np.array(shape[::-1]) - 1) / 2
    hu = average_anatomy().head.hu(ijk_to_head, shape, np.random.default_rng(0))
    return Volume(np.round(hu).astype(np.int16), rigid(np.eye(3), TABLE_MM) @ ijk_to_head, "cta")


def lateral_carm(detector_px: int, primary_angle_deg: float = 90.0) -> CArm:
    return CArm.from_angles(primary_angle_deg, 0, 1150, 750, 307.2 / detector_px, detector_px, detector_px)


@cache
def average_run(detector_px: int, frames: int = 20) -> XRayRun:
    """The average anatomy from the left: the left carotid filled, the head still, nothing in the way."""
    plan = dataclasses.replace(CLEAN_PLAN, frames=frames)
    return expose(
        average_anatomy(), stroke=None, treated=False, injected="ICA left", plain_head=average_head(),
        head_to_patient=rigid(np.eye(3), TABLE_MM), pose=POSE, carm=lateral_carm(detector_px), plan=plan,
        rng=np.random.default_rng(0),
    )  # fmt: skip


@cache
def plain_ct() -> Volume:
    """An average head without contrast, in voxels of 1.6 mm."""
    plan = CtPlan(columns=150, slices=130, voxel_mm=1.6, slice_mm=1.6, centre_mm=(0, 4, -22))
    anatomy = Anatomy(average_anatomy().head, ())
    return scan(anatomy, None, np.eye(4), plan, np.random.default_rng(1)).volume


def _without_twigs(vessels: list[Vessel]) -> tuple[Vessel, ...]:
    named = [number for number, vessel in enumerate(vessels) if not vessel.name.endswith(("twig", "tributary"))]
    place = {old: new for new, old in enumerate(named)}
    return tuple(
        dataclasses.replace(
            vessels[old],
            upstream=place.get(vessels[old].upstream),  # type: ignore[arg-type]
            downstream=place.get(vessels[old].downstream),  # type: ignore[arg-type]
        )
        for old in named
    )


def _session_folder() -> Path:
    if SAMPLES not in os.environ:
        os.environ[SAMPLES] = tempfile.mkdtemp(prefix="deepiterreg-patients-")
        atexit.register(shutil.rmtree, os.environ[SAMPLES], ignore_errors=True)
    return Path(os.environ[SAMPLES])
