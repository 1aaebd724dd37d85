"""DeepIterReg: registers a 3D CT angiogram to 2D angiograms.

`from DeepIterRegLib import register` is the whole method; see its docstring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from DeepIterRegLib.registration.register import register

__all__ = ["register"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Slicer imports this package at start-up: the method's own imports wait until someone registers.
    if name == "register":
        from DeepIterRegLib.registration.register import register

        return register
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
