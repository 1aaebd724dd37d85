"""The accuracy experiment on a real patient: seeded starts around the known pose of `cases/rotational-head`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, mean_projection_error_px
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.options import Method, Options
from DeepIterRegLib.registration.register import register

SUCCESS_MM = 5.0
"""The paper's threshold on the mean projection error."""
SPREADS = ((5.0, 10.0), (10.0, 20.0))
"""Standard deviations per axis of the starts: degrees, mm."""


@dataclass(frozen=True)
class Trial:
    """One registration of one frame from one start."""

    frame: str
    method: Method
    rotation_sd_deg: float
    translation_sd_mm: float
    start: int
    mpe_start_mm: float
    mpe_start_px: float
    mpe_final_mm: float
    mpe_final_px: float
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Summary:
    """All trials of one method from one spread of starts."""

    method: Method
    rotation_sd_deg: float
    translation_sd_mm: float
    trials: int
    successes: int
    median_start_mm: float
    median_final_mm: float
    percentile95_final_mm: float
    median_seconds: float
    median_cpu_seconds: float


def perturbed_start(
    truth: FloatArray, centre_mm: FloatArray, rotation_sd_deg: float, translation_sd_mm: float, seed: int
) -> FloatArray:
    """(4, 4) pose off the true one by normally distributed rotation vector and translation, about the CTA's centre."""
    random = np.random.default_rng(seed)
    rotation = np.radians(random.normal(0, rotation_sd_deg, 3))
    translation = random.normal(0, translation_sd_mm, 3)
    correction = PivotedCorrection.about_patient_point(truth, centre_mm)
    return correction.pose(np.concatenate([rotation, translation]))


def run_trials(
    folder: Path,
    methods: Sequence[Method],
    starts: int,
    spreads: Sequence[tuple[float, float]] = SPREADS,
    first_seed: int = 0,
    tell: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Register every frame in `folder` (volume.nrrd and frame_*.dcm) from seeded starts around the identity, the truth.

    Start k of frame n has the seed first_seed + 1000 n + k, for every method and spread. Raises InputError where the
    folder is not there.
    """
    frames = sorted(folder.glob("frame_*.dcm"))
    if not frames:
        raise InputError(
            "The folder {folder} holds no frame_*.dcm; give the folder rotational-head.", folder=folder.name
        )
    truth = np.eye(4)
    volume = prepare_volume(read_volume(folder / "volume.nrrd"))
    centre = volume.cloud.centre_mm
    trials = []
    for number, path in enumerate(frames):
        angiogram = prepare_angiogram(read_angiogram(path))
        carm = angiogram.angiogram.carm
        for rotation_sd, translation_sd in spreads:
            for start in range(starts):
                pose = perturbed_start(
                    truth, centre, rotation_sd, translation_sd, seed=first_seed + 1000 * number + start
                )
                for method in methods:
                    began, cpu_began = time.perf_counter(), time.process_time()
                    # The method's own draws must not repeat the start's: another seed.
                    options = Options(method=method, initial_pose=pose, device="cpu", seed=start)
                    found = register(PreparedImages(volume, (angiogram,)), options)
                    trial = Trial(
                        path.stem, method, rotation_sd, translation_sd, start,
                        mean_projection_error_mm(pose, truth, centre, carm),
                        mean_projection_error_px(pose, truth, centre, carm),
                        mean_projection_error_mm(found.pose, truth, centre, carm),
                        mean_projection_error_px(found.pose, truth, centre, carm),
                        time.perf_counter() - began,
                        time.process_time() - cpu_began,
                    )  # fmt: skip
                    trials.append(trial)
                    tell(trial)
    return trials


def summarise(trials: Sequence[Trial]) -> list[Summary]:
    """One row for each method and spread."""
    rows = []
    for key in dict.fromkeys((trial.method, trial.rotation_sd_deg, trial.translation_sd_mm) for trial in trials):
        group = [trial for trial in trials if (trial.method, trial.rotation_sd_deg, trial.translation_sd_mm) == key]
        final = np.array([trial.mpe_final_mm for trial in group])
        rows.append(
            Summary(
                *key,
                trials=len(group),
                successes=int((final < SUCCESS_MM).sum()),
                median_start_mm=float(np.median([trial.mpe_start_mm for trial in group])),
                median_final_mm=float(np.median(final)),
                percentile95_final_mm=float(np.percentile(final, 95)),
                median_seconds=float(np.median([trial.seconds for trial in group])),
                median_cpu_seconds=float(np.median([trial.cpu_seconds for trial in group])),
            )
        )
    return rows


def as_json(trials: Sequence[Trial], first_seed: int = 0) -> str:
    """The documented JSON (schemas/rotational_head.schema.json) of an experiment; an infinite error becomes null."""
    content = {
        "experiment": "rotational-head",
        "success_mm": SUCCESS_MM,
        "first_seed": first_seed,
        "cpus": os.cpu_count(),
        "summary": [asdict(row) for row in summarise(trials)],
        "trials": [asdict(trial) for trial in trials],
    }
    finite = json.loads(json.dumps(content), parse_constant=lambda constant: None)
    return json.dumps(finite, indent=1, allow_nan=False) + "\n"
