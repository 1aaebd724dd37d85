"""The pose in use as a DICOM file, which archives and other viewers understand."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.geometry.rigid import require_rigid
from DeepIterRegLib.mrml.nodes.dicom_source import DicomSource, dicom_source
from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.volume_node import patient_from_node
from DeepIterRegLib.mrml.saving.registration_dataset import spatial_registration

if TYPE_CHECKING:
    from pydicom import Dataset


def registration_sources(case: RegisteredCase, file_of_instance: FileOfInstance) -> tuple[DicomSource, ...]:
    """Where the CTA and then the DSAs came from. Raises InputError where one of them did not come from DICOM."""
    names = ["The DSA"] if len(case.views) == 1 else [f"DSA {number}" for number in range(1, len(case.views) + 1)]
    dsas = [dicom_source(view.dsa, name, file_of_instance) for view, name in zip(case.views, names, strict=True)]
    return dicom_source(case.cta, "The CTA", file_of_instance), *dsas


def of_one_patient(sources: tuple[DicomSource, ...]) -> bool:
    """Whether all the files have the same Patient ID; True where one has none to tell by."""
    return len({source.text("PatientID") for source in sources} - {""}) <= 1


def save_spatial_registration(
    case: RegisteredCase, sources: tuple[DicomSource, ...], path: Path | str, application: str = ""
) -> None:
    """Write the pose in use as a DICOM file, over an existing one.

    sources: `registration_sources`. Transforms that the user put the CTA under count: the matrix takes the CTA's own
    DICOM coordinates to the C-arm frame. Raises InputError where the whole is not rigid, or cannot be written.
    """
    path = Path(path)
    by_hand = not np.allclose(case.pose, case.automatic_pose, rtol=0, atol=1e-6)
    pose = require_rigid(case.pose @ patient_from_node(case.cta), "The CTA's transforms together are something that")
    try:
        content = _encoded(spatial_registration(pose, sources[0], sources[1:], by_hand, application))
    except Exception as error:  # pydicom raises whatever the damage in a copied tag makes it stumble over
        raise InputError(
            "The DICOM files hold tags that cannot be copied; export them from the archive again."
        ) from error
    try:
        with whole_file(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError("{file} cannot be written; is the disk full, or the folder read-only?", file=path) from error


def _encoded(dataset: Dataset) -> bytes:
    """The file, with preamble and complete meta information; by the pydicom 2 of older Slicers too."""
    import pydicom

    is_2 = int(pydicom.__version__.split(".")[0]) < 3
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(file, **({"write_like_original": False} if is_2 else {"enforce_file_format": True}))
    return file.getvalue()
