"""The worker's `sample` command: the patient of Slicer's Sample Data, simulated here and nowhere downloaded."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.worker.reply import Reply
from DeepIterRegLib.worker.sample_file import write_sample

SIMULATED, SUBTRACTED = 0.8, 0.97
"""How much of the time is over after each step."""


def sample(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Simulate a patient and write it to a file, whole or not at all.

    payload: path of the file; seed, detector_px and ct_columns, see `simulate.patient`. Returns the path.
    """
    from DeepIterRegLib.images.dsa_files import read_angiogram
    from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
    from DeepIterRegLib.research.simulate.patient import PatientOptions, simulate_patient

    options = PatientOptions(("lateral", "frontal"), None, None, payload["detector_px"], payload["ct_columns"])
    patient = simulate_patient(
        payload["seed"], options, lambda step, fraction: reply.progress(Progress(step, SIMULATED * fraction))
    )
    # Through a file as from a scanner: the angiograms are what the reader makes of it, and know the geometry only
    # from its tags.
    reply.progress(Progress("Subtracting the DSA", SIMULATED))
    with tempfile.TemporaryDirectory(dir=reply.folder) as folder:
        angiograms = [
            read_angiogram(write_xa(run, Path(folder) / f"{number}.dcm")) for number, run in enumerate(patient.runs)
        ]
    reply.progress(Progress("Writing the images", SUBTRACTED))
    path = Path(payload["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sample(path, patient.volume, angiograms, patient.pose)
    return {"path": str(path)}
