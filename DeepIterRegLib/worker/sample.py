"""The worker's `sample` command: the patient of Slicer's Sample Data, simulated here and nowhere downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.worker.reply import Reply
from DeepIterRegLib.worker.sample_file import write_sample

SIMULATOR = "DeepIterRegLib.research.simulate.built_in"
"""By name: nothing of the product imports what is made for research."""
SIMULATED, SUBTRACTED = 0.8, 0.97
"""How much of the time is over after each step."""


def sample(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Simulate a patient and write it to a file, whole or not at all.

    payload: path of the file; seed, detector_px and ct_columns, see `simulate.built_in`. Returns the path.
    """
    simulator = import_module(SIMULATOR)
    patient = simulator.built_in_patient(
        payload["seed"],
        views=("lateral", "frontal"),
        detector_px=payload["detector_px"],
        ct_columns=payload["ct_columns"],
        progress=lambda step, fraction: reply.progress(Progress(step, SIMULATED * fraction)),
    )
    reply.progress(Progress("Subtracting the DSA", SIMULATED))
    angiograms = simulator.angiograms_of(patient, reply.folder)
    reply.progress(Progress("Writing the images", SUBTRACTED))
    path = Path(payload["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sample(path, patient.volume, angiograms, patient.pose)
    return {"path": str(path)}
