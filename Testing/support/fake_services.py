"""Services of the panel without an application: a person's answers, and time that passes when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from DeepIterRegLib.mrml.panel.services import Services


class FakeDialogs:
    """Implements `Dialogs`: answers as told, remembers what was asked."""

    def __init__(self) -> None:
        self.path: str | None = None
        """What the next file or folder dialog gives; None cancels it."""
        self.yes = True
        self.asked: list[str] = []
        self.proposed: list[tuple[str, tuple[str, ...]]] = []

    def ask(self, title: str, text: str, yes: str, no: str) -> bool:
        self.asked.append(text)
        return self.yes

    def warn(self, text: str) -> None:
        raise AssertionError(f"an unexpected warning: {text}")

    def save_file(self, title: str, name: str, kinds: Mapping[str, str]) -> str | None:
        self.proposed.append((name, tuple(kinds)))
        return self.path

    def choose_folder(self, title: str) -> str | None:
        return self.path


class Later:
    """`call_later` whose time is run by hand."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None], ms: int) -> None:
        self.waiting.append(callback)

    def pass_time(self) -> None:
        """All that waits now is called, and what waits from then on stays."""
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()


def fake_services(
    scene: Any,
    dialogs: FakeDialogs,
    later: Later,
    file_of_instance: Callable[[str], str] = lambda _: "",
    translate: Callable[[str], str] = str,
) -> Services:
    """What the sections for saving and reviewing use; nothing else is there."""
    unused: Any = None
    return Services(
        scene=scene,
        worker=unused,
        dialogs=dialogs,
        settings=unused,
        timer=unused,
        call_later=later,
        button_is_down=lambda: False,
        shortcut=unused,
        view_interactor=unused,
        view_window=lambda _: None,
        equalize_views=lambda: None,
        file_of_instance=file_of_instance,
        application="3D Slicer 5.12.3",
        translate=translate,
    )
