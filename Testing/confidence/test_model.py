"""The confidence model: its trees, and what ships."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from DeepIterRegLib.common.confidence import percent
from DeepIterRegLib.confidence.measures import Measures
from DeepIterRegLib.confidence.model import FORMAT, BoostedTrees, load_model, read_model
from DeepIterRegLib.research.confidence.fit import MORE_IS_BETTER

STUMP = {
    "feature": [0, -1, 1, -1, -1], "threshold": [1.5, 0, -2.0, 0, 0],
    "missing_left": [False, False, True, False, False],
    "left": [1, 0, 3, 0, 0], "right": [2, 0, 4, 0, 0], "value": [0, -1.0, 0, 0.5, 2.0],
}  # fmt: skip


@pytest.mark.parametrize(
    ("features", "value"),
    [
        ([1.5, 9], -1.0),
        ([1.6, -2], 0.5),
        ([1.6, -1.9], 2.0),
        ([np.nan, -1.9], 2.0),  # not known: to the right, as the node says
        ([np.nan, np.nan], 0.5),  # and there to the left
    ],
)
def test_a_tree_is_walked_by_its_thresholds(features, value):
    trees = BoostedTrees(0.25, (STUMP,), 1.0, 0.0)
    assert trees.log_odds(np.array(features)) == pytest.approx(0.25 + value)
    twice = BoostedTrees(0.25, (STUMP, STUMP), 2.0, -1.0)
    assert twice.log_odds(np.array(features)) == pytest.approx(2 * (0.25 + 2 * value) - 1)


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="format 99"):
        read_model(json.dumps({"format": FORMAT + 98}).encode())


def typical(**changed):
    model = load_model()
    return np.array([{**model.typical, **changed}[name] for name in model.features])


def test_what_ships_knows_every_measure():
    model = load_model()
    assert model.features == tuple(field.name for field in fields(Measures))
    assert 0 < model.wrong_below < model.check_below < 1
    assert len(model.sha256) == 64


def test_a_typical_good_result_is_believed_and_a_bad_one_is_not():
    model = load_model()
    good = model.probability(model.within_5mm.log_odds(typical()))
    assert good > 0.95
    assert model.probability(model.within_2mm.log_odds(typical())) <= good + 0.02
    bad = typical(
        skull_coarse=0.1, skull_middle=0.05, skull_fine=0.03, skull_worst_quarter=-0.05, skull_shift_mm=6.0,
        skull_shift_gain=0.1, vessels_shift_mm=5.0, vessels_shift_gain=0.1,
        skull_shift_systematic_mm=5.0, vessels_ncc=0.2, vessels_alone_mm=30.0, terms_apart_mm=40.0, gap_nats=1.0,
        rivals=9.0, moved_across_mm=40.0, turned_deg=12.0, spread_mm=10.0,
    )  # fmt: skip
    assert model.probability(model.within_5mm.log_odds(bad)) < model.check_below


@pytest.mark.parametrize("name", sorted(MORE_IS_BETTER))
def test_better_evidence_never_lowers_the_probability(name):
    model, index = load_model(), load_model().features.index(name)
    rng = np.random.default_rng(0)
    for _ in range(20):
        features = typical() * rng.uniform(0.2, 2.0, len(model.features))
        values = []
        for value in np.linspace(0, 2, 30) * max(abs(features[index]), 1.0):
            features[index] = value
            values.append(model.within_5mm.log_odds(features))
        assert (np.diff(values) * MORE_IS_BETTER[name] >= -1e-9).all()


@pytest.mark.parametrize(
    ("probability", "said"), [(1.0, "over 99 %"), (0.985, "98 %"), (0.5, "50 %"), (0.004, "under 1 %")]
)
def test_nothing_is_called_certain(probability, said):
    assert percent(probability) == said
