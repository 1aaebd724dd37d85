"""The confidence model is what scikit-learn fitted, and is learnt from patients alone that it is not tested on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.confidence.model import read_model
from DeepIterRegLib.research.confidence import fit as fitting
from DeepIterRegLib.research.confidence.evaluate import (
    area_under_roc,
    calibration_error,
    failures_flagged,
    print_tables,
    probabilities,
    surprises,
)
from DeepIterRegLib.research.confidence.rows import FEATURES, read_rows

NUMBER = 240


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Registrations whose error grows with the shift of the skull's parts, half of them without vessels."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(NUMBER):
        measures = {name: float(rng.uniform(0, 1)) for name in FEATURES}
        measures["skull_shift_mm"] = float(rng.uniform(0, 6))
        if number % 2:
            measures["vessels_ncc"] = None
        error = 2 * measures["skull_shift_mm"] + rng.normal(0, 1)
        noise = rng.multivariate_normal(np.zeros(2), np.diag([0.3, 0.1]), 8)
        lines.append({
            "seed": number // 12, "kind": "plain" if number % 3 else "stranger", "form": "raw", "stranger": False,
            "read_otherwise": False, "mpe_mm": abs(error), "measures": measures, "corners_mm": noise.tolist(),
            "corner_covariance": np.diag([0.1, 0.05] * 8).tolist(),
        })  # fmt: skip
    lines.append({"seed": 99, "kind": "plain", "form": "raw", "refused": "It shows nothing."})
    path = tmp_path_factory.mktemp("rows") / "lines.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    return read_rows([path])


@pytest.fixture(scope="module")
def model(rows):
    pytest.importorskip("sklearn", reason="scikit-learn fits the model")
    return read_model(json.dumps(fitting.fit(rows)).encode())


def test_what_was_refused_is_no_row(rows):
    assert len(rows.error_mm) == NUMBER
    assert np.isnan(rows.features[1, FEATURES.index("vessels_ncc")])


def test_the_file_gives_what_the_trees_give(rows, model):
    label = rows.within(5.0)
    trees = fitting.classifier().fit(rows.features, label).decision_function(rows.features)
    ours = np.array([model.within_5mm.log_odds(one) for one in rows.features])
    np.testing.assert_allclose(ours, model.within_5mm.slope * trees + model.within_5mm.offset, atol=2e-3)


def test_it_tells_right_from_wrong(rows, model):
    probability, success = probabilities(rows, model), rows.within(5.0)
    assert area_under_roc(probability, success) > 0.95
    assert (probability[~success] < model.check_below).mean() > 0.9


def test_patients_are_not_split_between_folds(rows, monkeypatch):
    seen = []

    class Spy:
        def fit(self, features, label):
            self.train = features
            return self

        def decision_function(self, features):
            train = {
                rows.seeds[index] for index in np.nonzero((rows.features[:, 0:1] == self.train[:, 0]).any(axis=1))[0]
            }
            test = {rows.seeds[index] for index in np.nonzero((rows.features[:, 0:1] == features[:, 0]).any(axis=1))[0]}
            seen.append(train & test)
            return np.zeros(len(features))

    pytest.importorskip("sklearn")
    monkeypatch.setattr(fitting, "classifier", Spy)
    fitting.out_of_fold_log_odds(rows, rows.within(5.0))
    assert len(seen) == fitting.FOLDS
    assert not any(seen)


def test_the_region_holds_the_corners(rows, model):
    good = rows.where(rows.within(5.0))
    inside = fitting.corner_distances(good, model.floor_mm, model.scale) <= -2 * np.log(0.05)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)


def test_scores_against_known_answers():
    score, success = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert area_under_roc(score, success) == pytest.approx(0.75)
    assert calibration_error(np.full(10, 0.75), np.arange(10) < 5) == pytest.approx(0.25)
    certain = np.array([0.9] * 10 + [0.2] * 9 + [0.95])
    assert failures_flagged(certain, np.arange(20) < 10) == pytest.approx(0.9)


def test_the_tables_name_every_kind(rows, model, capsys):
    print_tables(rows, model)
    printed = capsys.readouterr().out
    assert "| stranger |" in printed
    assert "| all |" in printed
    assert "expected calibration error" in printed


def test_surprises_begin_with_what_was_believed_and_wrong_or_doubted_and_right(rows, model) -> None:
    found = surprises(rows, model, count=len(rows.lines))
    wrongly = [one.probability if one.error_mm >= 5 else 1 - one.probability for one in found]
    assert wrongly == sorted(wrongly, reverse=True)
    assert len(found) == NUMBER
    mirrored = replace(rows, lines=[{**line, "read_otherwise": True} for line in rows.lines])
    assert not surprises(mirrored, model)
