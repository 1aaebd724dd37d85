"""A cohort from a hospital's tree to marked results, by the commands alone: python -m Testing.tools.show_cohort FOLDER.

Simulated patients are written as an archive exports them, found, registered twice, once without and once with an end
in the middle (the command is killed, and given again), compared to the bit, marked, and evaluated with their true poses
as reference transforms. Says what it finds, and ends with 1 where the two differ or a patient is missing.
"""

from __future__ import annotations

import argparse
import csv
import filecmp
import io
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from DeepIterRegLib.geometry.transform_file import write_transform
from DeepIterRegLib.research.simulate.built_in import built_in_patient
from DeepIterRegLib.research.simulate.patient import SimulatedPatient
from Testing.support.hospital_tree import write_hospital_tree
from Testing.support.paths import ROOT

SAME = ("cta_to_carm.tfm", "overlay.png", "before.jpg", "after.jpg")
"""Of a patient's files; the report holds seconds."""


def command(*words: object, name: str = "cohort") -> list[str]:
    return [sys.executable, "-m", "DeepIterRegLib.cli.main", name, *map(str, words)]


def with_references(patients: Iterable[SimulatedPatient], folder: Path) -> Iterator[SimulatedPatient]:
    """The patients, the true pose of each written as Slicer would save it."""
    folder.mkdir(parents=True, exist_ok=True)
    for patient in patients:
        write_transform(folder / f"PAT{patient.seed:06d}.tfm", patient.pose, patient.volume.centre_mm)
        yield patient


def write_referenced(table: Path, found: str, folder: Path) -> None:
    """The table that was found, with the column reference_transform."""
    rows = list(csv.DictReader(io.StringIO(found)))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, dict.fromkeys([*rows[0], "reference_transform"]))
        writer.writeheader()
        writer.writerows(row | {"reference_transform": folder / f"{row['patient']}.tfm"} for row in rows)


def registered_in_parts(words: list[str], log: Path) -> None:
    """Kill the command, and what it has started, when it has kept a patient; then give it again."""
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < 2):
        time.sleep(0.05)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
        process.wait()
        print("Patients done when it was killed:", len(log.read_bytes().splitlines()) - 1)
    subprocess.run(words, cwd=ROOT, check=True)


def rows_of(output: Path) -> list[dict[str, str]]:
    with (output / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that receives tree, table and results")
    parser.add_argument("--patients", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=200001)
    parser.add_argument("--detector-px", type=int, default=256)
    parser.add_argument("--ct-columns", type=int, default=192)
    args = parser.parse_args()
    folder = args.folder.absolute()
    seeds = range(args.first_seed, args.first_seed + args.patients)
    names = ("tree", "references", "table.csv", "referenced.csv", "whole", "parts", "evaluated")
    tree, references, table, referenced, whole, parts, evaluated = (folder / name for name in names)
    if not tree.exists():
        made = (built_in_patient(seed, detector_px=args.detector_px, ct_columns=args.ct_columns) for seed in seeds)
        write_hospital_tree(tree, with_references(made, references))
    found = subprocess.run(command("--find", tree), cwd=ROOT, capture_output=True, text=True, check=True)
    table.write_text(found.stdout, encoding="utf-8")
    print(found.stdout + found.stderr)
    subprocess.run(command(table, "--output", whole, "--workers", 1), cwd=ROOT, check=True)
    registered_in_parts(command(table, "--output", parts, "--workers", 1), parts / "cohort.jsonl")
    rows = rows_of(whole)
    files = [Path("results.csv"), *(path.relative_to(whole) for path in whole.rglob("*") if path.name in SAME)]
    differ = [name for name in files if not filecmp.cmp(whole / name, parts / name, shallow=False)]
    print(f"{len(files)} files compared between the two, {len(differ)} differ: {differ or 'the same to the bit'}.")
    marks = folder / "marks.csv"
    marks.write_text(f"patient,mark,note\n{rows[0]['patient']},accepted,seen\n", encoding="utf-8")
    subprocess.run(command("--marks", marks, "--output", whole), cwd=ROOT, check=True)
    print(
        *(f"{row['patient']}: {row['status']} {row['probability']} {row['mark']}" for row in rows_of(whole)), sep="\n"
    )
    write_referenced(referenced, found.stdout, references)
    words = ("optimizer-only", "--cohort", referenced, "--reference-direction", "carm-to-cta", "--workers", 1)
    methods = ("--method", "default", "--method", "published")
    subprocess.run(command(*words, *methods, "--output", evaluated, name="evaluate"), cwd=ROOT, check=True)
    return int(bool(differ) or len(rows) != args.patients)


if __name__ == "__main__":
    sys.exit(main())
