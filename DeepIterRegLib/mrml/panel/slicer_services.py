"""The panel's services in Slicer itself: Qt's dialogs, timers and settings, Slicer's views."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from DeepIterRegLib.mrml.nodes.dsa_node import slicer_file_of_instance
from DeepIterRegLib.mrml.panel.services import Services, Shortcut
from DeepIterRegLib.mrml.review.views import LAYOUTS
from DeepIterRegLib.mrml.views.captions import ViewWindow
from DeepIterRegLib.mrml.views.layout import DESCRIPTIONS, description_of
from DeepIterRegLib.mrml.worker_client.process import slicer_worker

SETTINGS_GROUP = "DeepIterReg/"
LAYOUT_SETTING = "MainWindow/layout"
"""Of Slicer's own: the layout that its main window opens in."""
EQUAL_PX = 1000
"""Of each view, before the splitter scales them all to the size it has."""


def slicer_services(parent: Any, translate: Callable[[str], str]) -> Services:
    """The services of the running application. parent: the panel's QWidget, which dialogs and keys belong to."""
    import slicer

    app = slicer.app
    return Services(
        scene=slicer.mrmlScene,
        worker=slicer_worker(),
        dialogs=QtDialogs(parent),
        settings=QtSettings(),
        timer=QtTimer,
        call_later=call_later,
        button_is_down=button_is_down,
        shortcut=lambda key, callback: _shortcut(parent, key, callback),
        view_interactor=view_interactor,
        view_window=view_window,
        equalize_views=equalize_views,
        file_of_instance=slicer_file_of_instance,
        application=f"3D Slicer {app.applicationVersion}",
        # Slicer's own looks at the stack of calls each time, which a slider feels that says something at every step.
        translate=cache(translate),
    )


class QtDialogs:
    """Implements `Dialogs`."""

    def __init__(self, parent: Any) -> None:
        self._parent = parent

    def ask(self, title: str, text: str, yes: str, no: str) -> bool:
        import qt

        box = qt.QMessageBox(self._parent)
        box.setWindowTitle(title)
        box.setText(text)
        accept = box.addButton(yes, qt.QMessageBox.AcceptRole)
        box.setDefaultButton(box.addButton(no, qt.QMessageBox.RejectRole))
        box.exec_()
        accepted = bool(box.clickedButton() == accept)
        # Its parent would keep it until the panel goes.
        box.deleteLater()
        return accepted

    def warn(self, text: str) -> None:
        import slicer

        slicer.util.warningDisplay(text)

    def save_file(self, title: str, name: str, kinds: Mapping[str, str]) -> str | None:
        import qt

        filters = ";;".join(f"{what} (*{suffix})" for suffix, what in kinds.items())
        path = str(qt.QFileDialog.getSaveFileName(self._parent, title, name, filters))
        if not path:
            return None
        return path if path.lower().endswith(tuple(kinds)) else path + next(iter(kinds))

    def choose_folder(self, title: str) -> str | None:
        import qt

        return str(qt.QFileDialog.getExistingDirectory(self._parent, title)) or None


class QtSettings:
    """Implements `Settings` with Slicer's own file."""

    def get(self, name: str) -> str | None:
        import qt

        value = qt.QSettings().value(SETTINGS_GROUP + name)
        return None if value is None else str(value)

    def set(self, name: str, value: str) -> None:
        import qt

        qt.QSettings().setValue(SETTINGS_GROUP + name, value)


class QtTimer:
    """Implements `Timer`."""

    def __init__(self, callback: Callable[[], None], interval_ms: int) -> None:
        import qt

        self._timer = qt.QTimer()
        self._timer.setInterval(interval_ms)
        self._timer.connect("timeout()", callback)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()


def call_later(callback: Callable[[], None], ms: int) -> None:
    """Call back once."""
    import qt

    qt.QTimer.singleShot(ms, callback)


def view_interactor(view: str) -> Any | None:
    """The interactor of a slice or 3D view, None where the application shows no views (tests, no main window)."""
    shown = _view(view)
    return None if shown is None else shown.interactor()


def view_window(view: str) -> ViewWindow | None:
    """Where a slice or 3D view draws, None where the application shows no such view."""
    shown = _view(view)
    if shown is None:
        return None
    renderer = shown.renderWindow().GetRenderers().GetFirstRenderer()
    return None if renderer is None else ViewWindow(renderer, shown.scheduleRender)


def _view(name: str) -> Any | None:
    """The ctkVTKAbstractView of a layout name."""
    import slicer

    manager = slicer.app.layoutManager()
    if manager is None:
        return None
    widget = manager.sliceWidget(name)
    if widget is not None:
        return widget.sliceView()
    for index in range(manager.threeDViewCount):
        widget = manager.threeDWidget(index)
        if widget is not None and widget.mrmlViewNode().GetLayoutName() == name:
            return widget.threeDView()
    return None


def open_page(url: str) -> None:
    """In the user's browser."""
    import qt

    qt.QDesktopServices.openUrl(qt.QUrl(url))


def button_is_down() -> bool:
    """Whether a button of the mouse is held down, wherever."""
    import qt

    return bool(int(qt.QApplication.mouseButtons()))


def equalize_views() -> None:
    """Set the splitters of the layout on show; nothing happens where there is no main window."""
    import slicer

    manager = slicer.app.layoutManager()
    viewport = None if manager is None else manager.viewport()
    if viewport is None:
        return
    for splitter in slicer.util.findChildren(viewport, className="QSplitter"):
        splitter.setSizes([EQUAL_PX] * splitter.count())


def leave_known_layout() -> None:
    """Let the application start in its four-up layout where it would remember one of ours.

    To be called when it quits, after it has written its settings: it restores them before any module is asked, so our
    number would mean nothing then.
    """
    import qt
    import slicer

    settings = qt.QSettings()
    number = settings.value(LAYOUT_SETTING)
    ours = [description for _, description in (*DESCRIPTIONS.values(), *LAYOUTS.values())]
    if number is not None and description_of(slicer.mrmlScene, int(number)) in ours:
        settings.setValue(LAYOUT_SETTING, slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)


def _shortcut(parent: Any, key: str, callback: Callable[[], None]) -> Shortcut:
    import qt

    shortcut = qt.QShortcut(parent)
    shortcut.setKey(qt.QKeySequence(key))
    shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
    shortcut.setEnabled(False)
    shortcut.connect("activated()", lambda: None if _focus_takes(key) else callback())
    return shortcut


STEPS = {"Up": 1, "Right": 1, "PgUp": 10, "Down": -1, "Left": -1, "PgDown": -10}


def _focus_takes(key: str) -> bool:
    """Give a key to the number or slider that has the focus; False where it is meant for nobody there.

    The shortcut has taken it from them: Qt asks shortcuts first.
    """
    import qt

    focus, steps = qt.QApplication.focusWidget(), STEPS.get(key)
    if focus is None or steps is None:
        return False
    if focus.inherits("QLineEdit") and focus.parent() is not None and focus.parent().inherits("QAbstractSpinBox"):
        focus = focus.parent()
    if focus.inherits("QAbstractSpinBox"):
        focus.stepBy(steps)
        return True
    if focus.inherits("QAbstractSlider"):
        focus.setValue(focus.value + steps * focus.singleStep)
        return True
    return False
