"""What the panel's sections need of the application: dialogs, timers, keys, views, settings, the worker.

Given to them by their constructor, so that the sections know neither Qt nor Slicer and tests can stand in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance
from DeepIterRegLib.mrml.views.captions import ViewWindow
from DeepIterRegLib.mrml.worker_client.client import WorkerClient


class Dialogs(Protocol):
    """The few windows that the panel opens. Texts come translated."""

    def ask(self, title: str, text: str, yes: str, no: str) -> bool:
        """A question with two buttons that say what they do; True for `yes`."""
        ...

    def warn(self, text: str) -> None:
        """Something went wrong that nothing in the panel shows."""
        ...

    def save_file(self, title: str, name: str, kinds: Mapping[str, str]) -> str | None:
        """Path to write to, None when cancelled. name: proposed. kinds: what each suffix is, as ".tfm": "transform"."""
        ...

    def choose_folder(self, title: str) -> str | None:
        """An existing folder, None when cancelled."""
        ...


class Timer(Protocol):
    """Calls back again and again while it runs."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Shortcut(Protocol):
    """A key that the panel listens to while it is enabled."""

    enabled: bool


class Settings(Protocol):
    """What is remembered from one start of the application to the next."""

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str) -> None: ...


@dataclass(frozen=True, eq=False)
class Services:
    """The application, as far as the panel needs it."""

    scene: Any
    """vtkMRMLScene."""
    worker: WorkerClient
    dialogs: Dialogs
    settings: Settings
    timer: Callable[[Callable[[], None], int], Timer]
    """A stopped timer of a callback and an interval in ms."""
    call_later: Callable[[Callable[[], None], int], None]
    """Once, in so many ms."""
    button_is_down: Callable[[], bool]
    """Whether a button of the mouse is held down."""
    shortcut: Callable[[str, Callable[[], None]], Shortcut]
    """A disabled shortcut of a key sequence such as "Shift+Left", while the panel has the focus."""
    view_interactor: Callable[[str], Any | None]
    """vtkRenderWindowInteractor of the slice or 3D view of that layout name, None where there is no such view."""
    view_window: Callable[[str], ViewWindow | None]
    """Where the slice or 3D view of that layout name draws, None where there is no such view."""
    equalize_views: Callable[[], None]
    """Give all views of the layout on show the same width and height: a layout keeps the sizes of the one before."""
    file_of_instance: FileOfInstance
    """The path of a DICOM instance's file, or ""."""
    application: str = ""
    """Name and version of the application, for the provenance."""
    translate: Callable[[str], str] = str
