"""Values on their way between Python and Qt: what PythonQt makes of them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore


class Enumerator(int):
    """A value of a C++ enumeration. In PythonQt these are integers; this one remembers what PySide wants to have."""

    member: enum.Enum

    def __new__(cls, member: enum.Enum) -> Enumerator:
        value = super().__new__(cls, member.value)
        value.member = member
        return value

    def _with(self, other: Any, combined: int) -> Enumerator | int:
        if isinstance(other, Enumerator) and type(other.member) is type(self.member):
            return Enumerator(type(self.member)(combined))
        return combined

    def __or__(self, other: int) -> Enumerator | int:
        return self._with(other, int(self) | int(other))

    def __and__(self, other: int) -> Enumerator | int:
        return self._with(other, int(self) & int(other))

    def __repr__(self) -> str:
        return f"{type(self.member).__name__}.{self.member.name} ({int(self)})"


class QtClass(type):
    """A class of Qt as Python sees it."""

    _qt_class: type


class QtInstance:
    """An object of Qt as Python sees it."""

    def _qt(self) -> Any:
        raise NotImplementedError


_make_instance: Callable[[Any], QtInstance]


def show_objects_as(make_instance: Callable[[Any], Any]) -> None:
    """From now on, objects of Qt come to Python as what `make_instance` makes of them."""
    global _make_instance
    _make_instance = make_instance


def wrapped(value: Any) -> Any:
    """What Python gets for a value that comes from Qt. Lists come as tuples, as in PythonQt."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, enum.Enum) and type(value).__module__.startswith("PySide6"):
        return Enumerator(value)
    if isinstance(value, QtCore.QObject) or type(value).__module__.startswith("PySide6."):
        return _make_instance(value)
    if type(value) in (list, tuple):
        return tuple(wrapped(item) for item in value)
    if type(value) is dict:
        return {key: wrapped(item) for key, item in value.items()}
    return value


def unwrapped(value: Any) -> Any:
    """What PySide gets for a value that comes from Python.

    Raises TypeError for numpy's scalars that are no Python numbers: PythonQt takes them for nothing it knows.
    """
    if isinstance(value, QtInstance):
        return value._qt()
    if isinstance(value, QtClass):
        return value._qt_class
    if isinstance(value, Enumerator):
        return value.member
    if type(value).__module__ == "numpy" and not isinstance(value, (int, float)):
        raise TypeError(f"PythonQt does not know {type(value).__name__}; give it a Python number.")
    if type(value) in (list, tuple):
        return [unwrapped(item) for item in value]
    if type(value) is dict:
        return {key: unwrapped(item) for key, item in value.items()}
    return value
