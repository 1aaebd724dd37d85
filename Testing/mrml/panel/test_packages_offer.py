"""PyTorch: who is asked, when, and what is said where it cannot help or cannot be had."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.mrml.panel.packages import OFFERED, Packages, SlicerMachine
from Testing.support.inputs_panel import Dialogs, Machine, Settings


class Case:
    def __init__(self, answer: bool = False, **facts: Any) -> None:
        self.machine, self.dialogs, self.settings = Machine(**facts), Dialogs(answer), Settings()
        self.told = 0
        self.packages = Packages(self.machine, self.dialogs, self.settings, on_installed=self._told)

    def _told(self) -> None:
        self.told += 1


@pytest.mark.parametrize(
    ("facts", "words", "can_install"),
    [
        ({}, "install PyTorch", True),
        ({"card": False}, "No NVIDIA graphics card", False),
        ({"mac": True}, "built for Intel Macs", False),
        ({"mac": True, "intel": False}, "Macs have no NVIDIA", False),
        ({"torch": "installed"}, "can be used", False),
        ({"torch": "partial"}, "only in part", False),
        ({"extension": False}, "Extensions Manager", False),
    ],
)
def test_every_machine_gets_its_sentence(facts: dict[str, Any], words: str, can_install: bool) -> None:
    status = Case(**facts).packages.status()
    assert words in status.sentence
    assert status.sentence.endswith(".")
    assert status.can_install == can_install


def test_question_is_asked_once_and_names_the_size() -> None:
    case = Case()
    case.packages.offer_once()
    case.packages.offer_once()
    ((title, text, yes, no),) = case.dialogs.asked
    assert title
    assert "3 GB" in text
    assert "5 GB" in text
    assert (yes, no) == ("Install PyTorch", "Not now")
    assert case.machine.installed == []
    again = Packages(case.machine, case.dialogs, case.settings)
    again.offer_once()
    assert len(case.dialogs.asked) == 1, "the setting outlives the session"


@pytest.mark.parametrize(
    "facts",
    [
        {"card": False},
        {"mac": True},
        {"torch": "installed"},
        {"torch": "partial"},
        {"extension": False},
        {"testing": True},
    ],
)
def test_nobody_is_asked_where_it_would_not_help(facts: dict[str, Any]) -> None:
    case = Case(answer=True, **facts)
    case.packages.offer_once()
    case.packages.install()
    assert case.dialogs.asked == []
    assert case.machine.installed == []
    assert OFFERED not in case.settings, "it may help one day"


def test_yes_installs_and_tells() -> None:
    case = Case(answer=True)
    case.packages.offer_once()
    assert case.machine.installed == [">=2.4"]
    assert case.told == 1
    assert case.dialogs.warned == []
    assert not case.packages.status().can_install


@pytest.mark.parametrize(
    ("facts", "words", "tries"),
    [
        ({"online": False}, "no connection", 0),
        ({"installs": "absent", "raises": RuntimeError("pip")}, "could not be installed", 1),
        ({"installs": "partial", "raises": TypeError("half")}, "could not be installed", 1),
        ({"installs": "absent"}, "was not installed", 1),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_registration_goes_on(
    facts: dict[str, Any], words: str, tries: int
) -> None:
    case = Case(answer=True, **facts)
    case.packages.offer_once()
    (sentence,) = case.dialogs.warned
    assert words in sentence
    assert sentence.endswith("The CPU is used.")
    assert len(case.machine.installed) == tries
    assert case.told == 0


def test_the_failure_stays_to_be_read_and_can_be_tried_again() -> None:
    case = Case(answer=True, online=False)
    case.packages.offer_once()
    assert "no connection" in case.packages.status().sentence
    assert case.packages.status().can_install
    case.machine.facts["online"] = True
    case.packages.install()
    assert case.told == 1


def test_an_error_after_the_installation_is_none() -> None:
    """The extension imports PyTorch when it is done, which a later start of the application may do better."""
    case = Case(answer=True, raises=OSError("DLL"))
    case.packages.offer_once()
    assert case.told == 1
    assert case.dialogs.warned == []


def test_half_installed_pytorch_is_found_out_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    machine = SlicerMachine()
    found = {"files": None}

    def files(name: str) -> Any:
        if found["files"] == "absent":
            raise importlib.metadata.PackageNotFoundError(name)
        return found["files"]

    monkeypatch.setattr(importlib.metadata, "files", files)
    before = "torch" in sys.modules
    assert machine.torch_state() == "partial"
    found["files"] = "absent"  # type: ignore[assignment]
    assert machine.torch_state() == "absent"
    found["files"] = ["torch/__init__.py"]  # type: ignore[assignment]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert machine.torch_state() == "installed"
    assert ("torch" in sys.modules) == before


def test_nobody_is_asked_outside_slicer() -> None:
    assert SlicerMachine().is_testing()


def test_importing_it_loads_no_pytorch() -> None:
    import subprocess
    import sys

    code = "import sys, DeepIterRegLib.mrml.panel.packages, DeepIterRegLib.mrml.panel.inputs as i; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "scipy", "numba", "pydicom", "PIL", "matplotlib"} & {
        n.split(".")[0] for n in done.stdout.split()
    }
