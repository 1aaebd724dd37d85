"""Windows that wait for an answer. Off-screen nobody gives one: a test has to, or it fails instead of hanging."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from PySide6 import QtWidgets

FUNCTIONS = {
    "QMessageBox": ("information", "question", "warning", "critical", "about"),
    "QFileDialog": ("getSaveFileName", "getOpenFileName", "getOpenFileNames", "getExistingDirectory"),
    "QInputDialog": ("getText", "getItem", "getInt", "getDouble"),
    "QColorDialog": ("getColor",),
}

_answers: list[Callable[..., Any]] = []


@contextmanager
def answering(answer: Callable[..., Any]) -> Iterator[None]:
    """Answer dialogs while the block runs.

    answer: called with the dialog (shown, so that it can be looked at) where code calls its exec_(), and returns what
    exec_ returns; called with the name and the arguments of a static function as QFileDialog.getSaveFileName.
    """
    _answers.append(answer)
    try:
        yield
    finally:
        _answers.remove(answer)


def executed(dialog: Any) -> Any:
    if not _answers:
        text = getattr(dialog, "text", "")
        raise AssertionError(f"A dialog waits for an answer: {dialog.windowTitle} {text}")
    dialog.show()
    QtWidgets.QApplication.processEvents()
    try:
        return _answers[-1](dialog)
    finally:
        dialog.hide()


def is_modal_function(qt_class: type, name: str) -> bool:
    return any(name in FUNCTIONS.get(cls.__name__, ()) for cls in qt_class.__mro__)


def function(qt_class: type, name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        if not _answers:
            raise AssertionError(f"A dialog waits for an answer: {qt_class.__name__}.{name}{arguments[1:]}")
        return _answers[-1](f"{qt_class.__name__}.{name}", *arguments)

    return call
