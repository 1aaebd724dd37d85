"""Values on their way between Python and Qt: what PythonQt makes of them."""

from __future__ import annotations

import enum
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


def wrapped(value: Any) -> Any:
    """What Python gets for a value that comes from Qt. Lists come as tuples, as in PythonQt."""
    from Testing.qt_adapter.proxy import proxy_of

    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    if isinstance(value, enum.Enum) and type(value).__module__.startswith("PySide6"):
        return Enumerator(value)
    if isinstance(value, QtCore.QObject) or type(value).__module__.startswith("PySide6."):
        return proxy_of(value)
    if type(value) in (list, tuple):
        return tuple(wrapped(item) for item in value)
    if type(value) is dict:
        return {key: wrapped(item) for key, item in value.items()}
    return value


def unwrapped(value: Any) -> Any:
    """What PySide gets for a value that comes from Python.

    Raises TypeError for numpy's scalars that are no Python numbers: PythonQt takes them for nothing it knows.
    """
    from Testing.qt_adapter.proxy import Proxy, ProxyType

    if isinstance(value, Proxy):
        return value._qt()
    if isinstance(value, ProxyType):
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
