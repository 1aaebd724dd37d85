"""The Inputs section on the real form and a real scene, with a stand-in for everything else that the panel has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from Testing.qt_adapter import grab, installed
from Testing.support.paths import ROOT

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Inputs.ui"
NODES = (
    "cta", "dsa", "secondDsa", "ctaVessels", "ctaVeins", "dsaVessels", "dsaVeins", "secondDsaVessels", "secondDsaVeins",
)  # fmt: skip


class Dialogs:
    """Answers every question with `answer`, and remembers what was said."""

    def __init__(self, answer: bool = False) -> None:
        self.answer = answer
        self.asked: list[tuple[str, ...]] = []
        self.warned: list[str] = []

    def ask(self, *words: str) -> bool:
        self.asked.append(words)
        return self.answer

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def save_file(self, title: str, name: str, kinds: Mapping[str, str]) -> str | None:
        raise AssertionError("nothing is saved here")

    def choose_folder(self, title: str) -> str | None:
        raise AssertionError("no folder is needed here")


class Settings(dict[str, str]):
    def set(self, name: str, value: str) -> None:
        self[name] = value


class Machine:
    """A computer as a test wants it."""

    def __init__(self, **facts: Any) -> None:
        self.facts = {
            "testing": False, "mac": False, "intel": True, "card": True, "torch": "absent", "extension": True,
            "online": True, "installs": "installed", "raises": None, **facts,
        }  # fmt: skip
        self.installed: list[str] = []

    def is_testing(self) -> bool:
        return bool(self.facts["testing"])

    def is_mac(self) -> bool:
        return bool(self.facts["mac"])

    def is_intel(self) -> bool:
        return bool(self.facts["intel"])

    def has_nvidia_card(self) -> bool:
        return bool(self.facts["card"])

    def torch_state(self) -> Any:
        return self.facts["torch"]

    def has_pytorch_extension(self) -> bool:
        return bool(self.facts["extension"])

    def is_online(self) -> bool:
        return bool(self.facts["online"])

    def install_torch(self, requirement: str) -> None:
        self.installed.append(requirement)
        self.facts["torch"] = self.facts["installs"]
        if self.facts["raises"] is not None:
            raise self.facts["raises"]


class InputsPanel:
    """The section at work: `ui` has the widgets, `button` what the Register button says."""

    def __init__(self, around: Any, machine: Machine, files: dict[str, Path]) -> None:
        import slicer

        from DeepIterRegLib.mrml.logic import DeepIterRegLogic
        from DeepIterRegLib.mrml.panel.inputs import InputsSection

        self.scene = around.scene
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(self.scene)
        self.logic = DeepIterRegLogic(self.scene)
        self.machine, self.dialogs, self.settings = machine, Dialogs(), Settings()
        self.closed_workers = 0
        services: Any = SimpleNamespace(
            scene=self.scene, translate=str, dialogs=self.dialogs, settings=self.settings,
            worker=SimpleNamespace(close=self._close_worker),
            file_of_instance=lambda uid: str(files.get(uid, "")),
            call_later=lambda callback, ms: self.later.append(callback),
        )  # fmt: skip
        self.changes = 0
        self.later: list[Any] = []
        self.section = InputsSection(self.ui, services, self._count, machine)
        self.parameters = SimpleNamespace(**dict.fromkeys(NODES), method="default", device="auto")
        self.section.set_parameters(self.parameters)

    @property
    def button(self) -> str:
        while self.later:
            self.later.pop(0)()
        return self.section.missing() or "Register"

    def type(self, name: str, text: str, finish: bool = True) -> None:
        """Type over what a line edit holds, key by key; finish with the Enter key."""
        from PySide6 import QtCore, QtTest

        edit = getattr(self.ui, name)._qt()
        self.form._qt().show()
        edit.setFocus()
        edit.selectAll()
        QtTest.QTest.keyClick(edit, QtCore.Qt.Key.Key_Backspace)
        QtTest.QTest.keyClicks(edit, text)
        if finish:
            QtTest.QTest.keyClick(edit, QtCore.Qt.Key.Key_Return)

    def given(self, name: str, node: Any) -> None:
        """Select a node that the selectors may not offer, as a script or an older scene does."""
        setattr(self.parameters, name, node)
        self.section.update()

    def row(self, middle: str, prefix: str = "dsa") -> tuple[str, str, bool]:
        """What a C-arm value shows: its text, its origin, and whether typing can be undone."""
        edit, origin, undo = (getattr(self.ui, f"{prefix}{middle}{part}") for part in ("Edit", "Origin", "Undo"))
        return edit.text, origin.text, undo.enabled

    def shown(self, name: str) -> bool:
        """Whether a widget would be seen if its collapsed parents were open."""
        return not getattr(self.ui, name)._qt().isHidden()

    def screenshot(self, path: Path) -> None:
        grab(self.form._qt(), path)

    def _count(self) -> None:
        self.changes += 1

    def _close_worker(self) -> None:
        self.closed_workers += 1


@contextmanager
def inputs_panel(
    scene: Any = None, machine: Machine | None = None, files: dict[str, Path] | None = None
) -> Iterator[InputsPanel]:
    with installed(scene) as around:
        panel = InputsPanel(around, machine or Machine(card=False), files or {})
        try:
            yield panel
        finally:
            panel.section.close()
            panel.form._qt().hide()
