"""Undo and redo of a pose. Knows neither nodes nor widgets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray

COALESCE_S = 0.5
"""Changes of the same control that follow one another within this time are one step."""


@dataclass(frozen=True, eq=False)
class Step:
    """A pose, and by what it came about."""

    pose: FloatArray
    """(4, 4)"""
    control: str
    """Names what moved the head: a slider, the mouse, a computation."""


class PoseHistory:
    """Where the head was, step by step.

    A gesture, from `begin_gesture` to `end_gesture`, is one step however long it takes; so are changes of the same
    control within half a second of one another.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock: seconds that never run backwards, as time.monotonic."""
        self._clock = clock
        self._steps: list[Step] = []
        self._current = -1
        self._recorded_at = 0.0
        self._gesture: str | None = None
        self._growing = False

    def start(self, pose: FloatArray, control: str) -> None:
        """Forget everything; begin at this pose."""
        self._steps, self._current = [Step(pose, control)], 0
        self._gesture, self._growing = None, False

    @property
    def current(self) -> Step:
        """The step that the head is at. There is none before `start`."""
        return self._steps[self._current]

    @property
    def before(self) -> Step | None:
        """The step that `undo` goes to."""
        return self._steps[self._current - 1] if self._current > 0 else None

    @property
    def after(self) -> Step | None:
        """The step that `redo` goes to."""
        return self._steps[self._current + 1] if self._current + 1 < len(self._steps) else None

    def begin_gesture(self, control: str) -> None:
        """The mouse goes down: what is recorded until `end_gesture` is one step."""
        self._gesture, self._growing = control, False

    @property
    def gesture(self) -> str | None:
        """The gesture that goes on."""
        return self._gesture

    def end_gesture(self) -> None:
        """The mouse goes up."""
        self._gesture, self._growing = None, False

    def record(self, pose: FloatArray, control: str) -> None:
        """The head was moved. What was undone before cannot be redone any more."""
        control = self._gesture or control
        now_s = self._clock()
        in_time = self._gesture is not None or now_s - self._recorded_at <= COALESCE_S
        if self._growing and in_time and control == self.current.control:
            self._steps[self._current :] = [Step(pose, control)]
        else:
            self._steps[self._current + 1 :] = [Step(pose, control)]
            self._current += 1
        self._recorded_at, self._growing = now_s, True

    def rename(self, control: str) -> None:
        """It turned out what the current step came about by."""
        self._steps[self._current] = Step(self.current.pose, control)
        self._growing = False

    def undo(self) -> Step | None:
        """Go one step back; None where there is none."""
        return self._go(-1)

    def redo(self) -> Step | None:
        """Go one step forward again; None where there is none."""
        return self._go(+1)

    def _go(self, direction: int) -> Step | None:
        self.end_gesture()
        if not 0 <= self._current + direction < len(self._steps):
            return None
        self._current += direction
        return self.current
