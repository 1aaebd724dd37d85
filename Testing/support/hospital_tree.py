"""Simulated patients as a hospital's archive exports them: CT series and XA runs in one tree, and much else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from Testing.support.dicom_files import dataset, write_ct_slices

REPORT_STORAGE, SCREEN_STORAGE = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.7"
CT_DAY, XA_DAY = "20260301", "20260302"


def write_hospital_tree(folder: Path, patients: Iterable[SimulatedPatient]) -> None:
    """CTA, scout, thick slices of it, a chest, a report; the runs in one folder, with a screen save."""
    for patient in patients:
        name = f"PAT{patient.seed:06d}"
        home, study = folder / f"{patient.seed % 7:02d}" / name, f"1.2.826.0.1.{patient.seed}"
        who = {"PatientID": name, "PatientName": f"Simulated^{patient.seed}"}
        ct = {**who, "StudyInstanceUID": f"{study}.1", "StudyDate": CT_DAY, "BodyPartExamined": "HEAD"}
        _write_volume(home / "S0002", patient.volume, **ct, SeriesNumber="2", ContrastBolusAgent="Iomeron 400")
        thick = Volume(patient.volume.voxels[::6], patient.volume.ijk_to_ras @ np.diag([1, 1, 6, 1]), "cta")
        _write_volume(home / "S0003", thick, **ct, SeriesNumber="3", ContrastBolusAgent="Iomeron 400")
        scout = Volume(patient.volume.voxels[:2], patient.volume.ijk_to_ras, "cta")
        _write_volume(
            home / "S0001", scout, **ct, SeriesNumber="1", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
        )  # fmt: skip
        chest = np.zeros((64, 8, 8), dtype=np.int16)
        of_chest: dict[str, Any] = {**ct, "BodyPartExamined": "CHEST", "SeriesNumber": "9"}
        write_ct_slices(home / "S0009", chest, **of_chest)
        xa = {**who, "StudyInstanceUID": f"{study}.2", "StudyDate": XA_DAY}
        (home / "XA").mkdir(parents=True, exist_ok=True)
        for number, run in enumerate(patient.runs, start=1):
            path = write_xa(run, home / "XA" / f"I{number:04d}", seed=patient.seed, name=name)
            of_run = pydicom.dcmread(path)
            for keyword, value in {**xa, "SeriesNumber": str(number), "AcquisitionTime": f"10{number:02d}00"}.items():
                setattr(of_run, keyword, value)
            of_run.save_as(path, enforce_file_format=True)
        nothing = np.zeros((8, 8), dtype=np.uint16)
        for storage, modality, file in ((REPORT_STORAGE, "SR", "REPORT"), (SCREEN_STORAGE, "OT", "SCREEN")):
            series = f"{study}.3.{len(file)}{ord(modality[0])}"
            made = dataset(storage, nothing, {**xa, "Modality": modality, "SeriesInstanceUID": series})
            made.save_as(home / "XA" / file, enforce_file_format=True)
    (folder / "DICOMDIR").write_bytes(b"x")


def _write_volume(folder: Path, volume: Volume, **tags: Any) -> None:
    """As one series of single slices."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.ijk_to_ras
    spacing_mm = np.round(np.linalg.norm(lps[:3, :3], axis=0), 6)
    axes = np.round(lps[:3, :3] / np.linalg.norm(lps[:3, :3], axis=0), 6)
    write_ct_slices(
        folder, np.maximum(volume.voxels, -1024), (lps[0, 3], lps[1, 3], lps[2, 3]), tuple(spacing_mm),
        (*axes[:, 0], *axes[:, 1]), tuple(lps[:3, 2]), **tags,
    )  # fmt: skip
