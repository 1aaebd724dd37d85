"""Moves the pose of a registered case, and notices when somebody else does; every move can be undone.

Decisions. *Reset* goes to what the last computation found, Register or Refine (`RegisteredCase.automatic_pose`), and is
itself a step that undo takes back. A refinement that started from where the head is becomes one step more, so that
undo reaches the pose by hand before it, and the one of Register before that; a new registration starts from elsewhere,
and with it a new history. What the scene's other owners do (Transforms module, interaction handles, a script) is a step
like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose, adjustment_between
from DeepIterRegLib.mrml.adjust.debounce import CallLater
from DeepIterRegLib.mrml.adjust.handles import HANDLES, handles_are_shown
from DeepIterRegLib.mrml.adjust.pose_history import PoseHistory, Step
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase

SAME_POSE = 1e-9
"""Poses whose numbers differ by less are one and the same: a matrix that went through a node, or through text."""
BUTTON_MS = 100
"""How often to look whether the mouse still drags: nobody tells of all the widgets and views that it may drag in."""
COMPUTED, ELSEWHERE, RESET = "computed", "elsewhere", "reset"
"""Controls of the history that are no widgets."""


class PoseEditor:
    """One case at a time; `open` it, `move` it, `close` it.

    While `paused` (a computation runs) nothing moves the head, and what others do is looked at when it ends.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_change: Callable[[], None],
        button_is_down: Callable[[], bool] = lambda: False,
        call_later: CallLater = lambda callback, ms: None,
    ) -> None:
        """clock: seconds, as time.monotonic. on_change: the pose, what can be undone, or what is shown of
        the pose's node is not what it was. button_is_down: of the mouse, anywhere. call_later: once, in so many ms."""
        self._button_is_down = button_is_down
        self._call_later = call_later
        self.case: RegisteredCase | None = None
        self.history = PoseHistory(clock)
        self.problem: InputError | None = None
        """Why the pose cannot be worked with: somebody made it something else than a rigid motion."""
        self._on_change = on_change
        self._paused = False
        self._writing = False
        self._observed: tuple[Any, list[int]] | None = None

    def open(self, case: RegisteredCase | None) -> None:
        """Work on this case from now on. Cheap and without effect where it is the one worked on, and as it was."""
        before, self.case = self.case, case
        if case is None:
            self._observe(None)
            self.problem = None
        elif before is None or before.pose_node is not case.pose_node:
            self._observe(case.pose_node)
            self._start(case)
        elif not _same(before.automatic_pose, case.automatic_pose):
            self._computed_again(case)
        else:
            self._look()
        self._on_change()

    def close(self) -> None:
        """Let go of the scene."""
        self.case = None
        self._observe(None)

    @property
    def paused(self) -> bool:
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._paused = paused
        if paused:
            self.history.end_gesture()
        elif self.case is not None:
            self._look()
        self._on_change()

    @property
    def ready(self) -> bool:
        """Whether the head can be moved from where it is."""
        return self.case is not None and not self._paused and self.problem is None

    @property
    def can_undo(self) -> bool:
        return self.case is not None and not self._paused and (self.problem or self.history.before) is not None

    @property
    def can_redo(self) -> bool:
        return self.ready and self.history.after is not None

    @property
    def can_reset(self) -> bool:
        return self.case is not None and not self._paused and (self.problem is not None or self.is_adjusted)

    @property
    def is_adjusted(self) -> bool:
        """Whether the head is elsewhere than the last computation found it."""
        return self.case is not None and not _same(self.pose, self.case.automatic_pose)

    @property
    def pose(self) -> FloatArray:
        """(4, 4) where the head is; where it last was while there is a `problem`. There must be a case."""
        return self.history.current.pose

    def adjustment(self, carm: CArm) -> HandAdjustment:
        """What was added to the computed pose, as seen in the view of `carm`. There must be a case."""
        assert self.case is not None
        return adjustment_between(self.case.automatic_pose, self.pose, self.case.centre_mm, carm)

    def adjust(self, adjustment: HandAdjustment, carm: CArm, control: str) -> None:
        """Move the head to an adjustment of the computed pose, as seen in the view of `carm`."""
        if self.case is not None:
            self.move(adjusted_pose(adjustment, self.case.automatic_pose, self.case.centre_mm, carm), control)

    def move(self, pose: FloatArray, control: str) -> None:
        """Move the head; control: names what did it. Nothing happens while it cannot be moved."""
        if self.ready:
            self._record(pose, control)
            self._write(pose)

    def undo(self) -> None:
        """One step back. From a pose that is no rigid motion, to the last one that was."""
        if self.can_undo:
            self._go(self.history.current if self.problem else self.history.undo())

    def redo(self) -> None:
        if self.can_redo:
            self._go(self.history.redo())

    def reset(self) -> None:
        """To what the last computation found."""
        if self.case is not None and self.can_reset:
            if self.is_adjusted:
                self.history.record(self.case.automatic_pose, RESET)
            self._go(self.history.current)

    def _go(self, step: Step | None) -> None:
        if step is not None:
            self.problem = None
            self._write(step.pose)

    def _write(self, pose: FloatArray) -> None:
        assert self.case is not None
        self._writing = True
        try:
            if not self.case.pose_node.IsLinear():
                # A node that holds something else takes no matrix before it is emptied.
                self.case.pose_node.SetAndObserveTransformToParent(None)
            self.case.set_pose(pose)
        finally:
            self._writing = False
        self._on_change()

    def _start(self, case: RegisteredCase) -> None:
        self.history.start(case.automatic_pose, COMPUTED)
        pose = self._read()
        if pose is not None:
            self.history.start(pose, COMPUTED)

    def _computed_again(self, case: RegisteredCase) -> None:
        recent = (self.history.current, self.history.before)
        if any(step is not None and _same(step.pose, case.initial_pose) for step in recent):
            self._look()
            if _same(self.pose, case.automatic_pose):
                self.history.rename(COMPUTED)
        else:
            self._start(case)

    def _on_transform_modified(self, _caller: Any, _event: str) -> None:
        if self._writing or self._paused or self.case is None:
            return
        self._look()
        self._on_change()

    def _look(self) -> None:
        """Make a step of what others did to the pose."""
        pose = self._read()
        if self.case is not None and pose is not None and not _same(pose, self.pose):
            by = HANDLES if handles_are_shown(self.case.pose_node) and self._button_is_down() else ELSEWHERE
            self._record(pose, COMPUTED if _same(pose, self.case.automatic_pose) else by)

    def _record(self, pose: FloatArray, control: str) -> None:
        """What happens while a button of the mouse is down, on a slider or on a handle, is one step, however slow."""
        if self.history.gesture is None and self._button_is_down():
            self.history.begin_gesture(control)
            self._call_later(self._end_drag, BUTTON_MS)
        self.history.record(pose, control)

    def _end_drag(self) -> None:
        if self._button_is_down():
            self._call_later(self._end_drag, BUTTON_MS)
        else:
            self.history.end_gesture()

    def _read(self) -> FloatArray | None:
        assert self.case is not None
        try:
            pose = self.case.pose
        except InputError as error:
            self.problem = error
            return None
        self.problem = None
        return pose

    def _observe(self, node: Any | None) -> None:
        if self._observed is not None:
            observed, tags = self._observed
            for tag in tags:
                observed.RemoveObserver(tag)
            self._observed = None
        if node is not None:
            tags = [
                node.AddObserver(node.TransformModifiedEvent, self._on_transform_modified),
                node.AddObserver(node.DisplayModifiedEvent, lambda *_: self._on_change()),
            ]
            self._observed = node, tags


def _same(a: FloatArray, b: FloatArray) -> bool:
    return bool(np.abs(np.asarray(a) - b).max() < SAME_POSE)
