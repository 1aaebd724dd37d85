"""The extension's module in an application around it."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from Testing.qt_adapter import handler_errors, scripted_module
from Testing.qt_adapter.application import application
from Testing.qt_adapter.around import installed
from Testing.qt_adapter.proxy import proxy_class

MODULE = Path(__file__).resolve().parents[2] / "DeepIterReg" / "DeepIterReg.py"
WIDTH_PX = 400


class OpenedModule:
    """The module on the screen, as a user has it."""

    def __init__(self, page: ModuleType, module: Any, parent: Any, widget: Any, scene: Any) -> None:
        self.page = page
        """DeepIterReg.py."""
        self.module = module
        """The object that Slicer makes at start-up."""
        self.widget = widget
        """DeepIterRegWidget; its `panel` and `logic` are the extension's own."""
        self.parent = parent
        self.scene = scene
        self.longest_turn_s = 0.0
        """Of the event loop, since somebody set it to 0: for so long the application did not answer."""

    @property
    def ui(self) -> Any:
        """All widgets of the panel by name."""
        return self.widget.ui

    def enter(self) -> None:
        """The user opens the module."""
        self.parent._qt().entered = True
        self.widget.enter()

    def exit(self) -> None:
        """The user opens another module."""
        self.parent._qt().entered = False
        self.widget.exit()

    def close(self) -> None:
        """Slicer quits."""
        import slicer

        slicer.app.moduleManager()._qt().about_to_be_unloaded.emit(self.widget.moduleName)

    def process_events(
        self, seconds: float = 0.0, until: Callable[[], bool] | None = None, timeout: float = 10.0
    ) -> None:
        """Let the application run, for some seconds or until something is true.

        Raises TimeoutError if it does not become true, and the first exception of a signal handler.
        """
        app = application()
        end = time.monotonic() + (seconds if until is None else timeout)
        while True:
            began = time.perf_counter()
            app.processEvents()
            _delete_later()
            self.longest_turn_s = max(self.longest_turn_s, time.perf_counter() - began)
            handler_errors.raise_recorded()
            if until is not None and until():
                return
            if time.monotonic() >= end:
                if until is not None:
                    raise TimeoutError(f"Not true after {timeout} s")
                return
            time.sleep(0.002)

    def press(self, key: str, widget: Any = None) -> None:
        """Press a key such as "Shift+Left". widget: which has the focus; the panel as a whole if None."""
        from PySide6 import QtGui, QtTest

        target = self.parent._qt() if widget is None else widget._qt()
        self.parent._qt().activateWindow()
        target.setFocus()
        self.process_events()
        QtTest.QTest.keySequence(target, QtGui.QKeySequence(key))
        self.process_events()

    def scroll(self, widget: Any, notches: int = 1) -> None:
        """Turn the mouse wheel over a widget and over each of its parts, as happens when the panel is scrolled."""
        from PySide6 import QtCore, QtGui, QtWidgets

        whole = widget._qt()
        for part in (whole, *whole.findChildren(QtWidgets.QWidget)):
            centre = QtCore.QPointF(part.rect().center())
            event = QtGui.QWheelEvent(
                centre,
                part.mapToGlobal(centre),
                QtCore.QPoint(0, 0),
                QtCore.QPoint(0, 120 * notches),
                QtCore.Qt.MouseButton.NoButton,
                QtCore.Qt.KeyboardModifier.NoModifier,
                QtCore.Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            application().sendEvent(part, event)
        self.process_events()

    def screenshot(self, path: str | Path, open_all: bool = True) -> None:
        """The whole panel as an image file. open_all: with all sections open, which are then as they were."""
        buttons = [found for found in vars(self.ui).values() if type(found).__name__ == "ctkCollapsibleButton"]
        collapsed = [button.collapsed for button in buttons]
        for button in buttons if open_all else ():
            button.collapsed = False
        grab(self.parent._qt(), path)
        for button, was_collapsed in zip(buttons, collapsed, strict=True):
            button.collapsed = was_collapsed
        self.process_events()


def grab(widget: Any, path: str | Path, width: int = WIDTH_PX) -> None:
    """A PySide widget as an image file, as high as it needs."""
    app = application()
    for _ in range(3):
        height = widget.heightForWidth(width) if widget.hasHeightForWidth() else -1
        widget.resize(width, max(height, widget.minimumSizeHint().height(), 1))
        app.processEvents()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if not widget.grab().save(str(path)):
        raise OSError(f"{path} cannot be written")


@contextmanager
def open_module(scene: Any = None, path: Path = MODULE) -> Iterator[OpenedModule]:
    """The module, opened and entered; closed when the block ends. path: of DeepIterReg.py, perhaps a packaged one."""
    with installed(scene) as application_around:
        slicer = application_around.slicer
        module = scripted_module.LoadedModule(path)
        slicer.modules.deepiterreg = module
        path_before = list(sys.path)
        page = _loaded_page(path)
        try:
            made = page.DeepIterReg(module)
            application().startup_completed.emit()
            parent_class = proxy_class(scripted_module.qSlicerScriptedLoadableModuleWidget)
            parent = parent_class()
            parent.setLayout(application_around.qt.QVBoxLayout())
            parent.setMRMLScene(application_around.scene)
            widget = page.DeepIterRegWidget(parent)
            parent._qt().scripted = widget
            parent.resize(WIDTH_PX, 800)
            widget.setup()
            module.connect_widget(parent)
            parent.show()
            opened = OpenedModule(page, made, parent, widget, application_around.scene)
            try:
                opened.enter()
                opened.process_events()
                yield opened
                opened.process_events()
            finally:
                opened.close()
                parent.hide()
                parent.deleteLater()
                _delete_later()
        finally:
            sys.modules.pop("DeepIterReg", None)
            sys.path[:] = path_before


def _delete_later() -> None:
    """Delete what deleteLater() was called for, which Qt does only in an event loop that was entered after that."""
    from PySide6 import QtCore

    application().sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)


def _loaded_page(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("DeepIterReg", path)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    sys.modules["DeepIterReg"] = page
    spec.loader.exec_module(page)
    return page
