"""Undo and redo of poses, with a clock that the test turns."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.mrml.adjust.pose_history import PoseHistory, Step


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def pose(x_mm: float) -> FloatArray:
    matrix = np.eye(4)
    matrix[0, 3] = x_mm
    return matrix


def x_mm(step: Step | None) -> float | None:
    return None if step is None else float(step.pose[0, 3])


def started() -> tuple[PoseHistory, Clock]:
    clock = Clock()
    history = PoseHistory(clock)
    history.start(pose(0), "start")
    return history, clock


def test_slider_that_is_dragged_is_one_step() -> None:
    history, clock = started()
    for value in (1, 2, 3):
        clock.seconds += 0.3
        history.record(pose(value), "right")
    assert x_mm(history.undo()) == 0
    assert history.undo() is None
    assert x_mm(history.redo()) == 3
    assert history.redo() is None


def test_pause_or_another_control_begins_a_step() -> None:
    history, clock = started()
    history.record(pose(1), "right")
    clock.seconds += 0.51
    history.record(pose(2), "right")
    history.record(pose(3), "up")
    assert [x_mm(history.undo()) for _ in range(4)] == [2, 1, 0, None]


def test_first_change_never_swallows_the_start() -> None:
    history, _ = started()
    history.record(pose(1), "start")
    assert x_mm(history.undo()) == 0


def test_gesture_is_one_step_however_slow() -> None:
    history, clock = started()
    history.begin_gesture("mouse")
    for value in (1, 2, 3):
        clock.seconds += 20
        history.record(pose(value), "anything")
    history.end_gesture()
    history.begin_gesture("mouse")
    history.record(pose(4), "mouse")
    history.end_gesture()
    assert [x_mm(history.undo()) for _ in range(3)] == [3, 0, None]


def test_change_after_undo_forgets_what_was_undone() -> None:
    history, clock = started()
    for value in (1, 2):
        clock.seconds += 1
        history.record(pose(value), "right")
    history.undo()
    history.record(pose(7), "right")
    assert history.after is None
    assert [x_mm(history.undo()) for _ in range(3)] == [1, 0, None]


def test_undo_and_redo_say_where_they_go() -> None:
    history, _ = started()
    assert (history.before, history.after) == (None, None)
    history.record(pose(1), "turn")
    assert history.current.control == "turn"
    assert history.before is not None
    assert history.before.control == "start"
    history.undo()
    assert history.after is not None
    assert history.after.control == "turn"


def test_start_forgets_everything() -> None:
    history, _ = started()
    history.record(pose(1), "turn")
    history.start(pose(5), "register")
    assert (x_mm(history.current), history.undo(), history.redo()) == (5, None, None)
