"""What an experiment leaves to look at: summary.json, plots, one HTML page, and the overlays of a blind test."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.research.evaluate.blind_overlay import REFERENCE, THREE_STAGE, TWO_STAGE, BlindCase, blind_case
from DeepIterRegLib.research.evaluate.experiments import BLIND_METHODS, NobodyTakesPart
from DeepIterRegLib.research.evaluate.methods import published_with
from DeepIterRegLib.research.evaluate.observers import observers_summary
from DeepIterRegLib.research.evaluate.page import html_page
from DeepIterRegLib.research.evaluate.patient_summary import PatientSummary
from DeepIterRegLib.research.evaluate.plots import draw_plots
from DeepIterRegLib.research.evaluate.prepare import case_path, prepared_case
from DeepIterRegLib.research.evaluate.result_log import ResultLog, full_disk_told
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.similarity_figure import draw_comparison
from DeepIterRegLib.research.evaluate.similarity_table import as_csv, as_markdown, compared
from DeepIterRegLib.research.evaluate.statistics import summarise
from DeepIterRegLib.research.evaluate.study import Selection
from DeepIterRegLib.research.evaluate.tasks import Study

SUMMARY_FILE, PAGE_FILE = "summary.json", "index.html"
SIMILARITY_FILES = ("similarities.csv", "similarities.md", "similarities.svg")


def write_outputs(
    log: ResultLog, rows: Sequence[Row], selection: Selection, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Write summary, plots and page into the log's folder; returns the summary. Raises InputError."""
    summary = summarise(rows) | {
        "cohort": cohort_summary(log.patients, selection),
        "observers": observers_summary(log.patients, selection.chosen, rows),
    }
    folder = log.folder
    with full_disk_told(folder):
        text = json.dumps(summary, indent=1, allow_nan=False)
        (folder / SUMMARY_FILE).write_text(text + "\n", encoding="utf-8")
        plots = {folder / name: caption for name, caption in draw_plots(rows, folder).items()}
        shown = {**settings, "patients left out": [f"{name} ({why})" for name, why in selection.left_out.items()]}
        title = f"Experiment {rows[0].experiment}"
        (folder / PAGE_FILE).write_text(html_page(title, rows, summary, plots, shown), encoding="utf-8")
    return summary


def write_similarities(rows: Sequence[Row], folder: Path) -> list[str]:
    """Table and figure of Hipwell's comparison; the names of the files. Raises InputError."""
    table = compared(rows)
    if not table:
        return []
    csv_file, markdown_file, figure_file = (folder / name for name in SIMILARITY_FILES)
    with full_disk_told(folder):
        csv_file.write_text(as_csv(table), encoding="utf-8")
        markdown_file.write_text(as_markdown(table), encoding="utf-8")
        of_table = {published_with(line.similarity) for line in table}
        draw_comparison([row for row in rows if row.method in of_table], table, figure_file)
    return list(SIMILARITY_FILES)


def cohort_summary(patients: Mapping[str, PatientSummary], selection: Selection) -> dict[str, Any]:
    """Who took part, who was left out and why, and what the patients cost to make: JSON."""
    known = [patients[patient] for patient in selection.chosen if patient in patients and not patients[patient].error]
    return {
        "patients": list(selection.chosen),
        "left_out": [{"patient": patient, "reason": reason} for patient, reason in selection.left_out.items()],
        "not_prepared": [
            {"patient": patient, "error": patients[patient].error}
            for patient in selection.chosen
            if patient in patients and patients[patient].error
        ],
        "costs": {
            name: _spread(getattr(one.costs, name) for one in known)
            for name in ("generate_seconds", "prepare_seconds", "wall_seconds", "peak_mb")
        },
    }


def blind_cases(log: ResultLog, study: Study, rows: Sequence[Row], selection: Selection) -> list[BlindCase]:
    """The overlays of a blind test.

    As in the paper they are those of the patients whom the three stages registered; the reference standard is the true
    pose. Raises NobodyTakesPart where there is none.
    """
    two, three = BLIND_METHODS
    poses = log.poses()
    of_patient = {(row.patient, row.method): row for row in rows}
    cases: list[BlindCase] = []
    for patient in selection.chosen:
        pair = [of_patient.get((patient, method)) for method in (two, three)]
        if any(row is None or row.key not in poses for row in pair) or not pair[1].success:  # type: ignore[union-attr]
            continue
        case = prepared_case(
            study.cohort, patient, case_path(study.prepared, study.cohort, patient, study.preparation_code)
        )
        found = {name: poses[row.key] for name, row in zip((TWO_STAGE, THREE_STAGE), pair, strict=True) if row}
        cases.append(blind_case(case, {**found, REFERENCE: case.pose}))
    if not cases:
        raise NobodyTakesPart("No patient was registered, so there is nothing to compare blind; try more patients.")
    return cases


def _spread(values: Iterable[float]) -> dict[str, float | None]:
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return {"median": None, "largest": None}
    return {"median": round(float(np.median(known)), 2), "largest": round(max(known), 2)}
