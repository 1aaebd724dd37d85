"""Fit the confidence model: `python -m DeepIterRegLib.research.confidence.fit LINES... --output model.json`.

Boosted trees on monotone measures (scikit-learn), calibrated (Platt) on predictions for patients that the trees have
not seen: five folds, split by patient.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.confidence.model import FORMAT
from DeepIterRegLib.research.confidence.rows import FEATURES, Rows, read_rows

MORE_IS_BETTER = {
    "skull_coarse": 1, "skull_middle": 1, "skull_fine": 1, "skull_worst_quarter": 1, "skull_shift_mm": -1,
    "skull_shift_gain": -1, "skull_shift_systematic_mm": -1, "vessels_ncc": 1, "vessels_shift_mm": -1,
    "vessels_shift_gain": -1, "vessels_shift_systematic_mm": -1, "share_in_view": 1, "skull_alone_mm": -1,
    "vessels_alone_mm": -1, "terms_apart_mm": -1, "turned_deg": -1, "moved_across_mm": -1, "moved_along_mm": -1,
    "gap_nats": 1, "rivals": -1, "spread_mm": -1, "spread_along_mm": -1,
}  # fmt: skip
FOLDS = 5
TREES, LEAVES, RATE, LEAST_SAMPLES, RIDGE = 120, 8, 0.07, 12, 1.0
FLAGGED = 0.95
"""Of the failures, in the folds that the trees have not seen."""
WRONG = 0.1
COVERED = 0.95
TOO_WIDE = 0.01


def classifier() -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=TREES, learning_rate=RATE, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_SAMPLES,
        l2_regularization=RIDGE, monotonic_cst=[MORE_IS_BETTER.get(name, 0) for name in FEATURES], random_state=0,
        early_stopping=False,
    )  # fmt: skip


def fit(rows: Rows) -> dict[str, Any]:
    """The model as JSON."""
    within_5mm, out_of_fold = _trees(rows, rows.within(5.0))
    within_2mm, _ = _trees(rows, rows.within(2.0))
    probability = 1 / (1 + np.exp(-(within_5mm["slope"] * out_of_fold + within_5mm["offset"])))
    failed = ~rows.within(5.0)
    good = rows.within(5.0) & np.array([kind == "plain" for kind in rows.kinds])
    floor_mm, scale = _region(rows.where(rows.within(5.0)))
    return {
        "format": FORMAT,
        "features": list(FEATURES),
        "within_5mm": within_5mm,
        "within_2mm": within_2mm,
        "typical": {
            name: round(float(value), 4)
            for name, value in zip(FEATURES, np.nanmedian(rows.features[good], axis=0), strict=True)
        },
        "check_below": round(float(np.quantile(probability[failed], FLAGGED)), 4),
        "wrong_below": WRONG,
        "floor_mm": round(floor_mm, 3),
        "scale": round(scale, 3),
    }


def out_of_fold_log_odds(rows: Rows, label: BoolArray) -> FloatArray:
    """(N,) of patients that the trees have not seen."""
    from sklearn.model_selection import GroupKFold

    found = np.empty(len(label))
    for train, test in GroupKFold(FOLDS).split(rows.features, label, rows.seeds):
        found[test] = classifier().fit(rows.features[train], label[train]).decision_function(rows.features[test])
    return found


def _trees(rows: Rows, label: BoolArray) -> tuple[dict[str, Any], FloatArray]:
    from sklearn.linear_model import LogisticRegression

    unseen = out_of_fold_log_odds(rows, label)
    platt = LogisticRegression(C=1e6).fit(unseen[:, None], label)
    model = classifier().fit(rows.features, label)
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append({
            "feature": [-1 if ends else int(f) for ends, f in zip(leaf, nodes["feature_idx"], strict=True)],
            "threshold": [0.0 if ends else _short(one) for ends, one in zip(leaf, nodes["num_threshold"], strict=True)],
            "missing_left": [bool(one) for one in nodes["missing_go_to_left"]],
            "left": [int(one) for one in nodes["left"]],
            "right": [int(one) for one in nodes["right"]],
            "value": [round(float(one), 6) if ends else 0.0 for ends, one in zip(leaf, nodes["value"], strict=True)],
        })  # fmt: skip
    baseline = float(np.ravel(model._baseline_prediction)[0])
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    one = {"baseline": baseline, "trees": trees, "slope": round(slope, 5), "offset": round(offset, 5)}
    return one, unseen


def _short(threshold: float) -> float:
    return float(f"{threshold:.7g}")


def corner_distances(rows: Rows, floor_mm: float, scale: float) -> FloatArray:
    """(N, 8) Mahalanobis distances, squared, of the corners' displacements on the detector."""
    found = []
    for line in rows.lines:
        apart, covariance = np.array(line["corners_mm"]), np.array(line["corner_covariance"])
        each = []
        for corner in range(8):
            part = slice(2 * corner, 2 * corner + 2)
            block = scale * covariance[part, part] + floor_mm**2 * np.eye(2)
            each.append(apart[corner] @ np.linalg.solve(block, apart[corner]))
        found.append(each)
    return np.array(found)


def _region(rows: Rows) -> tuple[float, float]:
    """Floor and scale with which 95 % of the corners of good registrations lie in the 95 % ellipse, the floor the
    least that brings quarters of the registrations by their predicted spread to about the same share."""
    limit = -2 * np.log(1 - COVERED)
    spread = rows.features[:, FEATURES.index("spread_mm")]
    quarters = np.digitize(spread, np.quantile(spread, [0.25, 0.5, 0.75]))
    best: tuple[float, float, float] | None = None
    for floor_mm in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0):
        low, high = 1e-3, 1e3
        for _ in range(40):
            scale = float(np.sqrt(low * high))
            covered = (corner_distances(rows, floor_mm, scale) <= limit).mean()
            low, high = (scale, high) if covered < COVERED else (low, scale)
        inside = (corner_distances(rows, floor_mm, high) <= limit).mean(axis=1)
        if inside.mean() > COVERED + TOO_WIDE and best is not None:
            continue  # The floor alone covers more.
        uneven = float(np.ptp([inside[quarters == number].mean() for number in range(4)]))
        if best is None or uneven < best[0]:
            best = uneven, floor_mm, high
    assert best is not None
    return best[1], best[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    rows = read_rows(args.lines)
    model = fit(rows.where(~rows.doubted))
    args.output.write_text(json.dumps(model, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
