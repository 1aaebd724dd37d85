"""What a registration returns, and how it reports while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume

Method = Literal["default", "published"]


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of the pipeline that ended with a pose."""

    name: str
    """In plain words, as the progress bar and the panel show it."""
    pose: FloatArray
    """(4, 4) patient frame (RAS) to C-arm frame."""
    similarity_name: str | None
    """"NCC" and "MI" of the published method, "log posterior" (nats) of the default, "NCC of veins" of the initializer;
    None for a stage that measures nothing (the radiological pose)."""
    similarity: float | None
    """At `pose`, larger is better."""
    similarity_before: float | None
    """The same similarity at the pose the stage started from."""
    seconds: float
    evaluations: int = 0


@dataclass(frozen=True)
class Progress:
    """One step forward, for a progress bar."""

    stage: str
    fraction: float
    """Of the whole registration, 0 to 1."""
    similarity: float | None = None
    pose: FloatArray | None = None
    """The best pose so far, for a live overlay."""


ProgressCallback = Callable[[Progress], None]
"""Called from the registering thread. It cancels by raising RegistrationCancelled (or KeyboardInterrupt)."""


@dataclass(frozen=True, eq=False)
class Registration:
    """The result: the pose, how it came about, and the images it was found on."""

    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm): the to-parent matrix of Slicer's transform node."""
    initial_pose: FloatArray
    """(4, 4) where the registration started: the radiological pose or the given transform."""
    stages: tuple[Stage, ...]
    method: Method | Literal["by hand"]
    """"by hand": nobody registered, the pose is the starting pose."""
    device: str
    """"cpu" or "cuda", as used (after any fall-back)."""
    volume: PreparedVolume
    angiograms: tuple[PreparedAngiogram, ...]
    warnings: tuple[str, ...]
    preparation_seconds: float
    seconds: float
    """Of the registration proper, after the images were prepared."""
    initializer_sha256: str | None = None
    """Of the weights that found the starting hypotheses; None where the registration had no initializer."""
