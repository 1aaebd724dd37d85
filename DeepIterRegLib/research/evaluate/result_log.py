"""What an experiment has found so far, on disk after every patient, so that the same command goes on where it stopped.

In the output folder: experiment.json (the settings), patients.jsonl (a line per patient: what makes it hard, what it
took to make), results.csv (a line per registration), poses.jsonl (a line per registration: the pose).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.line_file import append_line, drop_torn_line, whole_lines
from DeepIterRegLib.research.evaluate.case import Costs
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.results import (
    Row,
    append_row,
    read_rows,
)
from DeepIterRegLib.research.evaluate.tasks import Trial

SETTINGS_FILE, PATIENTS_FILE, ROWS_FILE, POSES_FILE = "experiment.json", "patients.jsonl", "results.csv", "poses.jsonl"
CODE = "code"
"""The setting that is no option."""

Key = tuple[str, str, str, str, int]


class ResultLog:
    """The files of one output folder, for one writer."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        """Make the folder, or take up what is in it.

        settings: all that results depend on, as JSON, by option. Raises InputError for a folder that cannot be
        written, and for one with results of other settings.
        """
        self.folder = folder
        self.rows: dict[Key, Row] = {}
        self.patients: dict[str, PatientSummary] = {}
        with full_disk_told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._require_settings(settings)
            for name in (PATIENTS_FILE, ROWS_FILE, POSES_FILE):
                drop_torn_line(folder / name)
        if (folder / ROWS_FILE).exists():
            self.rows = {row.key: row for row in read_rows(folder / ROWS_FILE)}
        for content in _lines(folder / PATIENTS_FILE):
            summary = _patient_summary(content)
            self.patients[summary.patient] = summary

    def add_patient(self, summary: PatientSummary) -> None:
        """Keep what is known of a patient."""
        content = asdict(summary)
        content["mpe_radiological_px"] = _or_none(summary.mpe_radiological_px)
        content["motion_mm"] = _or_none(summary.motion_mm)
        content["vein_fraction"] = _or_none(summary.vein_fraction)
        content["observers_mpe_mm"] = _or_none(summary.observers_mpe_mm)
        content["observers_tre_mm"] = _or_none(summary.observers_tre_mm)
        content["costs"] = {name: _or_none(value) for name, value in content["costs"].items()}
        with full_disk_told(self.folder):
            append_line(self.folder / PATIENTS_FILE, json.dumps(content))
        self.patients[summary.patient] = summary

    def add_trials(self, trials: Sequence[Trial]) -> None:
        """Keep registrations."""
        for trial in trials:
            with full_disk_told(self.folder):
                # The row says that it is done: last.
                if trial.pose is not None:
                    line = json.dumps({"key": trial.row.key, "pose": trial.pose.tolist()})
                    append_line(self.folder / POSES_FILE, line)
                append_row(self.folder / ROWS_FILE, trial.row)
            self.rows[trial.row.key] = trial.row

    def poses(self) -> dict[Key, FloatArray]:
        """The poses (4, 4) of all registrations that have one, by their rows' keys."""
        return {tuple(content["key"]): np.array(content["pose"]) for content in _lines(self.folder / POSES_FILE)}

    def _require_settings(self, settings: Mapping[str, Any]) -> None:
        path = self.folder / SETTINGS_FILE
        if not any((self.folder / name).exists() for name in (PATIENTS_FILE, ROWS_FILE)):
            path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
            return
        if not path.exists():
            raise InputError(
                "{folder} holds results without their {file}; choose another output folder.",
                folder=self.folder.name, file=path,
            )  # fmt: skip
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            different = [name for name in {**before, **settings} if before.get(name) != settings.get(name)]
        except (ValueError, TypeError) as error:
            raise InputError(
                "{file} in {folder} is damaged; choose another output folder.", file=path, folder=self.folder.name
            ) from error
        for name in different:
            if name != CODE:
                raise InputError(
                    "{folder} holds results with {setting} {before}, not {now}; choose another output folder.",
                    folder=self.folder.name, setting=name, before=_shown(before.get(name)),
                    now=_shown(settings.get(name)),
                )  # fmt: skip
        if different:
            raise InputError(
                "{folder} holds results that another version of the code made; choose another output folder.",
                folder=self.folder.name,
            )


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Turn a disk that takes no more into a sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(
            "The folder {folder} cannot be written ({reason}); make room, or choose another folder.",
            folder=folder.name,
            reason=error.strerror,
        ) from error


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for number, line in enumerate(whole_lines(path).splitlines(), start=1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise InputError(
                "Line {line} of {file} is damaged; choose another output folder.", line=number, file=path
            ) from error


def _patient_summary(content: Mapping[str, Any]) -> PatientSummary:
    return PatientSummary(
        patient=content["patient"],
        mpe_radiological_px=_or_nan(content["mpe_radiological_px"]),
        motion_mm=_or_nan(content["motion_mm"]),
        costs=Costs(**{name: _or_nan(value) for name, value in content["costs"].items()}),
        defects=content["defects"],
        warnings=tuple(content["warnings"]),
        vein_fraction=_or_nan(content["vein_fraction"]),
        observers_mpe_mm=_or_nan(content.get("observers_mpe_mm")),
        observers_tre_mm=_or_nan(content.get("observers_tre_mm")),
        error=content["error"],
        no_truth=content.get("no_truth", ""),
        made_of=content.get("made_of", ""),
    )


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _shown(value: Any) -> str:
    return "unset" if value is None else value if isinstance(value, str) else json.dumps(value)
