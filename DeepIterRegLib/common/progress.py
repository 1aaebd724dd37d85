"""How a computation tells what it is doing, and what each of its stages came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from DeepIterRegLib.common.arrays import FloatArray


@dataclass(frozen=True)
class Progress:
    """One step forward, for a progress bar."""

    stage: str
    """In plain words, as the progress bar and the panel show it."""
    fraction: float
    """Of the whole, 0 to 1."""
    similarity: float | None = None
    pose: FloatArray | None = None
    """(4, 4) the best pose so far, for a live overlay."""


ProgressCallback = Callable[[Progress], None]
"""Called from the computing thread. It cancels by raising RegistrationCancelled (or KeyboardInterrupt)."""


def part_of(progress: ProgressCallback | None, begin: float, end: float) -> ProgressCallback:
    """A callback whose 0 to 1 is `begin` to `end` of another one's; None stands for nobody who listens."""

    def tell(step: Progress) -> None:
        if progress is not None:
            progress(replace(step, fraction=begin + (end - begin) * min(max(step.fraction, 0.0), 1.0)))

    return tell


@dataclass(frozen=True, eq=False)
class Rival:
    """Another optimum than the one that a stage ended with."""

    pose: FloatArray
    """(4, 4)."""
    nats_below: float
    """By how much it is less probable."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of a registration that ended with a pose."""

    name: str
    """In plain words, as the progress bar and the panel show it."""
    pose: FloatArray
    """(4, 4) patient frame (RAS, mm) to C-arm frame (mm)."""
    similarity_name: str | None
    """"NCC" and "MI" of the published method, "log posterior" (nats) of the default, "NCC of veins" of the initializer;
    None for a stage that measures nothing (the radiological pose)."""
    similarity: float | None
    """At `pose`, larger is better."""
    similarity_before: float | None
    """The same similarity at the pose the stage started from."""
    seconds: float
    evaluations: int = 0
    found_after: int = 0
    """Of the evaluations, those up to the one that measured `pose`; 0 where a stage does not count them."""
    rivals: tuple[Rival, ...] = ()
    """The likeliest first."""
