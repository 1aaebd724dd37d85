"""What the page and the panel share of a blind comparison: pairs, the file of answers, counting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.review.answers import (
    COLUMNS,
    PAGE_COLUMNS,
    PANEL_COLUMNS,
    Answer,
    panel_row,
    read_answers,
    write_answers,
)
from DeepIterRegLib.review.counting import count_preferences
from DeepIterRegLib.review.pairs import blind_pairs


def test_sides_are_drawn_for_every_pair_anew() -> None:
    cases = [str(number) for number in range(400)]
    drawn = blind_pairs(cases, ("first", "second"), np.random.default_rng(0))
    assert sorted(pair.case for pair in drawn) == sorted(cases)
    assert all({pair.left, pair.right} == {"first", "second"} for pair in drawn)
    assert 0.4 < sum(pair.left == "first" for pair in drawn) / 400 < 0.6


def test_what_the_panel_writes_is_read_back(tmp_path: Path) -> None:
    answers = [
        Answer(comparison=1, choice=5, left="Automatic result", right="-by hand", comment='"é", =1', seconds=7.5),
        Answer(comparison=2, choice=3, left="=A", right="'quoted", comment="", seconds=0.0),
    ]
    path = tmp_path / "review.csv"
    write_answers(path, PANEL_COLUMNS, [[str(cell) for cell in panel_row(one, seed=7)] for one in answers])
    assert read_answers(path) == answers
    assert "\r\n2,'=A,'quoted,3,left is the same as right,,,0.0,7\r\n" in path.read_bytes().decode("utf-8-sig")


def test_every_column_is_one_of_the_format() -> None:
    for columns in (PAGE_COLUMNS, PANEL_COLUMNS):
        assert [name for name in COLUMNS if name in columns] == list(columns)
        assert {"comparison", "choice", "words"} <= set(columns)


def test_answers_of_the_panel_are_counted_by_name_whatever_their_sides() -> None:
    sides = [("A", "B", 1), ("B", "A", 5), ("B", "A", 4), ("A", "B", 3)]
    answers = [
        Answer(comparison=number, choice=choice, left=left, right=right)
        for number, (left, right, choice) in enumerate(sides, start=1)
    ]
    counts = count_preferences(answers)
    (pair,) = counts.pairs
    assert counts.preferred == {"A": 3, "B": 0}
    assert (pair.first_definitely_better, pair.first_better, pair.same) == (2, 1, 1)
    assert pair.mean_score == -1.25


def test_blinded_answers_are_not_counted() -> None:
    with pytest.raises(ValueError, match="blinded"):
        count_preferences([Answer(comparison=1, choice=1)])
