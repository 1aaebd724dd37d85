"""A simulated patient as the files that a hospital would send, and the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.research.simulate.files.nrrd_writer import write_nrrd
from DeepIterRegLib.research.simulate.files.truth import plain, to_json, truth_of, view_of
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
from DeepIterRegLib.research.simulate.segmentations.segmentations import PatientSegmentations, segment
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredChoice, form_of
from DeepIterRegLib.research.simulate.x_ray.stored_run import console_of

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient, View


def run_stems(views: Sequence[View]) -> tuple[str, ...]:
    """Stems of the runs' files: the first is dsa, a second one bears its view."""
    return tuple("dsa" if number == 0 else f"dsa_{view}" for number, view in enumerate(views))


def file_names(views: Sequence[View], with_segmentations: bool) -> tuple[str, ...]:
    """Names of all files that `write_patient` writes."""
    names = ["cta.nrrd", *(f"{stem}.dcm" for stem in run_stems(views)), "truth.json"]
    if with_segmentations:
        names += ["cta_vessels.nrrd", "cta_veins.nrrd"]
        names += [f"{stem}_{what}.png" for stem in run_stems(views) for what in ("vessels", "veins")]
    return tuple(names)


def write_patient(
    patient: SimulatedPatient, folder: str | Path, segmentations: str | None = None, stored: StoredChoice = "raw",
) -> dict[str, Path]:  # fmt: skip
    """Write the patient's files into `folder`, which is made if need be; returns their paths by stem.

    cta.nrrd, dsa.dcm (a second run as dsa_frontal.dcm), truth.json. segmentations: "truth", "realistic" or "poor"
    masks as well, cta_vessels.nrrd, cta_veins.nrrd, dsa_vessels.png, dsa_veins.png, ..., for the options of
    `deepiterreg register` of these names. stored: in which form the runs are written.

    Raises InputError for an unknown quality, OSError where the files cannot be written. Whoever needs all files or none
    gives a folder of his own (cli.staging).
    """
    quality = None if segmentations is None else SegmentationQuality.named(segmentations)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    views = [view_of(run) for run in patient.runs]
    form = form_of(stored, patient.seed)
    paths = {"cta": write_nrrd(patient.volume.voxels, patient.volume.ijk_to_ras, folder / "cta.nrrd")}
    for stem, run in zip(run_stems(views), patient.runs, strict=True):
        paths[stem] = write_xa(
            run, folder / f"{stem}.dcm", form=form, seed=patient.seed, name=f"simulated-{patient.seed}"
        )
    truth = truth_of(patient)
    if form != "raw":
        truth["defects"]["stored"] = {
            "form": form,
            **(console_of(patient.seed).as_json() if form == "exported" else {}),
        }
    if quality is not None:
        found = segment(patient, quality)
        paths |= _write_masks(found, patient, folder, run_stems(views))
        truth["segmentations"] = plain(
            {"quality": segmentations, "cta_dice": found.cta_dice, "dsa_dice": found.dsa_dice}
        )
    paths["truth"] = folder / "truth.json"
    paths["truth"].write_text(to_json(truth), encoding="utf-8")
    return paths


def _write_masks(
    found: PatientSegmentations, patient: SimulatedPatient, folder: Path, stems: Sequence[str]
) -> dict[str, Path]:
    paths = {}
    for name, mask in (("cta_vessels", found.cta_vessels), ("cta_veins", found.cta_veins)):
        paths[name] = write_nrrd(mask, patient.volume.ijk_to_ras, folder / f"{name}.nrrd")
    for stem, masks in zip(stems, found.dsa, strict=True):
        for what, image in zip(("vessels", "veins"), masks, strict=True):
            paths[f"{stem}_{what}"] = _write_png(image, folder / f"{stem}_{what}.png")
    return paths


def _write_png(mask: BoolArray, path: Path) -> Path:
    from PIL import Image

    Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(path, format="PNG")
    return path
