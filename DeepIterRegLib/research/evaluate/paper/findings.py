"""What the experiments on a cohort left in their folders, read again: the rows behind the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.result_log import ROWS_FILE, SETTINGS_FILE
from DeepIterRegLib.research.evaluate.results import NO_INITIALIZER, Row, read_rows
from DeepIterRegLib.research.evaluate.statistics import Group, groups_of
from DeepIterRegLib.review.counting import Preferences

OPTIMIZER_ONLY, CAPTURE_RANGE, TESTSET, BLIND_TEST = MIRRORED = (
    "optimizer-only", "capture-range", "testset", "blind-test"
)  # fmt: skip
"""The experiments whose results the figures show: Figures 6 and 7, Figure 8, Figure 9, Table 1."""
OWN_SETTINGS = ("experiment", "--starts")
"""In which the experiments of one mirror may differ."""


@dataclass(frozen=True, eq=False)
class Findings:
    """The results of one cohort."""

    groups: Mapping[str, tuple[Group, ...]]
    """By experiment; one that is not there has none."""
    settings: Mapping[str, Any]
    """What all of them have in common: cohort, version of the code."""
    preferences: Preferences | None
    """What a reader of the blind test answered; None as long as nobody has."""

    def group(self, experiment: str, method: str, with_initializer: bool) -> Group | None:
        """The registrations of a method; of several networks those of the first."""
        found = (
            group
            for group in self.groups.get(experiment, ())
            if group.method == method and (group.initializer != NO_INITIALIZER) == with_initializer
        )
        return next(found, None)

    @property
    def methods(self) -> tuple[str, ...]:
        """Of the figures, in the order of the experiments' rows."""
        of_figures = (one for name in MIRRORED if name != BLIND_TEST for one in self.groups.get(name, ()))
        return tuple(dict.fromkeys(group.method for group in of_figures))


def read_findings(folder: Path, preferences: Preferences | None = None) -> Findings:
    """Of the folders optimizer-only, capture-range, testset and blind-test in `folder`, those that there are.

    Raises InputError without any, and where two of them are of different cohorts or versions of the code.
    """
    rows: dict[str, Sequence[Row]] = {}
    common: tuple[str, dict[str, Any]] | None = None
    for name in MIRRORED:
        if not (folder / name / ROWS_FILE).is_file():
            continue
        rows[name] = read_rows(folder / name / ROWS_FILE)
        settings = _settings(folder / name / SETTINGS_FILE)
        if common is None:
            common = name, settings
        different = [key for key in {**common[1], **settings} if common[1].get(key) != settings.get(key)]
        if different:
            raise InputError(
                "{first} and {second} in {folder} differ in {setting}; their figures would mix two cohorts or two"
                " versions. Run them again into an empty folder.",
                first=common[0], second=name, folder=folder.name, setting=different[0],
            )  # fmt: skip
    if common is None or not any(rows.values()):
        raise InputError(
            "{folder} holds no results of {experiments}; give the folder that `deepiterreg evaluate figures` wrote.",
            folder=folder.name or str(folder), experiments=", ".join(MIRRORED),
        )  # fmt: skip
    return Findings({name: tuple(groups_of(of)) for name, of in rows.items()}, common[1], preferences)


def _settings(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: value for name, value in content.items() if name not in OWN_SETTINGS}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError("{file} is missing or damaged; run the experiment again.", file=path) from error
