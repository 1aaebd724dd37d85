"""What a worker does: prepares a patient, registers a patient. Arguments and results travel between processes."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.render.choose import warm_up
from DeepIterRegLib.research.evaluate.case import Case
from DeepIterRegLib.research.evaluate.cohort import Cohort
from DeepIterRegLib.research.evaluate.experiments import experiment_named
from DeepIterRegLib.research.evaluate.methods import register_with
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.prepare import case_path, made_of, prepared_case
from DeepIterRegLib.research.evaluate.reference import NoTruth
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.variants import Variant


@dataclass(frozen=True, kw_only=True)
class Study:
    """What every worker has to know about an experiment."""

    experiment: str
    cohort: Cohort
    starts: int
    """Per patient."""
    size_px: int
    """Pixels along the detector's shorter side, of the published methods."""
    prepared: Path
    """Folder of the prepared patients, on the worker's machine."""
    preparation_code: str
    """`prepare.preparation_fingerprint` of the command that runs the experiment."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A row of the results, and the pose behind it."""

    row: Row
    pose: FloatArray | None
    """(4, 4), None after an error."""


def prepare_patient(study: Study, patient: str) -> PatientSummary:
    """Make the patient's file if it is not there.

    A patient who cannot be prepared comes back as `error`, one without a true pose as `no_truth`.

    Raises OSError where the disk does not take the file, and MemoryError.
    """
    try:
        case = _case(study, patient)
    except (OSError, MemoryError):
        raise
    except NoTruth as error:
        return PatientSummary.of_failure(patient, "", no_truth=one_sentence(error))
    except Exception as error:
        return PatientSummary.of_failure(patient, one_sentence(error))
    return PatientSummary.of(case, made_of(study.cohort, patient, study.preparation_code))


def register_patient(study: Study, patient: str, variant: Variant, numbers: Sequence[int]) -> list[Trial]:
    """Register a patient from the starts of these numbers; what goes wrong is in the rows. Raises as above."""
    try:
        case = _case(study, patient)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # Prepared before, but the file is gone, and now the patient cannot be prepared again.
        reason = one_sentence(error)
        rows = [empty_row(study.experiment, variant, patient, number, math.nan, reason) for number in numbers]
        return [Trial(row, None) for row in rows]
    _warm_up_once()
    starts = experiment_named(study.experiment).starts(case, study.starts)
    return [
        register_start(case, study.experiment, variant, number, starts[number], study.size_px) for number in numbers
    ]


def register_start(
    case: Case, experiment: str, variant: Variant, number: int, start: FloatArray, size_px: int
) -> Trial:  # fmt: skip
    """Register a case from one start (4, 4) and compare the result with the truth."""
    start_px = case.error_of(start).mpe_px
    row = empty_row(experiment, variant, case.name, number, case.error_of(case.radiological_pose).mpe_px)
    initialized_px = math.nan if variant.checkpoint else start_px
    row = replace(row, mpe_start_px=start_px, mpe_initialized_px=initialized_px, warnings=len(case.warnings))
    # The method's own draws: another stream for each start.
    seed = zlib.crc32(f"{case.name} {number}".encode())
    try:
        found = register_with(
            variant.method, case.images, start, seed=seed, size_px=size_px, checkpoint=variant.checkpoint_path
        )
    except (OSError, MemoryError):
        raise
    except Exception as error:
        return Trial(replace(row, error=one_sentence(error)), None)
    off, off_second = case.error_of(found.pose), case.second_error_of(found.pose)
    initialized = start if found.initialized_pose is None else found.initialized_pose
    similarity = found.stages[-1].similarity
    masks = found.stage(stage_names.VESSEL_MASKS)
    row = replace(
        row,
        mpe_initialized_px=case.error_of(initialized).mpe_px,
        mpe_final_px=off.mpe_px,
        mpe_final_mm=off.mpe_mm,
        tre_mm=off.tre_mm,
        success=off.success,
        seconds=found.seconds,
        error_along_beam_mm=off.along_beam_mm,
        error_across_beam_mm=off.across_beam_mm,
        similarity=math.nan if similarity is None else float(similarity),
        cpu_seconds=found.cpu_seconds,
        warnings=len(found.warnings),
        evaluations=sum(stage.evaluations for stage in found.stages),
        mpe_masks_mm=case.error_of(masks.pose).mpe_mm if masks else math.nan,
        masks_found_after=masks.found_after if masks else 0,
        mpe_second_mm=off_second.mpe_mm if off_second else math.nan,
    )
    return Trial(row, np.array(found.pose))


def empty_row(
    experiment: str, variant: Variant, patient: str, start: int, mpe_radiological_px: float, error: str = ""
) -> Row:  # fmt: skip
    """The row of a registration that has no result."""
    unknown = math.nan
    return Row(
        patient=patient,
        experiment=experiment,
        method=variant.method,
        initializer=variant.initializer,
        start=start,
        mpe_radiological_px=mpe_radiological_px,
        mpe_start_px=unknown,
        mpe_initialized_px=unknown,
        mpe_final_px=unknown,
        mpe_final_mm=unknown,
        tre_mm=unknown,
        success=False,
        seconds=unknown,
        error=error,
    )


def one_sentence(error: Exception) -> str:
    """What the table of failures shows: our own sentence, or the type and first line of an error nobody foresaw."""
    first_line = next(iter(str(error).strip().splitlines()), "")
    if isinstance(error, InputError):
        return first_line
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


@lru_cache(maxsize=1)
def _case(study: Study, patient: str) -> Case:
    """The last patient is often the next one's."""
    return prepared_case(
        study.cohort, patient, case_path(study.prepared, study.cohort, patient, study.preparation_code)
    )  # fmt: skip


@lru_cache(maxsize=1)
def _warm_up_once() -> None:
    """Compiling is not registering: its seconds belong to no row."""
    warm_up("cpu")
