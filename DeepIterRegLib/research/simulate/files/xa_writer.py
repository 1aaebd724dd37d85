"""Writes a run as the X-ray angiography file that a scanner would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage, generate_uid

from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredForm
from DeepIterRegLib.research.simulate.x_ray.stored_run import stored_run

KEYS: dict[StoredForm, tuple[str, ...]] = {
    "raw": ("False",), "subtracted": ("True",), "exported": ("exported",), "native": ("native",),
}  # fmt: skip
"""What tells the forms' unique identifiers apart."""


def write_xa(
    run: XRayRun, path: Path, *, form: StoredForm = "raw", seed: int = 0,
    name: str = "simulated",
) -> Path:  # fmt: skip
    """Write one XA file, multi-frame unless it is native, and return its path.

    form: raw frames come with a Mask Subtraction Sequence that names the first as the mask; the others without one.
    seed: the patient's, which draws the treatment of exported frames.
    Unique identifiers follow from `name` and the pixels, so equal runs give equal files.
    Standard: DICOM PS3.3, C.8.7 (X-ray modules), C.7.6.10 (mask), C.7.6.1.1.5 (lossy compression).
    """
    carm = run.carm
    if carm.primary_angle_deg is None or carm.secondary_angle_deg is None:
        raise ValueError("an XA file needs a C-arm that was made from angles")
    stored = stored_run(run, form, seed)
    frames = stored.frames
    key = [name, *KEYS[stored.form], str(int(frames.astype(np.int64).sum())), str(carm.primary_angle_deg)]
    study, series, instance = (generate_uid(entropy_srcs=[*key[:1], level, *key[1:]]) for level in "123")

    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = XRayAngiographicImageStorage, instance
    data.StudyInstanceUID, data.SeriesInstanceUID = study, series
    data.Modality = "XA"
    for keyword, value in stored.tags.items():
        setattr(data, keyword, value)
    data.PatientName = data.PatientID = name
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "", "", "", ""
    data.PatientBirthDate, data.PatientSex, data.ReferringPhysicianName = "", "", ""
    data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "DeepIterReg simulation", 1, 1
    data.PatientPosition = "HFS"
    data.PositionerMotion = "STATIC"
    data.PositionerPrimaryAngle = f"{carm.primary_angle_deg:.4f}"
    data.PositionerSecondaryAngle = f"{carm.secondary_angle_deg:.4f}"
    data.DistanceSourceToDetector = f"{carm.sdd_mm:.3f}"
    data.DistanceSourceToPatient = f"{carm.sid_mm:.3f}"
    data.EstimatedRadiographicMagnificationFactor = f"{carm.sdd_mm / carm.sid_mm:.6f}"
    data.ImagerPixelSpacing = [f"{spacing:.6f}" for spacing in carm.pixel_spacing_mm]
    data.KVP, data.RadiationSetting = "80", "GR"
    data.FrameTime, data.FrameIncrementPointer = f"{run.frame_time_ms:.3f}", 0x00181063
    data.NumberOfFrames, data.Rows, data.Columns = len(frames), carm.rows, carm.columns
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    for keyword, value in run.collimator_tags.items():
        setattr(data, keyword, value)
    data.BitsAllocated, data.BitsStored = (8 if stored.bits <= 8 else 16), stored.bits
    data.HighBit, data.PixelRepresentation = stored.bits - 1, 0
    if stored.form == "raw":
        mask = Dataset()
        mask.MaskOperation, mask.MaskFrameNumbers = "AVG_SUB", [1]
        mask.ApplicableFrameRange, mask.ContrastFrameAveraging = [2, len(frames)], 1
        data.MaskSubtractionSequence = Sequence([mask])
        data.RecommendedViewingMode = "SUB"
    pixels = frames.astype("u1" if stored.bits <= 8 else "<u2").tobytes()
    # An element's length is even.
    data.PixelData = pixels + b"\0" * (len(pixels) % 2)

    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = data.SOPClassUID, instance
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    return path
