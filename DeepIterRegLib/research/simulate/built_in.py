"""The built-in patient: a simulated one at a resolution that takes seconds to make and to register.

>>> import tempfile
>>> from DeepIterRegLib.research.simulate.files.patient_files import write_patient
>>> patient = built_in_patient(seed=2)
>>> files = write_patient(patient, tempfile.mkdtemp())  # cta.nrrd, dsa.dcm, truth.json
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram

if TYPE_CHECKING:
    # With everything that generates: a second that the command's help shall not wait for.
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient, View

BUILT_IN_SEED = 2
"""A patient whose vessels fill well on both sides of the registration; others are harder
(docs/measurements/built_in_patient.md)."""
DETECTOR_PX, CT_COLUMNS = 512, 256
"""Half of what a hospital's images have: pixels of about 0.6 mm, voxels of about 1 mm."""


def built_in_patient(
    seed: int = BUILT_IN_SEED, *, views: tuple[View, ...] = ("lateral",), detector_px: int = DETECTOR_PX,
    ct_columns: int = CT_COLUMNS, progress: Callable[[str, float], None] | None = None,
) -> SimulatedPatient:  # fmt: skip
    """Simulate patient `seed` (>= 0); equal arguments give equal patients.

    progress: called before each step with what it is, and the fraction of the time that is over.
    """
    from DeepIterRegLib.research.simulate.patient import PatientOptions, simulate_patient

    options = PatientOptions(views=views, detector_px=detector_px, ct_columns=ct_columns)
    return simulate_patient(seed, options, progress)


def angiograms_of(patient: SimulatedPatient, folder: Path | None = None) -> list[Angiogram]:
    """The patient's runs as our reader finds them in a scanner's files: they know the geometry from the tags alone.

    folder: where the files are for a moment, if not where the system keeps temporary ones.
    """
    from DeepIterRegLib.research.simulate.files.xa_writer import write_xa

    with tempfile.TemporaryDirectory(dir=folder) as place:
        return [read_angiogram(write_xa(run, Path(place) / f"{n}.dcm")) for n, run in enumerate(patient.runs)]
