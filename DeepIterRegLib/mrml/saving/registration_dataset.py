"""The data set of a DICOM Spatial Registration object: a rigid motion from a CTA's coordinates to a C-arm's.

IOD: PS3.3 A.39.1; the matrix takes points of the source's coordinate system to the registered one, both LPS
(C.20.2.1.1). The registered coordinate system is the C-arm frame. It has a Frame of Reference of its own, made of the
DSA's instance: one that the angiography system wrote into the DSA does not say where its origin is, and may go on while
the table moves.
"""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib import __version__
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.rigid import LPS_FROM_RAS
from DeepIterRegLib.mrml.nodes.dicom_source import DicomSource

if TYPE_CHECKING:
    from pydicom import Dataset

SPATIAL_REGISTRATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.1"
"""Its own inverse."""
PATIENT_AND_STUDY = {
    2: (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
        "StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
    ),
    3: (
        "SpecificCharacterSet", "IssuerOfPatientID", "PatientIdentityRemoved", "DeidentificationMethod",
        "DeidentificationMethodCodeSequence", "StudyDescription", "PatientAge",
    ),
}  # fmt: skip
"""Copied from the DSA by the attribute's type: 2 is empty where the DSA has none, 3 is left out."""
BY_CONTENT = ("125024", "Image Content-based Alignment")
BY_HAND = ("125025", "Visual Alignment")
"""Codes of the coding scheme DCM, PS3.16 CID 7100."""
CARM_COMMENT = "C-arm: isocentre, LPS axes of a head-first supine patient"


def spatial_registration(
    pose: FloatArray, cta: DicomSource, dsas: tuple[DicomSource, ...], by_hand: bool, application: str = ""
) -> Dataset:
    """The data set, in the study of the first DSA.

    pose: (4, 4) rigid, the CTA's coordinates in RAS to the C-arm frame. by_hand: whether the last word was a person's.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    now = datetime.datetime.now()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(SPATIAL_REGISTRATION_STORAGE)
    meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, b"\0" * 128, meta, is_implicit_VR=False, is_little_endian=True)
    _copy_patient_and_study(dsas[0].header, made)
    made.SOPClassUID = meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    made.Modality = "REG"
    made.SeriesInstanceUID = generate_uid(prefix=None)
    made.SeriesNumber = "1"
    made.BodyPartExamined = "HEAD"
    made.SeriesDescription = "CTA to C-arm"
    made.FrameOfReferenceUID = carm_frame_uid(dsas[0])
    made.PositionReferenceIndicator = ""
    made.Manufacturer = "DeepIterReg"
    made.ManufacturerModelName = "DeepIterReg"
    made.SoftwareVersions = [text[:64] for text in (__version__, application) if text]
    made.InstanceCreationDate = made.ContentDate = now.strftime("%Y%m%d")
    made.InstanceCreationTime = made.ContentTime = now.strftime("%H%M%S")
    made.InstanceNumber = "1"
    made.ContentLabel = "CTA_TO_CARM"
    made.ContentDescription = "Rigid 2D/3D registration; for research only"
    made.ContentCreatorName = ""
    made.RegistrationSequence = [
        *(_registered(dsa, made.FrameOfReferenceUID) for dsa in dsas),
        _source(cta, LPS_FROM_RAS @ pose @ LPS_FROM_RAS, BY_HAND if by_hand else BY_CONTENT),
    ]
    _refer(made, (cta, *dsas))
    return made


def carm_frame_uid(dsa: DicomSource) -> str:
    """The Frame of Reference of the C-arm when it took this DSA: the same whenever it is asked for."""
    instance = uuid.uuid5(uuid.NAMESPACE_OID, f"{dsa.text('SOPInstanceUID')} C-arm")
    return f"2.25.{instance.int}"


def _copy_patient_and_study(header: Dataset, made: Dataset) -> None:
    for kind, keywords in PATIENT_AND_STUDY.items():
        for keyword in keywords:
            if keyword in header:
                made[keyword] = header[keyword]
            elif kind == 2:
                setattr(made, keyword, None)


def _registered(dsa: DicomSource, frame_uid: str) -> Dataset:
    """The DSA defines the registered coordinate system: the identity. The first item by convention."""
    item = _references(dsa)
    item.FrameOfReferenceUID = frame_uid
    item.MatrixRegistrationSequence = [_matrix(np.eye(4), None)]
    item.MatrixRegistrationSequence[0].FrameOfReferenceTransformationComment = CARM_COMMENT
    return item


def _source(cta: DicomSource, matrix: FloatArray, code: tuple[str, str]) -> Dataset:
    item = _references(cta)
    if cta.text("FrameOfReferenceUID"):
        item.FrameOfReferenceUID = cta.text("FrameOfReferenceUID")
    item.MatrixRegistrationSequence = [_matrix(matrix, code)]
    return item


def _matrix(matrix: FloatArray, code: tuple[str, str] | None) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.valuerep import DSfloat

    one = Dataset()
    one.FrameOfReferenceTransformationMatrixType = "RIGID"
    # A decimal string has 16 characters at most. Adding 0 makes -0 a 0.
    one.FrameOfReferenceTransformationMatrix = [DSfloat(float(x) + 0.0, auto_format=True) for x in matrix.ravel()]
    item = Dataset()
    item.MatrixSequence = [one]
    item.RegistrationTypeCodeSequence = []
    if code is not None:
        how = Dataset()
        how.CodeValue, how.CodeMeaning = code
        how.CodingSchemeDesignator = "DCM"
        item.RegistrationTypeCodeSequence = [how]
    return item


def _references(source: DicomSource) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedImageSequence = _instances(source)
    return item


def _instances(source: DicomSource) -> list[Dataset]:
    from pydicom.dataset import Dataset

    references = []
    for uid in source.instance_uids:
        reference = Dataset()
        reference.ReferencedSOPClassUID = source.header.SOPClassUID
        reference.ReferencedSOPInstanceUID = uid
        references.append(reference)
    return references


def _refer(made: Dataset, sources: tuple[DicomSource, ...]) -> None:
    """Common Instance Reference (C.12.2): by series, those of other studies by study and series."""
    from pydicom.dataset import Dataset

    studies: dict[str, dict[str, list[Any]]] = {}
    for source in sources:
        series = studies.setdefault(source.text("StudyInstanceUID"), {})
        series.setdefault(source.text("SeriesInstanceUID"), []).extend(_instances(source))
    items: dict[str, list[Dataset]] = {}
    for study, by_series in studies.items():
        for uid, instances in by_series.items():
            item = Dataset()
            item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, instances
            items.setdefault(study, []).append(item)
    made.ReferencedSeriesSequence = items.pop(str(made.StudyInstanceUID))
    others = []
    for study, series_items in items.items():
        item = Dataset()
        item.StudyInstanceUID, item.ReferencedSeriesSequence = study, series_items
        others.append(item)
    if others:
        made.StudiesContainingOtherReferencedInstancesSequence = others
