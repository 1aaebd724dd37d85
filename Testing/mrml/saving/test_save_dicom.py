"""The pose as a DICOM Spatial Registration object: whose it is, what it refers to, and that its matrix is right."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")
pytest.importorskip("pydicom")

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import apply, rigid
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.saving.spatial_registration import (
    of_one_patient,
    registration_sources,
    save_spatial_registration,
)
from Testing.support.dicom_files import write_ct_slices, write_xa
from Testing.support.registered_scene import registered_scene
from Testing.support.small_registration import OTHER_POSE, POSE

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"
PATIENT: dict[str, Any] = {"PatientName": "Müster^Ärika", "PatientID": "0815", "SpecificCharacterSet": "ISO_IR 100"}
CT_STUDY, XA_STUDY, CT_FRAME = "1.2.3.4", "1.2.3.9", "1.2.3.4.5"


@dataclass
class Archive:
    """A registered scene whose nodes came from DICOM files, as Slicer's database finds them."""

    case: RegisteredCase
    folder: Path
    files: dict[str, str] = field(default_factory=dict)

    def file_of(self, uid: str) -> str:
        return self.files.get(uid, "")

    def loaded(self, node: Any, paths: list[Path]) -> list[str]:
        """Let the node have come from these files, as Slicer's DICOM module leaves it."""
        found = {str(pydicom.dcmread(path).SOPInstanceUID): str(path) for path in paths}
        self.files |= found
        node.SetAttribute("DICOM.instanceUIDs", " ".join(found))
        return list(found)

    def saved(self, **options: Any) -> Any:
        path = self.folder / "cta_to_carm.dcm"
        sources = registration_sources(self.case, self.file_of)
        save_spatial_registration(self.case, sources, path, **options)
        return pydicom.dcmread(path)


def archive(tmp_path: Path, views: int = 1, **xa_tags: Any) -> Archive:
    tmp_path.mkdir(exist_ok=True)
    made = Archive(registered_scene(views), tmp_path)
    ct = write_ct_slices(
        tmp_path / "ct", np.zeros((3, 8, 8)), StudyInstanceUID=CT_STUDY, FrameOfReferenceUID=CT_FRAME, **PATIENT
    )
    made.loaded(made.case.cta, sorted(ct.iterdir()))
    for number, view in enumerate(made.case.views):
        tags = {
            "StudyInstanceUID": XA_STUDY, "SeriesInstanceUID": f"1.2.3.9.{number}", "StudyDate": "20260102",
            "StudyTime": "101010", "AccessionNumber": "A1", **PATIENT, **xa_tags,
        }  # fmt: skip
        made.loaded(view.dsa, [write_xa(tmp_path / f"xa{number}", np.full((2, 8, 8), 9, np.uint16), **tags)])
    return made


def matrix_of(item: Any) -> Any:
    (registration,) = item.MatrixRegistrationSequence
    (one,) = registration.MatrixSequence
    assert one.FrameOfReferenceTransformationMatrixType == "RIGID"
    return np.array(one.FrameOfReferenceTransformationMatrix, dtype=float).reshape(4, 4)


def test_a_point_of_the_cta_lands_where_the_pose_sends_it(tmp_path: Path) -> None:
    made = archive(tmp_path)
    made.case.set_pose(OTHER_POSE)
    _, cta = made.saved().RegistrationSequence
    points_ras = np.array([[0.0, 0.0, 0.0], [50.0, -20.0, 30.0], [-7.5, 80.0, -12.25]])
    flip = np.array([-1.0, -1.0, 1.0])
    landed_lps = apply(matrix_of(cta), points_ras * flip)
    np.testing.assert_allclose(landed_lps * flip, apply(OTHER_POSE, points_ras), rtol=0, atol=1e-10)
    rotation = matrix_of(cta)[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


def test_slicer_rt_finds_the_pose_in_the_product_of_all_matrices(tmp_path: Path) -> None:
    """What vtkSlicerDicomSroReader computes: all matrices multiplied in their order, LPS made RAS, to-parent."""
    product = np.eye(4)
    for item in archive(tmp_path, views=2).saved().RegistrationSequence:
        product = product @ matrix_of(item)
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(flip @ product @ flip, POSE, rtol=0, atol=1e-10)


def test_transforms_of_the_users_below_the_pose_count(tmp_path: Path) -> None:
    made = archive(tmp_path)
    theirs = made.case.cta.GetScene().AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = rigid(translation_mm=np.array([10.0, 0.0, -5.0]))
    theirs.SetMatrixTransformToParent(matrix_of_array(shift))
    theirs.SetAndObserveTransformNodeID(made.case.pose_node.GetID())
    made.case.cta.SetAndObserveTransformNodeID(theirs.GetID())
    _, cta = made.saved().RegistrationSequence
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(flip @ matrix_of(cta) @ flip, POSE @ shift, rtol=0, atol=1e-10)
    theirs.SetMatrixTransformToParent(matrix_of_array(np.diag([1.2, 1.0, 1.0, 1.0])))
    with pytest.raises(InputError, match=r"^The CTA's transforms together .* scales, shears or mirrors"):
        made.saved()


def test_object_belongs_to_the_patient_and_study_of_the_dsa(tmp_path: Path) -> None:
    made = archive(tmp_path).saved(application="3D Slicer 5.12.3")
    assert made.SOPClassUID == made.file_meta.MediaStorageSOPClassUID == SPATIAL_REGISTRATION
    assert made.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert made.SOPInstanceUID == made.file_meta.MediaStorageSOPInstanceUID
    assert (str(made.PatientName), made.PatientID) == (PATIENT["PatientName"], "0815")
    assert (made.StudyInstanceUID, made.StudyDate, made.AccessionNumber) == (XA_STUDY, "20260102", "A1")
    assert made.Modality == "REG"
    assert list(made.SoftwareVersions)[1] == "3D Slicer 5.12.3"
    # Type 2: there, and empty where the DSA says nothing.
    for keyword in ("PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyID"):
        assert keyword in made
        assert not made.get(keyword), keyword
    for keyword in (
        "ContentDate", "ContentTime", "InstanceNumber", "ContentLabel", "SeriesInstanceUID", "FrameOfReferenceUID",
        "Manufacturer",
    ):  # fmt: skip
        assert made.get(keyword), keyword
    for keyword in ("ContentDescription", "ContentCreatorName", "SeriesNumber", "PositionReferenceIndicator"):
        assert keyword in made


def test_object_refers_to_the_images_it_registers(tmp_path: Path) -> None:
    made = archive(tmp_path, views=2)
    written = made.saved()
    *dsas, cta = written.RegistrationSequence
    ct_uids = made.case.cta.GetAttribute("DICOM.instanceUIDs").split()
    xa_uids = [view.dsa.GetAttribute("DICOM.instanceUIDs") for view in made.case.views]
    assert [image.ReferencedSOPInstanceUID for image in cta.ReferencedImageSequence] == ct_uids
    assert cta.FrameOfReferenceUID == CT_FRAME
    for item, uid in zip(dsas, xa_uids, strict=True):
        assert [image.ReferencedSOPInstanceUID for image in item.ReferencedImageSequence] == [uid]
        assert item.FrameOfReferenceUID == written.FrameOfReferenceUID
        np.testing.assert_array_equal(matrix_of(item), np.eye(4))
        assert "isocentre" in item.MatrixRegistrationSequence[0].FrameOfReferenceTransformationComment
    # Common Instance Reference: by series, the CTA's by its own study.
    assert [series.SeriesInstanceUID for series in written.ReferencedSeriesSequence] == ["1.2.3.9.0", "1.2.3.9.1"]
    (other,) = written.StudiesContainingOtherReferencedInstancesSequence
    (series,) = other.ReferencedSeriesSequence
    assert other.StudyInstanceUID == CT_STUDY
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence] == ct_uids


def test_cta_of_the_same_study_is_referred_to_by_its_series_only(tmp_path: Path) -> None:
    written = archive(tmp_path, StudyInstanceUID=CT_STUDY).saved()
    assert "StudiesContainingOtherReferencedInstancesSequence" not in written
    assert len(written.ReferencedSeriesSequence) == 2


def test_exported_twice_the_c_arm_is_the_same_and_the_object_another(tmp_path: Path) -> None:
    made = archive(tmp_path)
    first, second = made.saved(), made.saved()
    assert first.FrameOfReferenceUID == second.FrameOfReferenceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.FrameOfReferenceUID.is_valid


def test_frame_of_reference_of_the_dsa_is_not_taken_for_the_c_arms(tmp_path: Path) -> None:
    """It does not say where its origin is, and may go on while the table moves."""
    written = archive(tmp_path, FrameOfReferenceUID="1.2.3.77").saved()
    assert written.FrameOfReferenceUID != "1.2.3.77"


def test_object_says_whether_a_hand_had_the_last_word(tmp_path: Path) -> None:
    made = archive(tmp_path)

    def how() -> str:
        (code,) = made.saved().RegistrationSequence[-1].MatrixRegistrationSequence[0].RegistrationTypeCodeSequence
        assert code.CodingSchemeDesignator == "DCM"
        return str(code.CodeValue)

    assert how() == "125024"
    made.case.set_pose(OTHER_POSE)
    assert how() == "125025"


@pytest.mark.parametrize("which", ["frame", "proxy"])
def test_dsa_is_found_by_the_nodes_that_slicer_marks(tmp_path: Path, which: str) -> None:
    import slicer

    made = archive(tmp_path)
    sequence = made.case.views[0].dsa
    uid = sequence.GetAttribute("DICOM.instanceUIDs")
    sequence.RemoveAttribute("DICOM.instanceUIDs")
    if which == "frame":
        sequence.GetNthDataNode(0).SetAttribute("DICOM.instanceUIDs", uid)
    else:
        browser = sequence.GetScene().AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        logic = slicer.vtkSlicerSequencesLogic()
        logic.SetMRMLScene(sequence.GetScene())
        logic.UpdateProxyNodesFromSequences(browser)
        browser.GetProxyNode(sequence).SetAttribute("DICOM.instanceUIDs", uid)
    assert made.saved().RegistrationSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID == uid


def test_what_did_not_come_from_dicom_is_named(tmp_path: Path) -> None:
    made = archive(tmp_path, views=2)
    made.files.pop(made.case.views[1].dsa.GetAttribute("DICOM.instanceUIDs"))
    with pytest.raises(InputError, match=r"^DSA 2's DICOM files are not in Slicer's DICOM database; import them again"):
        registration_sources(made.case, made.file_of)
    made.case.views[1].dsa.RemoveAttribute("DICOM.instanceUIDs")
    with pytest.raises(InputError, match=r"^DSA 2 did not come from DICOM; load it with Slicer's DICOM module"):
        registration_sources(made.case, made.file_of)
    one = archive(tmp_path / "one")
    one.case.cta.RemoveAttribute("DICOM.instanceUIDs")
    with pytest.raises(InputError, match=r"^The CTA did not come from DICOM; "):
        registration_sources(one.case, one.file_of)


def test_damaged_source_is_one_sentence_without_the_files_name(tmp_path: Path) -> None:
    made = archive(tmp_path)
    path = Path(made.files[made.case.views[0].dsa.GetAttribute("DICOM.instanceUIDs")])
    path.write_bytes(b"no DICOM")
    with pytest.raises(InputError, match=r"^The DSA's DICOM file (has no|is damaged)") as caught:
        registration_sources(made.case, made.file_of)
    assert path.name not in str(caught.value)


@pytest.mark.parametrize(("other", "same"), [("0815", True), ("4711", False), (None, True)])
def test_files_of_two_patients_are_noticed(tmp_path: Path, other: str | None, same: bool) -> None:
    made = archive(tmp_path, PatientID=other)
    assert of_one_patient(registration_sources(made.case, made.file_of)) is same
