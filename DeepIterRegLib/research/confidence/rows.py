"""Registrations whose truth is known, as `Testing.tools.measure_confidence` writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.confidence.measures import Measures

FEATURES = tuple(field.name for field in fields(Measures))
NEVER_RIGHT_MM = 1e3


@dataclass(frozen=True, eq=False)
class Rows:
    """N registrations."""

    features: FloatArray
    """(N, F) in the order of `FEATURES`, NaN where not measured."""
    error_mm: FloatArray
    """(N,) on the detector; of another patient's CTA, 1000."""
    seeds: IntArray
    """(N,) of the patients."""
    lines: Sequence[dict[str, Any]]

    @property
    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.lines]

    @property
    def doubted(self) -> BoolArray:
        """(N,) of images that had to be read otherwise than their files say, which are never called registered."""
        return np.array([line["read_otherwise"] for line in self.lines], dtype=bool)

    def within(self, limit_mm: float) -> BoolArray:
        return self.error_mm < limit_mm

    def where(self, chosen: BoolArray) -> Rows:
        return Rows(
            self.features[chosen], self.error_mm[chosen], self.seeds[chosen],
            [line for line, taken in zip(self.lines, chosen, strict=True) if taken],
        )  # fmt: skip


def read_rows(files: Sequence[Path]) -> Rows:
    """What was refused is left out: it was told."""
    lines = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
    lines = [line for line in lines if "measures" in line]
    features = np.array(
        [[np.nan if line["measures"][name] is None else line["measures"][name] for name in FEATURES] for line in lines]
    )
    error = np.array([NEVER_RIGHT_MM if line["stranger"] else line["mpe_mm"] for line in lines])
    features[:, FEATURES.index("moved_along_mm")] = np.abs(features[:, FEATURES.index("moved_along_mm")])
    return Rows(features, error, np.array([line["seed"] for line in lines]), lines)
