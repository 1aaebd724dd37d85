"""What the confidence is worth: `python -m DeepIterRegLib.research.confidence.evaluate LINES...`.

Prints the tables of docs/measurements/confidence.md and draws the reliability diagram and the ROC curves beside simple
baselines.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.confidence.model import ConfidenceModel, load_model, read_model
from DeepIterRegLib.research.confidence.fit import COVERED, corner_distances
from DeepIterRegLib.research.confidence.rows import FEATURES, Rows, read_rows

BINS = 10
SUCCESS_FLAGGED = 0.1
"""Of the successes: the operating point at which baselines are compared."""


def probabilities(rows: Rows, model: ConfidenceModel) -> FloatArray:
    """(N,) of an error below 5 mm."""
    order = [FEATURES.index(name) for name in model.features]
    return np.array([model.probability(model.within_5mm.log_odds(one[order])) for one in rows.features])


def area_under_roc(score: FloatArray, success: BoolArray) -> float:
    """Probability that a success scores higher than a failure (Mann and Whitney)."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    good, bad = int(success.sum()), int((~success).sum())
    return float((ranks[success].sum() - good * (good + 1) / 2) / max(1, good * bad))


def calibration_error(probability: FloatArray, success: BoolArray) -> float:
    """Expected calibration error (Guo et al., ICML 2017), bins of equal width."""
    at = np.minimum((probability * BINS).astype(int), BINS - 1)
    return float(
        sum(abs(success[at == b].mean() - probability[at == b].mean()) * (at == b).mean() for b in set(at.tolist()))
    )


def failures_flagged(score: FloatArray, success: BoolArray) -> float:
    """Share of the failures below the score that a tenth of the successes lies below."""
    return float((score[~success] < np.quantile(score[success], SUCCESS_FLAGGED)).mean())


BASELINES: dict[str, Callable[[Rows], FloatArray]] = {
    "NCC of the vessels": lambda rows: np.nan_to_num(_of(rows, "vessels_ncc"), nan=0.5),
    "similarity of the skull": lambda rows: np.nan_to_num(_of(rows, "skull_middle"), nan=0.3),
    "distance of vessels and skull": lambda rows: -np.nan_to_num(_of(rows, "terms_apart_mm"), nan=5.0),
    "curvature": lambda rows: -_of(rows, "spread_mm"),
    "gap to the next optimum": lambda rows: _of(rows, "gap_nats"),
    "distance from the start": lambda rows: -(_of(rows, "moved_across_mm") + 2 * _of(rows, "turned_deg")),
}


def _of(rows: Rows, name: str) -> FloatArray:
    return rows.features[:, FEATURES.index(name)]


def print_tables(rows: Rows, model: ConfidenceModel) -> None:
    """Everything as Markdown."""
    probability, success = probabilities(rows, model), rows.within(5.0)
    flagged = (probability < model.check_below) | rows.doubted
    print(f"{len(success)} registrations of {len(set(rows.seeds.tolist()))} patients, {success.sum()} right\n")
    print("| kind | right | of them flagged | wrong | of them flagged | called wrong |\n" + "| --- " * 6 + "|")
    kinds = np.array(rows.kinds)
    for kind in [*dict.fromkeys(rows.kinds), "all"]:
        here = (kinds == kind) | (kind == "all")
        good, bad = here & success, here & ~success
        print(
            f"| {kind} | {good.sum()} | {_share(flagged[good])} | {bad.sum()} | {_share(flagged[bad])}"
            f" | {_share(probability[bad] < model.wrong_below)} |"
        )
    print("\n| measure | area under ROC | failures flagged where 10 % of the successes are |\n| --- | --- | --- |")
    scores = {"the model": probability} | {name: score(rows) for name, score in BASELINES.items()}
    told = rows.doubted
    for name, score in scores.items():
        flags = f"{100 * failures_flagged(score[~told], success[~told]):.0f} %"
        print(f"| {name} | {area_under_roc(score[~told], success[~told]):.3f} | {flags} |")
    error = calibration_error(probability[~told], success[~told])
    print(
        f"\nexpected calibration error {error:.3f} (these and the table without {told.sum()} that were read otherwise)"
    )
    believed = rows.where(success & ~flagged)
    inside = corner_distances(believed, model.floor_mm, model.scale) <= -2 * np.log(1 - COVERED)
    print(f"corners inside their 95 % region {100 * inside.mean():.1f} % ({len(believed.error_mm)} believed and right)")
    print("\nsurprises, the most certain first:")
    for surprise in surprises(rows, model):
        print(f"  {surprise}")


@dataclass(frozen=True)
class Surprise:
    """A registration that was believed and wrong, or doubted and right."""

    line: Mapping[str, Any]
    """As `measure_confidence` wrote it."""
    probability: float
    error_mm: float

    def __str__(self) -> str:
        seed, kind, form = (self.line[name] for name in ("seed", "kind", "form"))
        return f"{seed} {kind} {form}: probability {self.probability:.2f}, error {self.error_mm:.1f} mm"


def surprises(rows: Rows, model: ConfidenceModel, count: int = 20) -> list[Surprise]:
    """The greatest, by the probability that was given to what was not so."""
    probability, success = probabilities(rows, model), rows.within(5.0)
    # What was read otherwise than its file says is flagged always, and told: no surprise.
    sure = np.where(rows.doubted, 0.0, np.where(success, 1 - probability, probability))
    return [
        Surprise(rows.lines[index], float(probability[index]), float(rows.error_mm[index]))
        for index in np.argsort(-sure)[:count]
        if sure[index] > 0
    ]


def importance(rows: Rows, model: ConfidenceModel, seed: int = 0) -> list[tuple[str, float]]:
    """How much of the area under the ROC curve goes when a measure is shuffled among the registrations."""
    rng, success = np.random.default_rng(seed), rows.within(5.0)
    whole = area_under_roc(probabilities(rows, model), success)
    found = []
    for index, name in enumerate(FEATURES):
        features = rows.features.copy()
        features[:, index] = rng.permutation(features[:, index])
        shuffled = Rows(features, rows.error_mm, rows.seeds, rows.lines)
        found.append((name, whole - area_under_roc(probabilities(shuffled, model), success)))
    return sorted(found, key=lambda pair: -pair[1])


def draw(rows: Rows, model: ConfidenceModel, folder: Path) -> None:
    """reliability.png and roc.png."""
    from matplotlib.figure import Figure

    probability, success = probabilities(rows, model), rows.within(5.0)
    figure = Figure(figsize=(5, 5))
    axes = figure.subplots()
    at = np.minimum((probability * BINS).astype(int), BINS - 1)
    bins = sorted(set(at.tolist()))
    axes.plot([0, 1], [0, 1], color="0.7")
    axes.plot([probability[at == b].mean() for b in bins], [success[at == b].mean() for b in bins], "o-")
    for b in bins:
        axes.annotate(str(int((at == b).sum())), (probability[at == b].mean(), success[at == b].mean()))
    axes.set(xlabel="probability of an error below 5 mm", ylabel="share below 5 mm", title="Reliability")
    figure.savefig(folder / "reliability.png", dpi=100)
    figure = Figure(figsize=(6, 5))
    axes = figure.subplots()
    for name, score in ({"the model": probability} | {n: s(rows) for n, s in BASELINES.items()}).items():
        limits = np.unique(score)
        axes.plot(
            [(score[success] < limit).mean() for limit in limits],
            [(score[~success] < limit).mean() for limit in limits],
            label=f"{name} ({area_under_roc(score, success):.2f})",
        )
    axes.set(xlabel="successes flagged", ylabel="failures flagged", title="ROC")
    axes.legend(fontsize=7)
    figure.savefig(folder / "roc.png", dpi=100)


def _share(flags: BoolArray) -> str:
    return f"{100 * flags.mean():.0f} %" if len(flags) else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, help="the one that ships, if left out")
    parser.add_argument("--to", type=Path, help="draws there")
    args = parser.parse_args()
    rows = read_rows(args.lines)
    model = load_model() if args.model is None else read_model(args.model.read_bytes())
    print_tables(rows, model)
    print("\n| measure | area lost where it is shuffled |\n| --- | --- |")
    for name, lost in importance(rows, model)[:12]:
        print(f"| `{name}` | {lost:.3f} |")
    if args.to is not None:
        args.to.mkdir(parents=True, exist_ok=True)
        draw(rows, model, args.to)


if __name__ == "__main__":
    main()
