"""The confidence model: boosted trees on the measures, read from JSON and evaluated in numpy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

FORMAT = 1
FILE = "confidence/model.json"


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """A sum of decision trees (Friedman, "Greedy function approximation", Annals of Statistics 29, 2001)."""

    baseline: float
    trees: tuple[Mapping[str, list[Any]], ...]
    """Of nodes: `feature` (-1 at a leaf), `threshold`, `left`, `right`, `missing_left`, `value`."""
    slope: float
    offset: float
    """Of the calibration (Platt 1999): log odds = slope x sum + offset."""

    def log_odds(self, features: FloatArray) -> float:
        """Of (n,) features, NaN where one is not known."""
        total = self.baseline
        for tree in self.trees:
            node = 0
            while tree["feature"][node] >= 0:
                value = features[tree["feature"][node]]
                goes_left = tree["missing_left"][node] if np.isnan(value) else value <= tree["threshold"][node]
                node = tree["left"][node] if goes_left else tree["right"][node]
            total += tree["value"][node]
        return self.slope * total + self.offset


@dataclass(frozen=True, eq=False)
class ConfidenceModel:
    """Everything that was learnt."""

    features: tuple[str, ...]
    """Names of `Measures`, in the trees' order."""
    within_5mm: BoostedTrees
    within_2mm: BoostedTrees
    typical: Mapping[str, float]
    """Of good registrations, for each feature."""
    check_below: float
    wrong_below: float
    """Probabilities of an error below 5 mm."""
    floor_mm: float
    scale: float
    """The corners' covariance on the detector is `scale` times that of the curvature, plus `floor_mm` squared."""
    sha256: str

    def probability(self, log_odds: float) -> float:
        return float(1 / (1 + np.exp(-log_odds)))


@cache
def load_model() -> ConfidenceModel:
    """The model that ships."""
    return read_model(files("DeepIterRegLib").joinpath(FILE).read_bytes())


def read_model(content: bytes) -> ConfidenceModel:
    """Raises ValueError for another format."""
    data = json.loads(content)
    if data.get("format") != FORMAT:
        raise ValueError(f"a confidence model of format {data.get('format')}, not {FORMAT}")

    def trees(name: str) -> BoostedTrees:
        one = data[name]
        return BoostedTrees(one["baseline"], tuple(one["trees"]), one["slope"], one["offset"])

    return ConfidenceModel(
        features=tuple(data["features"]),
        within_5mm=trees("within_5mm"),
        within_2mm=trees("within_2mm"),
        typical=data["typical"],
        check_below=data["check_below"],
        wrong_below=data["wrong_below"],
        floor_mm=data["floor_mm"],
        scale=data["scale"],
        sha256=hashlib.sha256(content).hexdigest(),
    )
