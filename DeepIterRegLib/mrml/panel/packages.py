"""PyTorch: offered once, at the first registration, and only where it helps; installed only when somebody says so.

A registration needs no package that Slicer does not have. PyTorch lets it use an NVIDIA graphics card. The PyTorch
extension does the installing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from DeepIterRegLib.mrml.panel.services import Dialogs, Settings

OFFERED = "pytorch-offered"
"""The setting that remembers that the question was asked."""
DOWNLOAD_GB, DISK_GB = 3, 5
"""PyTorch with its CUDA libraries on Linux: 2.7 GB, and 4.7 GB of the 6.6 GB in docs/development.md; rounded up."""
TORCH_REQUIREMENT = ">=2.4"

TorchState = Literal["absent", "partial", "installed"]


class Machine(Protocol):
    """The facts about the computer and the application that decide what to offer."""

    def is_testing(self) -> bool:
        """Nobody is there to answer a question."""
        ...

    def is_mac(self) -> bool: ...

    def is_intel(self) -> bool:
        """Whether the application is built for Intel processors (as all Slicers for Mac up to 5.12 are)."""
        ...

    def has_nvidia_card(self) -> bool: ...

    def torch_state(self) -> TorchState:
        """Found out without importing it. partial: an installation broke off."""
        ...

    def has_pytorch_extension(self) -> bool: ...

    def is_online(self) -> bool:
        """Whether PyTorch's server answers; takes a second or two at most."""
        ...

    def install_torch(self, requirement: str) -> None:
        """Install through the PyTorch extension; takes minutes. Raises whatever goes wrong."""
        ...


@dataclass(frozen=True)
class PackageStatus:
    """What registrations are computed with, and whether something can be done about it."""

    sentence: str
    can_install: bool = False


class Packages:
    """Asks, installs, and says how things stand."""

    def __init__(
        self,
        machine: Machine,
        dialogs: Dialogs,
        settings: Settings,
        translate: Callable[[str], str] = str,
        on_installed: Callable[[], None] = lambda: None,
    ) -> None:
        """on_installed: called after PyTorch was installed; a running worker does not know of it."""
        self._machine = machine
        self._dialogs = dialogs
        self._settings = settings
        self._ = translate
        self._on_installed = on_installed
        self._failure = ""

    def status(self) -> PackageStatus:
        """One sentence for the panel. Quick; asks nobody."""
        _, machine = self._, self._machine
        if machine.is_mac():
            if machine.is_intel():
                return PackageStatus(
                    _("This Slicer is built for Intel Macs, for which there is no current PyTorch: the CPU is used.")
                )
            return PackageStatus(_("Macs have no NVIDIA graphics card; the processor is used."))
        if not machine.has_nvidia_card():
            return PackageStatus(_("No NVIDIA graphics card was found; the processor is used."))
        state = machine.torch_state()
        if state == "installed":
            return PackageStatus(_("PyTorch is installed, and the NVIDIA graphics card can be used."))
        if state == "partial":
            return PackageStatus(
                _(
                    "PyTorch is installed only in part: uninstall it in the module PyTorch Utils, restart Slicer, and"
                    " install it again. Until then the CPU is used."
                )
            )
        if not machine.has_pytorch_extension():
            return PackageStatus(
                _(
                    "To use the NVIDIA graphics card, install the extension PyTorch in the Extensions Manager and"
                    " restart Slicer. Until then the CPU is used."
                )
            )
        need = _("To use the NVIDIA graphics card, install PyTorch. Until then the CPU is used.")
        return PackageStatus(self._failure or need, can_install=True)

    def offer_once(self) -> None:
        """Ask whether to install PyTorch, if that would help and nobody has been asked before."""
        if self._machine.is_testing() or self._settings.get(OFFERED) is not None or not self.status().can_install:
            return
        self._settings.set(OFFERED, "yes")
        _ = self._
        text = _(
            "This computer has an NVIDIA graphics card. With PyTorch, registrations can use it. PyTorch is downloaded"
            " from the internet (about {download} GB, some minutes) and needs about {disk} GB on the disk.\n\n"
            "Without it, registrations work as well, on the CPU. You can install it later, under Inputs, Advanced."
        ).format(download=DOWNLOAD_GB, disk=DISK_GB)
        if self._dialogs.ask(_("Use the graphics card?"), text, _("Install PyTorch"), _("Not now")):
            self._install()

    def install(self) -> None:
        """Install PyTorch after a question: the button under Advanced."""
        if self._machine.is_testing() or not self.status().can_install:
            return
        _ = self._
        text = _(
            "PyTorch is downloaded from the internet (about {download} GB, some minutes) and needs about {disk} GB on"
            " the disk."
        ).format(download=DOWNLOAD_GB, disk=DISK_GB)
        if self._dialogs.ask(_("Install PyTorch?"), text, _("Install PyTorch"), _("Cancel")):
            self._install()

    def _install(self) -> None:
        _ = self._
        self._failure = ""
        if not self._machine.is_online():
            self._fail(
                _("PyTorch cannot be downloaded: there is no connection to its server. The CPU is used."),
            )
            return
        try:
            self._machine.install_torch(TORCH_REQUIREMENT)
        # pip, the extension and PyTorch itself each raise something of their own.
        except Exception:
            if self._machine.torch_state() != "installed":
                self._fail(_("PyTorch could not be installed; Slicer's error log says why. The CPU is used."))
                return
        if self._machine.torch_state() == "installed":
            self._on_installed()
        else:
            self._fail(_("PyTorch was not installed. The CPU is used."))

    def _fail(self, sentence: str) -> None:
        """Tell, and keep it in the status line; the registration goes on without."""
        self._failure = sentence
        self._dialogs.warn(sentence)


class SlicerMachine:
    """Implements `Machine` where this runs."""

    def is_testing(self) -> bool:
        application = _application()
        return application is None or bool(application.testingEnabled())

    def is_mac(self) -> bool:
        import sys

        return sys.platform == "darwin"

    def is_intel(self) -> bool:
        import platform

        return platform.machine().lower() in ("x86_64", "amd64")

    def has_nvidia_card(self) -> bool:
        from DeepIterRegLib.render.choose import nvidia_driver_is_there

        return nvidia_driver_is_there()

    def torch_state(self) -> TorchState:
        import importlib.metadata
        import importlib.util

        # A new installation is not seen through what the import system remembers of the folder.
        importlib.invalidate_caches()
        try:
            files = importlib.metadata.files("torch")
        except importlib.metadata.PackageNotFoundError:
            return "absent"
        # No list of files is what a broken-off installation leaves, and what PyTorchUtils raises TypeError for.
        return "installed" if files and importlib.util.find_spec("torch") is not None else "partial"

    def has_pytorch_extension(self) -> bool:
        import importlib.util

        return importlib.util.find_spec("PyTorchUtils") is not None

    def is_online(self) -> bool:
        import socket

        try:
            socket.create_connection(("download.pytorch.org", 443), timeout=2).close()
        except OSError:
            return False
        return True

    def install_torch(self, requirement: str) -> None:
        import PyTorchUtils

        # Its own question would be the second one.
        PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=requirement)


def _application() -> Any | None:
    import slicer

    return getattr(slicer, "app", None)
