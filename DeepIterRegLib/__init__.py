"""DeepIterReg: registers a 3D CT angiogram to 2D angiograms.

`from DeepIterRegLib import register` is the whole method; see its docstring.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from DeepIterRegLib.common.errors import InputError
    from DeepIterRegLib.geometry.carm import CArm
    from DeepIterRegLib.images.angiogram import Angiogram
    from DeepIterRegLib.images.dsa_files import read_angiogram
    from DeepIterRegLib.images.volume import Volume
    from DeepIterRegLib.images.volume_files import read_volume
    from DeepIterRegLib.registration.options import Options
    from DeepIterRegLib.registration.patient import register
    from DeepIterRegLib.registration.result import Registration

__all__ = [
    "Angiogram",
    "CArm",
    "InputError",
    "Options",
    "Registration",
    "Volume",
    "read_angiogram",
    "read_volume",
    "register",
]
__version__ = "0.1.0"

# Slicer imports this package at start-up: the method's own imports wait until someone registers.
_HOMES = {
    "Angiogram": "images.angiogram",
    "CArm": "geometry.carm",
    "InputError": "common.errors",
    "Options": "registration.options",
    "Registration": "registration.result",
    "Volume": "images.volume",
    "read_angiogram": "images.dsa_files",
    "read_volume": "images.volume_files",
    "register": "registration.patient",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
