"""What is wrong with one patient is told with the column where it stands: of the second run, its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from DeepIterRegLib.cohort.patient import PatientTask, register_patient
from DeepIterRegLib.cohort.table import read_table
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.research.simulate.files.nrrd_writer import write_nrrd
from Testing.support.dicom_files import write_xa
from Testing.support.small_registration import LATERAL, small_angiogram, small_volume


@pytest.mark.parametrize(
    ("column", "wrong", "said"),
    [
        ("dsa", {"DistanceSourceToDetector": None}, "Row 2, column sdd: "),
        ("dsa2", {"DistanceSourceToDetector": None}, "Row 2, column sdd2: "),
        ("dsa2", {"PositionerPrimaryAngle": "999"}, "Row 2, column primary_angle2: "),
        ("dsa_vessels", None, "Row 2, column dsa_vessels: "),
        ("dsa_vessels2", None, "Row 2, column dsa_vessels2: "),
    ],
)
def test_the_column_of_the_run_that_is_wrong_is_named(
    tmp_path: Path, column: str, wrong: dict[str, str | None] | None, said: str
) -> None:
    frames = np.clip(small_angiogram(LATERAL).frames, 0, 4000).astype(np.uint16)
    volume = small_volume()
    write_nrrd(volume.voxels, volume.ijk_to_ras, tmp_path / "cta.nrrd")
    for name in ("dsa", "dsa2"):
        write_xa(tmp_path / f"{name}.dcm", frames, **(wrong or {}) if name == column else {})
    cells = {"patient": "A", "cta": "cta.nrrd", "dsa": "dsa.dcm", "dsa2": "dsa2.dcm"}
    if wrong is None:
        Image.fromarray(np.zeros((7, 9), np.uint8)).save(tmp_path / "mask.png")
        cells[column] = "mask.png"
    table = tmp_path / "table.csv"
    table.write_text(",".join(cells) + "\n" + ",".join(cells.values()) + "\n")
    (row,) = read_table(table)
    assert row.problem is None
    outcome = register_patient(PatientTask(row, "A", "", tmp_path / "out", Options()))
    assert outcome.status == "refused"
    assert outcome.sentence.startswith(said)
    assert not (tmp_path / "out").exists()
