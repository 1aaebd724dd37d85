"""What a registration leaves behind: the files' names, and the lines that tell a person how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from DeepIterRegLib.common.confidence import percent
from DeepIterRegLib.registration.report import compared_terms

OUTPUT_NAMES = ("cta_to_carm.tfm", "scene.mrb", "overlay.png", "report.json")
FILLED_NAMES = ("filled.png", "filled.json")
"""And of `--filled`."""


def print_outcome(
    console: Console,
    folder: Path,
    report: Mapping[str, Any],
    step_seconds: Mapping[str, float],
    names: Sequence[str] = OUTPUT_NAMES,
) -> None:
    """Tell where the files are, what was achieved, and what to be careful about. report: as report.json holds it.
    step_seconds: of the whole command. names: of the files."""
    for line in outcome_lines(folder, report, step_seconds, names):
        console.print(line, markup=False)


def outcome_lines(
    folder: Path, report: Mapping[str, Any], step_seconds: Mapping[str, float], names: Sequence[str] = OUTPUT_NAMES
) -> list[str]:
    lines = [f"Warning: {warning}" for warning in report["warnings"]]
    moved, seconds = report["moved"], report["seconds"]
    all_steps = {**step_seconds, "total": sum(step_seconds.values())}
    if report["method"] == "carried":
        lines.append(f"Carried over{_from(report)}: nothing was registered on this run.")
    else:
        lines.append(
            f"{_outcome(report)}{_by(report)} on {report['device']} in {seconds['register']:.2f} s; the head moved "
            f"{moved['translation_mm']:.1f} mm and {moved['rotation_deg']:.1f}°."
        )
    views = report["angiograms"]
    for number, view in enumerate(views, start=1):
        name = f"DSA {number}" if len(views) > 1 else "DSA"
        if report["method"] == "carried" and view["ncc_after"] is not None:
            lines.append(f"  {name}: NCC of DRR and DSA {view['ncc_after']:.2f}")
        elif view["ncc_before"] is not None and view["ncc_after"] is not None:
            lines.append(f"  {name}: NCC of DRR and DSA {view['ncc_before']:.2f} -> {view['ncc_after']:.2f}")
        lines += [f"  {name}: {_agreement(term)}" for term in report["terms"] if term["angiogram"] == number]
        if report["truth"] is not None:
            error = report["truth"]["angiograms"][number - 1]
            lines.append(
                f"  {name}: mean projection error against the known truth "
                f"{_error(error['mpe_px_before'])} -> {_error(error['mpe_px_after'])} px, "
                f"{_error(error['mpe_mm_before'])} -> {_error(error['mpe_mm_after'])} mm"
            )
    lines.append("  Seconds: " + ", ".join(f"{name} {value:.2f}" for name, value in all_steps.items()))
    lines += [f"  {folder / name}" for name in names]
    return lines + verdict_lines(report)


def verdict_lines(report: Mapping[str, Any]) -> list[str]:
    """The reasons, and last how sure the result is; nothing where nobody registered."""
    confidence = report.get("confidence")
    if confidence is None:
        return []
    within_5mm, within_2mm = percent(confidence["probability"]), percent(confidence["probability_2mm"])
    sure = f"{within_5mm} sure to be within 5 mm, {within_2mm} within 2 mm"
    says = {"registered": "Registered", "check": "CHECK before you rely on it", "wrong": "PROBABLY WRONG"}
    lines = [f"  {reason}" for reason in confidence["reasons"]]
    if report["method"] == "carried":
        says = {"registered": "Agrees", "check": "CHECK before you rely on it", "wrong": "DISAGREES"}
        lines.append("  --refine registers this run from the pose.")
    return [*lines, f"{says[confidence['verdict']]}: {sure}."]


def _outcome(report: Mapping[str, Any]) -> str:
    confidence = report.get("confidence")
    return "Registered" if confidence is None or confidence["verdict"] == "registered" else "A position was found"


def _from(report: Mapping[str, Any]) -> str:
    """Which run a pose was carried from, with a space before."""
    origin = report["carried_from"]
    angles = [origin["primary_angle_deg"], origin["secondary_angle_deg"]]
    if None in angles:
        return " from another run"
    return " from the run at {} {:.0f}°, {} {:.0f}°".format(
        "LAO" if angles[0] >= 0 else "RAO", abs(angles[0]), "cranial" if angles[1] >= 0 else "caudal", abs(angles[1])
    )


def _by(report: Mapping[str, Any]) -> str:
    """By what of the head it was registered, with a space before."""
    terms = compared_terms(report)
    if len(terms) > 1:
        return f" by {' and '.join(terms)}"
    return f" by the {terms[0]}" if terms else ""


def _agreement(term: Mapping[str, Any]) -> str:
    value = "unknown" if term["similarity"] is None else f"{term['similarity']:.2f}"
    doubt = "" if term["trust"] == 1 else f", trusted to {term['trust']:.0%}"
    return f"{term['term']} in the {term['seen_in']}, similarity {value}{doubt}"


def _error(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2f}"
