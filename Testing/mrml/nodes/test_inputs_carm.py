"""The C-arm's values as they are read, written, typed and kept: without Qt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.xa import read_xa
from DeepIterRegLib.images.xa_values import header_values
from DeepIterRegLib.mrml.nodes.angiogram_node import add_angiogram
from DeepIterRegLib.mrml.nodes.carm_text import number_of, text_of
from DeepIterRegLib.mrml.nodes.carm_values import TYPED, carm_values, set_typed, typed_geometry, typed_values
from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene, write_scene
from DeepIterRegLib.mrml.nodes.volume_node import add_image
from Testing.support.cases import CASES, needs_cases
from Testing.support.dicom_files import write_xa
from Testing.support.small_registration import FRONTAL, LATERAL, small_angiogram

PRIMARY, SECONDARY, SDD, SID, PIXEL = (
    "primary_angle_deg", "secondary_angle_deg", "sdd_mm", "sid_mm", "pixel_spacing_mm",
)  # fmt: skip
FRAMES = np.full((3, 8, 8), 1000, np.uint16)


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        (PRIMARY, "LAO 80", 80), (PRIMARY, "rao30", -30), (PRIMARY, "30,5° RAO", -30.5), (PRIMARY, "-30", -30),
        (PRIMARY, "+12.5", 12.5), (PRIMARY, "0", 0), (PRIMARY, "RAO 0", 0), (PRIMARY, " lao  .5 ", 0.5),
        (SECONDARY, "CAU 5", -5), (SECONDARY, "cranial 12", 12), (SECONDARY, "CAUD 7", -7), (SECONDARY, "−4", -4),
        (SDD, "1200", 1200), (SDD, "1194,7 mm", 1194.7), (SDD, "119.5 cm", 1195), (SID, "800mm", 800),
        (PIXEL, "0.308", 0.308), (PIXEL, ".2 mm", 0.2), (PIXEL, "0.3 x 0.4", (0.3, 0.4)),
        (PIXEL, "0.3×0.4 mm", (0.3, 0.4)),
    ],
)  # fmt: skip
def test_what_radiologists_write_is_understood(name: str, text: str, number: Any) -> None:
    assert number_of(name, text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (PRIMARY, "30", "LAO or RAO"), (SECONDARY, "5", "CRA or CAU"), (PRIMARY, "CAU 5", "LAO 30"),
        (PRIMARY, "RAO -30", "LAO 30"), (PRIMARY, "LAO RAO 30", "LAO 30"), (PRIMARY, "LAO 30 RAO", "LAO 30"),
        (PRIMARY, "LAO 200", "between RAO 180° and LAO 180°"), (SECONDARY, "CRA 95", "between CAU 90° and CRA 90°"),
        (PRIMARY, "", "LAO 30"), (PRIMARY, "LAO", "LAO 30"), (PRIMARY, "nan", "LAO 30"), (PRIMARY, "٣٠", "LAO 30"),
        (SDD, "1,200", "between 400 mm and 2500 mm"), (SDD, "12", "between"), (SDD, "1e3", "millimetres"),
        (SDD, "-1200", "millimetres"), (SDD, "1000 x 3", "millimetres"), (SDD, "inf", "millimetres"),
        (PIXEL, "0.3 x", "millimetres"), (PIXEL, "0.3 x 40", "between"), (PIXEL, "512", "between 0.02 mm and 5 mm"),
    ],
)  # fmt: skip
def test_what_may_be_meant_otherwise_is_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        number_of(name, text)


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        (PRIMARY, 80.0, "LAO 80°"), (PRIMARY, -89.996, "RAO 90°"), (PRIMARY, -0.001, "0°"),
        (SECONDARY, -5.25, "CAU 5.25°"),
        (SDD, 1194.72, "1194.72 mm"), (SDD, 1200.0, "1200 mm"), (PIXEL, (0.308, 0.308), "0.308 mm"),
        (PIXEL, (0.3, 0.4), "0.3 × 0.4 mm"), (PIXEL, 0.15, "0.15 mm"),
    ],
)  # fmt: skip
def test_values_are_shown_as_radiologists_write_them_and_read_back(name: str, number: Any, text: str) -> None:
    assert text_of(name, number) == text
    again = number_of(name, text)
    assert np.broadcast_to(again, 2) == pytest.approx(np.broadcast_to(number, 2), abs=0.006)


def test_header_is_read_value_by_value(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", FRAMES, DistanceSourceToPatient=None, DistanceSourceToDetector="90000")
    found = header_values(read_header(path), "The DSA")
    assert (found.primary_angle_deg, found.secondary_angle_deg, found.pixel_spacing_mm) == (30, -10, (0.4, 0.4))
    assert found.sdd_mm is None
    assert found.sid_mm is None
    assert list(found.notes) == ["sdd_mm"]
    assert ", outside 400 to 2500 mm" in str(found.notes["sdd_mm"])
    assert not found.moves


def test_rotational_runs_are_recognised(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", FRAMES, PositionerPrimaryAngleIncrement=["0", "5", "10"])
    assert header_values(read_header(path), "The DSA").moves


def test_damaged_tags_are_missing_and_never_raise(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", FRAMES, ImagerPixelSpacing=["0.4"], PositionerPrimaryAngle=None)
    dataset = read_header(path)
    dataset.PositionerSecondaryAngleIncrement = None
    found = header_values(dataset, "The DSA")
    assert found.pixel_spacing_mm is None
    assert found.primary_angle_deg is None


@needs_cases
@pytest.mark.parametrize("name", ["multiframe_with_geometry.dcm", "multiframe_no_pixel_spacing.dcm"])
def test_real_header_is_shown_as_the_registration_takes_it(name: str) -> None:
    path = CASES / "xa-dicom" / name
    found = header_values(read_header(path), "The DSA")
    spacing = found.pixel_spacing_mm
    assert (spacing is None) == ("no_pixel" in name)
    carm = read_xa(path, GeometryOptions(pixel_spacing_mm=None if spacing else 0.3)).carm
    for field in (PRIMARY, SECONDARY, SDD, SID):
        assert getattr(found, field) == pytest.approx(getattr(carm, field), abs=1e-6)
    assert spacing is None or spacing == pytest.approx(carm.pixel_spacing_mm)


@needs_cases
def test_real_c_arms_are_shown_in_the_words_of_their_makers() -> None:
    frames = sorted((CASES / "rotational-head").glob("frame_*.dcm"))
    assert frames
    for path in frames:
        dataset = read_header(path)
        found = header_values(dataset, "The DSA")
        angle = float(dataset.PositionerPrimaryAngle)
        assert found.primary_angle_deg == pytest.approx(angle)
        assert text_of(PRIMARY, angle).startswith("LAO" if angle > 0 else "RAO")
        assert found.sdd_mm is not None


@needs_cases
def test_no_real_file_makes_it_raise() -> None:
    for path in (CASES / "xa-dicom").glob("*.dcm"):
        header_values(read_header(path), "The DSA")


def sequence_of_dicom(scene: Any, uid: str, frames: int = 2, rows: int = 8) -> tuple[Any, Any]:
    """A run as Slicer's DICOM module leaves it, and its proxy volume: only the frames name the instance."""
    import slicer

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "3: XA")
    frame = slicer.vtkMRMLScalarVolumeNode()
    frame.SetAttribute("DICOM.instanceUIDs", uid)
    from DeepIterRegLib.mrml.nodes.arrays import image_data

    for number in range(frames):
        frame.SetAndObserveImageData(image_data(np.full((1, rows, rows), number, np.int16)))
        sequence.SetDataNodeAtValue(frame, str(number))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    return sequence, browser.GetProxyNode(sequence)


def test_values_say_where_they_come_from(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "a.dcm", FRAMES, ImagerPixelSpacing=None)
    scene = new_scene()
    sequence, proxy = sequence_of_dicom(scene, "1.2.3")

    def file_of(uid: str) -> str:
        return str(path) if uid == "1.2.3" else ""

    for node in (sequence, proxy):
        found = carm_values(node, file_of)
        assert {value.origin for name, value in found.values.items() if name != PIXEL} == {"dicom"}
        assert found.missing == (PIXEL,)
        assert found.values[SDD].number == 1200
    set_typed(proxy, PIXEL, (0.3, 0.4))
    set_typed(proxy, SDD, 1100.0)
    found = carm_values(sequence, file_of)
    assert found.missing == ()
    assert [found.values[name].origin for name in (SDD, SID, PIXEL)] == ["typed", "dicom", "typed"]
    options = typed_geometry(sequence)
    assert options is not None
    assert (options.sdd_mm, options.pixel_spacing_mm, options.sid_mm) == (1100, (0.3, 0.4), None)
    set_typed(sequence, SDD, None)
    set_typed(sequence, PIXEL, None)
    assert sequence.GetAttribute(TYPED) is None
    assert typed_geometry(proxy) is None
    assert carm_values(sequence, lambda uid: "").missing == (PRIMARY, SECONDARY, SDD, SID, PIXEL)


def test_runs_that_the_project_loaded_know_their_c_arm() -> None:
    scene = new_scene()
    node = add_angiogram(scene, small_angiogram(LATERAL))
    found = carm_values(node, lambda uid: "")
    assert {value.origin for value in found.values.values()} == {"scene"}
    assert found.values[PRIMARY].number == 80
    set_typed(node, PRIMARY, 75.0)
    assert carm_values(node, lambda uid: "").values[PRIMARY].number == 75


def test_what_is_typed_stays_with_its_run_and_in_the_scenes_file(tmp_path: Path) -> None:
    scene = new_scene()
    first, second = (add_angiogram(scene, small_angiogram(carm)) for carm in (LATERAL, FRONTAL))
    volume = add_image(scene, "frames", np.ones((4, 8, 8), np.int16), np.eye(4))
    set_typed(first, SDD, 1100.0)
    set_typed(volume, PRIMARY, -30.0)
    assert typed_values(second) == {}
    write_scene(scene, tmp_path / "a.mrb")
    again = read_scene(tmp_path / "a.mrb")
    assert typed_values(again.GetFirstNodeByName(first.GetName())) == {SDD: 1100}
    assert typed_values(again.GetFirstNodeByName("frames")) == {PRIMARY: -30}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "1", '{"sdd_mm": "x"}', '{"sdd_mm": 9e9}', '{"sdd_mm": NaN}', '{"sdd_mm": true}', '{"other": 1}'],
)
def test_edited_scenes_are_survived(text: str) -> None:
    scene = new_scene()
    node = add_image(scene, "frames", np.ones((4, 8, 8), np.int16), np.eye(4))
    node.SetAttribute(TYPED, text)
    assert typed_values(node) == {}
    assert typed_geometry(node) is None
    node.SetAttribute("DeepIterReg.carm", text)
    assert len(carm_values(node, lambda uid: "").missing) == 5


def test_notes_vanish_with_what_is_typed_over_them(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "patient_name.dcm", FRAMES, DistanceSourceToDetector="90000")
    scene = new_scene()
    sequence, _ = sequence_of_dicom(scene, "1")
    (note,) = carm_values(sequence, lambda uid: str(path)).notes.values()
    assert "patient_name" not in str(note)
    set_typed(sequence, SDD, 1200.0)
    assert not carm_values(sequence, lambda uid: str(path)).notes


def test_a_file_that_is_damaged_is_a_note_without_its_name(tmp_path: Path) -> None:
    path = write_xa(tmp_path / "patient_name.dcm", FRAMES)
    path.write_bytes(path.read_bytes()[:400])
    scene = new_scene()
    sequence, _ = sequence_of_dicom(scene, "1")
    found = carm_values(sequence, lambda uid: str(path))
    assert found.missing
    assert "patient_name" not in " ".join(map(str, found.notes.values()))
