"""The Working angle section: a marked vessel, the map of all angles, three to choose from, and what they would show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.reach import ASSUMED_REACH, Reach
from DeepIterRegLib.mrml.nodes.marked_vessel import marked_points_mm
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.background_preparation import Ask
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.pictures import picture_text
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.worker.sent_cloud import cloud_arrays, cloud_fields
from DeepIterRegLib.worker.working_angle import picture_from_json

REACH_SETTING = "reach"
MAP_PX, EXPECTED_PX = 364, 300
BUTTONS = 3


class WorkingAngleSection:
    """ui: the widgets of WorkingAngle.ui. ask: gives the worker what to do when it is free. look_from: turns the 3D
    view to where a C-arm would see the head from. Implements `JobListener`."""

    def __init__(self, ui: Any, services: Services, ask: Ask, look_from: Callable[[CArm], None]) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._ask = ask
        self._look_from = look_from
        self._case: RegisteredCase | None = None
        self._asked_of: Any = None
        """The pose's node of the case that the worker was asked about, None while it is not."""
        self._carms: list[CArm] = []
        self._expected: list[str] = []
        self._busy = False
        self._buttons = [getattr(ui, f"workingAngle{number}Button") for number in range(1, BUTTONS + 1)]
        ui.workingAngleSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: self._enable())
        ui.workingAngleComputeButton.connect("clicked()", self._compute)
        ui.workingAngleReachEdit.connect("editingFinished()", self._keep_reach)
        ui.workingAngleTodayButton.connect("clicked()", lambda: self._show_angle(0))
        for number, button in enumerate(self._buttons, start=1):
            button.connect("clicked()", lambda number=number: self._show_angle(number))
        ui.workingAngleReachEdit.text = services.settings.get(REACH_SETTING) or reach_text(ASSUMED_REACH)
        self._forget()
        self._enable()

    def show(self, case: RegisteredCase | None) -> None:
        """Another registration, or none: what was found for the one before goes."""
        before, self._case = self._case, case
        if before is None or case is None or before.pose_node is not case.pose_node:
            self._forget()
        self._enable()

    def busy(self, running: bool) -> None:
        """Nothing is looked for while a registration runs, and its result makes another map."""
        self._busy = running
        if running:
            self._asked_of = None
            self._forget()
        self._enable()

    def close(self) -> None:
        """Let go of the scene's nodes."""
        self._case = self._asked_of = None

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def done(self, result: Any) -> None:
        if self._answer_counts():
            self._show_result(result)

    def failed(self, error: UserError) -> None:
        if self._answer_counts():
            self._say(told(error, self._))

    def cancelled(self) -> None:
        self._asked_of = None
        self._say("")
        self._enable()

    def _compute(self) -> None:
        case = self._case
        if case is None:
            return
        self._forget()
        try:
            points_mm = marked_points_mm(self._ui.workingAngleSelector.currentNode(), case)
            reach = reach_of(self._ui.workingAngleReachEdit.text)
            cloud, pose, view = case.vessels, case.pose, case.views[0]
        except InputError as error:
            self._say(told(error, self._))
            return
        payload = {
            "points_mm": points_mm.tolist(),
            **cloud_fields(cloud),
            "pose": pose.tolist(),
            "carm": carm_to_json(view.carm),
            "position": position_of(case.report, view.number),
            "reach": [reach.rao_deg, reach.lao_deg, reach.caudal_deg, reach.cranial_deg],
            "reach_from": "assumed" if reach == ASSUMED_REACH else "given",
        }
        self._asked_of = case.pose_node
        self._say(self._("Looking from all angles …"))
        self._enable()
        self._ask(lambda to: self._services.worker.run("working_angle", payload, to, cloud_arrays(cloud)), self)

    def _answer_counts(self) -> bool:
        """Whether what was asked about is still on show."""
        asked, self._asked_of = self._asked_of, None
        counts = asked is not None and self._case is not None and asked is self._case.pose_node
        self._say("")
        self._enable()
        return counts

    def _show_result(self, result: Mapping[str, Any]) -> None:
        report, ui = result["report"], self._ui
        try:
            self._carms = [carm_from_json(text, "The DSA") for text in result["carms"]]
            self._expected = [picture_text(picture_from_json(each), EXPECTED_PX) for each in result["expected"]]
            ui.workingAngleMapLabel.text = picture_text(picture_from_json(result["map"]), MAP_PX)
        except InputError as error:
            self._say(told(error, self._))
            return
        ui.workingAngleMapLabel.visible = ui.workingAngleLegend.visible = True
        for button, sight in zip(self._buttons, report["best"], strict=False):
            button.text = f"{self._buttons.index(button) + 1}:  {self._sight_text(sight)}"
            button.visible = True
        ui.workingAngleTodayButton.text = self._("Today:  {sight}").format(sight=self._sight_text(report["today"]))
        ui.workingAngleTodayButton.visible = True
        notes = []
        if report["vessel"]["kind"] == "fork":
            notes.append(self._("A fork of three limbs; the most foreshortened one counts."))
        if report["reach"]["from"] == "assumed":
            notes.append(self._("What the C-arm reaches is an assumption: type in what yours does."))
        notes.append(self._("Whether the arm meets table, shoulders or a second arm is not known here."))
        self._say("\n".join(notes))

    def _sight_text(self, sight: Mapping[str, Any]) -> str:
        text = self._("{dial}: foreshortened {foreshortening:.0%}, covered {overlap:.0%}").format(**sight)
        return text if sight["in_view"] else text + self._(", partly off the detector")

    def _show_angle(self, index: int) -> None:
        """Turn the 3D view there, and show what to expect. index: 0 is today's angle."""
        if index < len(self._carms):
            self._look_from(self._carms[index])
            self._ui.workingAngleExpectedLabel.text = self._expected[index]
            self._ui.workingAngleExpectedLabel.visible = True

    def _keep_reach(self) -> None:
        """Remember what this user's C-arm reaches, or say what is wrong with it."""
        try:
            reach = reach_of(self._ui.workingAngleReachEdit.text)
        except InputError as error:
            self._say(told(error, self._))
            return
        self._services.settings.set(REACH_SETTING, reach_text(reach))
        self._ui.workingAngleReachEdit.text = reach_text(reach)

    def _forget(self) -> None:
        """Show no result."""
        ui = self._ui
        self._carms, self._expected = [], []
        for widget in (
            ui.workingAngleMapLabel,
            ui.workingAngleLegend,
            ui.workingAngleExpectedLabel,
            ui.workingAngleTodayButton,
            *self._buttons,
        ):
            widget.visible = False
        self._say("")

    def _say(self, sentence: str) -> None:
        self._ui.workingAngleNote.text = sentence
        self._ui.workingAngleNote.visible = bool(sentence)

    def _enable(self) -> None:
        ui = self._ui
        ui.workingAngleBody.enabled = self._case is not None and not self._busy
        marked = ui.workingAngleSelector.currentNode() is not None
        ui.workingAngleComputeButton.enabled = marked and self._asked_of is None


def reach_text(reach: Reach) -> str:
    """As it is typed: "RAO 90, LAO 90, CAU 45, CRA 45"."""
    return f"RAO {reach.rao_deg:g}, LAO {reach.lao_deg:g}, CAU {reach.caudal_deg:g}, CRA {reach.cranial_deg:g}"


def reach_of(text: str) -> Reach:
    """What was typed. Raises InputError that says how to write it."""
    found = {}
    for part in text.replace("°", " ").upper().split(","):
        words = part.split()
        if len(words) == 2 and words[0] in ("RAO", "LAO", "CAU", "CRA"):
            try:
                found[words[0]] = float(words[1])
            except ValueError:
                continue
    if len(found) != 4:
        raise InputError("Write what the C-arm reaches as in {example}.", example=reach_text(ASSUMED_REACH))
    return Reach(found["RAO"], found["LAO"], found["CAU"], found["CRA"])


def position_of(report: Mapping[str, Any], number: int) -> str:
    """DICOM's Patient Position of a registered run."""
    runs = report.get("angiograms") or []
    return str(runs[number].get("patient_position") or "HFS") if number < len(runs) else "HFS"
