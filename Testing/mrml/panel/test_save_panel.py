""" "Save and send" on its real form and real Qt widgets: what the buttons do and what the user reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import ROOT

pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene
from DeepIterRegLib.mrml.panel.save import SaveSection
from Testing.qt_adapter import grab, installed
from Testing.support.fake_services import FakeDialogs, Later, fake_services
from Testing.support.registered_scene import registered_scene
from Testing.support.small_registration import OTHER_POSE, POSE

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Save.ui"
OUTPUT = ROOT / "Testing" / "output"


class Panel:
    """The section on its form, for a case that is not shown yet."""

    def __init__(self, case: RegisteredCase) -> None:
        import slicer

        self.case = case
        self.scene = case.pose_node.GetScene()
        self.dialogs, self.later = FakeDialogs(), Later()
        self.files: dict[str, str] = {}
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(self.scene)
        services = fake_services(self.scene, self.dialogs, self.later, lambda uid: self.files.get(uid, ""))
        self.section = SaveSection(self.ui, services)

    @property
    def buttons(self) -> list[Any]:
        ui = self.ui
        return [ui.saveTransformButton, ui.saveSceneButton, ui.saveImagesButton, ui.saveDicomButton]

    @property
    def adjustment(self) -> Any:
        return json.loads(self.case.pose_node.GetNodeReference("DeepIterReg.report").GetText())["adjustment"]


@pytest.fixture
def panel() -> Iterator[Panel]:
    case = registered_scene()
    with installed(case.pose_node.GetScene()):
        made = Panel(case)
        made.section.show(case)
        yield made
        made.section.close()


def test_nothing_can_be_saved_before_there_is_something_nor_while_a_registration_runs(panel: Panel) -> None:
    assert all(button.enabled for button in panel.buttons)
    panel.section.busy(True)
    assert not any(button.enabled for button in panel.buttons)
    panel.section.busy(False)
    panel.section.show(None)
    assert not any(button.enabled for button in panel.buttons)


def test_transform_button_saves_the_pose_in_use_and_says_where(panel: Panel, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    panel.case.set_pose(OTHER_POSE)
    panel.dialogs.path = str(tmp_path / "results" / "cta_to_carm.tfm")
    panel.ui.saveTransformButton.click()
    assert panel.ui.saveLabel.text == "Saved cta_to_carm.tfm in results."
    assert panel.dialogs.proposed == [("cta_to_carm.tfm", (".tfm", ".h5"))]
    np.testing.assert_allclose(read_transform(panel.dialogs.path), OTHER_POSE, rtol=0, atol=1e-12)


@pytest.mark.parametrize("button", ["Transform", "Scene", "Images"])
def test_cancelled_dialog_changes_nothing(panel: Panel, tmp_path: Path, button: str) -> None:
    panel.dialogs.path = str(tmp_path / "pose.tfm")
    panel.ui.saveTransformButton.click()
    said = panel.ui.saveLabel.text
    panel.dialogs.path = None
    getattr(panel.ui, f"save{button}Button").click()
    assert panel.ui.saveLabel.text == said
    assert [path.name for path in tmp_path.iterdir()] == ["pose.tfm"]


def test_scene_button_saves_a_scene_that_opens_with_the_pose_and_its_history(panel: Panel, tmp_path: Path) -> None:
    panel.case.set_pose(OTHER_POSE)
    panel.dialogs.path = str(tmp_path / "registration.mrb")
    panel.ui.saveSceneButton.click()
    assert panel.ui.saveLabel.text.startswith("Saved registration.mrb in ")
    (back,) = registered_cases(read_scene(panel.dialogs.path))
    np.testing.assert_allclose(back.pose, OTHER_POSE, rtol=0, atol=1e-12)
    np.testing.assert_allclose(back.report["adjustment"]["pose"], OTHER_POSE, rtol=0, atol=1e-9)
    assert back.report["software"]["application"] == "3D Slicer 5.12.3"


def test_images_button_asks_before_it_replaces_images(panel: Panel, tmp_path: Path) -> None:
    panel.dialogs.path = str(tmp_path)
    panel.ui.saveImagesButton.click()
    assert not panel.dialogs.asked
    assert panel.ui.saveLabel.text.startswith("Saved dsa_1.png, drr_1.png, overlay_1.png, dsa_2.png")
    (tmp_path / "drr_1.png").write_bytes(b"mine")
    panel.dialogs.yes = False
    panel.ui.saveImagesButton.click()
    assert "dsa_1.png" in panel.dialogs.asked[0]
    assert (tmp_path / "drr_1.png").read_bytes() == b"mine"
    panel.dialogs.yes = True
    panel.ui.saveImagesButton.click()
    assert (tmp_path / "drr_1.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_saved_is_said_in_a_sentence(panel: Panel, tmp_path: Path) -> None:
    panel.dialogs.path = str(tmp_path / "gone" / "pose.tfm")
    panel.ui.saveTransformButton.click()
    assert panel.ui.saveLabel.text == "pose.tfm cannot be written; is the disk full, or the folder read-only?"
    panel.ui.saveDicomButton.click()
    assert panel.ui.saveLabel.text.startswith("DSA 1 did not come from DICOM; ")
    panel.case.pose_node.SetMatrixTransformToParent(matrix_of_array(np.diag([1.1, 1, 1, 1])))
    panel.ui.saveTransformButton.click()
    assert panel.ui.saveLabel.text.startswith("The transform of the CTA scales")


def test_dicom_button_asks_when_the_files_are_of_two_patients(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    from Testing.mrml.saving.test_save_dicom import archive

    made = archive(tmp_path, PatientID="4711")
    with installed(made.case.pose_node.GetScene()):
        panel = Panel(made.case)
        panel.files = made.files
        panel.section.show(made.case)
        panel.dialogs.path = str(tmp_path / "cta_to_carm.dcm")
        panel.dialogs.yes = False
        panel.ui.saveDicomButton.click()
        assert "different patient IDs" in panel.dialogs.asked[0]
        assert not (tmp_path / "cta_to_carm.dcm").exists()
        panel.dialogs.yes = True
        panel.ui.saveDicomButton.click()
        assert panel.ui.saveLabel.text.startswith("Saved cta_to_carm.dcm in ")
        assert pydicom.dcmread(tmp_path / "cta_to_carm.dcm").Modality == "REG"
        panel.section.close()


def test_report_follows_the_pose_when_it_rests(panel: Panel) -> None:
    """So that Slicer's own Save dialog saves the truth, too."""
    panel.case.set_pose(OTHER_POSE)
    panel.later.pass_time()
    assert panel.adjustment is not None
    panel.case.set_pose(POSE)
    assert len(panel.later.waiting) == 1
    panel.case.set_pose(OTHER_POSE)
    assert len(panel.later.waiting) == 1, "one wait however often it moves"
    panel.case.set_pose(POSE)
    panel.later.pass_time()
    panel.later.pass_time()
    assert panel.adjustment is None


def test_moving_head_does_not_touch_the_report_before_it_rests(panel: Panel) -> None:
    panel.case.set_pose(OTHER_POSE)
    waiting = panel.later.waiting[0]
    panel.later.waiting.clear()
    shifted = OTHER_POSE.copy()
    shifted[0, 3] += 1
    panel.case.set_pose(shifted)
    waiting()
    assert panel.adjustment is None
    panel.later.pass_time()
    noted: Any = panel.adjustment
    np.testing.assert_allclose(noted["pose"], shifted, rtol=0, atol=1e-9)


def test_closed_section_observes_nothing(panel: Panel) -> None:
    panel.section.close()
    panel.case.set_pose(OTHER_POSE)
    assert not panel.later.waiting
    assert panel.adjustment is None


def test_what_was_said_of_one_case_goes_when_another_is_shown(panel: Panel, tmp_path: Path) -> None:
    panel.dialogs.path = str(tmp_path / "pose.tfm")
    panel.ui.saveTransformButton.click()
    panel.section.show(panel.case)
    assert panel.ui.saveLabel.text
    panel.section.show(None)
    assert not panel.ui.saveLabel.text


def test_form_fits_a_narrow_panel(panel: Panel, tmp_path: Path) -> None:
    assert panel.form._qt().minimumSizeHint().width() <= 380
    panel.dialogs.path = str(tmp_path / "cta_to_carm.tfm")
    panel.ui.saveTransformButton.click()
    grab(panel.form._qt(), OUTPUT / "section_save.png", 380)


def test_saving_and_reviewing_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import DeepIterRegLib.mrml.panel.save, DeepIterRegLib.mrml.panel.review\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    heavy = {"scipy", "numba", "torch", "matplotlib", "PIL", "pydicom", "slicer", "vtk", "qt"}
    assert not heavy & set(done.stdout.split())
