"""A blind comparison without widgets: order, sides, answers, and the table they become."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.mrml.review.session import Candidate, ReviewSession
from DeepIterRegLib.mrml.review.table import add_table, last_table, save_csv
from DeepIterRegLib.review.answers import PANEL_COLUMNS, read_answers
from DeepIterRegLib.review.scale import SAME, SCALE
from Testing.support.paths import ROOT


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def candidates(count: int = 3) -> list[Candidate]:
    return [Candidate(name, rigid(translation_mm=np.array([x, 0.0, 0.0]))) for x, name in enumerate("ABC"[:count])]


def finished(seed: int = 1, choices: tuple[int, ...] = (1, 3, 4), clock: Clock | None = None) -> ReviewSession:
    clock = clock or Clock()
    session = ReviewSession(candidates(), seed, clock)
    for seconds, choice in enumerate(choices, start=2):
        clock.now_s += seconds
        session.answer(choice, f"comment {choice}")
    return session


def test_all_pairs_are_shown_once() -> None:
    for seed in range(20):
        session = finished(seed)
        pairs = Counter(frozenset((answer.left, answer.right)) for answer in session.answers)
        assert pairs == {frozenset(pair): 1 for pair in ("AB", "AC", "BC")}
        assert session.is_finished


def test_order_and_sides_are_random_and_the_seed_repeats_them() -> None:
    shown = [tuple((a.left, a.right) for a in finished(seed).answers) for seed in range(200)]
    assert shown[7] == tuple((a.left, a.right) for a in finished(7).answers)
    first_pairs = Counter(frozenset(pairs[0]) for pairs in shown)
    assert min(first_pairs.values()) > 200 / 3 / 2
    a_left = sum(pair[0] == "A" for pairs in shown for pair in pairs if "A" in pair)
    assert 0.4 < a_left / 400 < 0.6


def test_preference_follows_the_side_that_was_chosen() -> None:
    for choice in range(1, len(SCALE) + 1):
        session = ReviewSession(candidates(2), 3, Clock())
        left, right = session.current
        session.answer(choice)
        expected = None if choice == SAME else left.name if choice < SAME else right.name
        assert session.answers[0].preferred == expected


def test_answers_keep_how_long_the_pair_was_looked_at() -> None:
    assert [answer.seconds for answer in finished().answers] == [2, 3, 4]


@pytest.mark.parametrize("choice", [0, 6])
def test_choice_off_the_scale_is_no_answer(choice: int) -> None:
    session = ReviewSession(candidates(2), 1, Clock())
    with pytest.raises(ValueError, match="is not 1 to 5"):
        session.answer(choice)
    assert not session.answers


def test_transforms_that_are_the_same_are_not_compared() -> None:
    a, b, c = candidates()
    with pytest.raises(InputError, match=r"^“A” and “copy of A” are the same transform; choose two that differ\."):
        ReviewSession([a, b, Candidate("copy of A", a.pose.copy()), c], 1, Clock())
    with pytest.raises(InputError, match=r"^There is only one transform"):
        ReviewSession([a], 1, Clock())


def table(session: ReviewSession) -> Any:
    pytest.importorskip("slicer")
    from DeepIterRegLib.mrml.nodes.scene import new_scene

    scene = new_scene()
    node = add_table(scene, session)
    node.kept_scene = scene
    return node


def test_table_says_what_was_left_and_right_and_what_was_preferred(tmp_path: Path) -> None:
    session = finished(seed=5, choices=(1, 3, 4))
    node = table(session)
    assert node.GetName() == "Registration review"
    assert [node.GetColumnName(index) for index in range(node.GetNumberOfColumns())] == list(PANEL_COLUMNS)
    save_csv(node, tmp_path / "review.csv")
    with (tmp_path / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["comparison"] for row in rows] == ["1", "2", "3"]
    for row, answer in zip(rows, session.answers, strict=True):
        assert (row["left"], row["right"]) == (answer.left, answer.right)
        assert row["words"] == SCALE[int(row["choice"]) - 1]
        assert row["seed"] == "5"
    assert [row["preferred"] for row in rows] == [session.answers[0].left, "", session.answers[2].right]
    assert [float(row["seconds"]) for row in rows] == [2, 3, 4]


def test_every_column_is_documented() -> None:
    page = (ROOT / "docs" / "saving.md").read_text(encoding="utf-8")
    assert [name for name in PANEL_COLUMNS if f"`{name}`" not in page] == []


def test_comment_cannot_become_a_formula_nor_break_a_line(tmp_path: Path) -> None:
    session = ReviewSession(candidates(2), 1, Clock())
    session.answer(2, '=HYPERLINK("x"),\n"é"')
    save_csv(table(session), tmp_path / "review.csv")
    lines = (tmp_path / "review.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert next(csv.reader(lines[1:]))[6] == '\'=HYPERLINK("x"), "é"'
    assert read_answers(tmp_path / "review.csv") == [replace(session.answers[0], seconds=0.0)]


def test_table_survives_the_scene_file(tmp_path: Path) -> None:
    pytest.importorskip("slicer")
    from DeepIterRegLib.mrml.nodes.scene import new_scene, read_scene, write_scene

    scene = new_scene()
    add_table(scene, finished(2))
    newest = add_table(scene, finished(3))
    assert last_table(scene) is newest
    write_scene(scene, tmp_path / "scene.mrb")
    back = last_table(read_scene(tmp_path / "scene.mrb"))
    assert back is not None
    save_csv(newest, tmp_path / "before.csv")
    save_csv(back, tmp_path / "after.csv")
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()


def test_folder_that_is_gone_gives_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^review\.csv cannot be written; "):
        save_csv(table(finished()), tmp_path / "gone" / "review.csv")
