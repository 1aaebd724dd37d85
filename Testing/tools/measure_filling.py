"""The vessel map against the true flow: `python -m Testing.tools.measure_filling measure|summary FOLDER [options]`.

FOLDER: what `measure_skull simulate --untreated --forms raw` has written. measure: registers each patient's run by the
default method, a line of JSON for each into FOLDER/filling.jsonl; what is there is not done again. summary: the numbers
of docs/measurements/filling.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.filling.vessel_map import vessel_map
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.research.evaluate.confidence_intervals import wilson_interval
from DeepIterRegLib.research.evaluate.metrics import pose_error
from Testing.tools.filling_truth import BranchTruth, truths
from Testing.tools.measure_skull import lines_of, patients_to_do

GOOD_MM = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("measure", "summary"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=331_000)
    parser.add_argument("--count", type=int, default=20)
    args = parser.parse_args()
    {"measure": measure, "summary": summary}[args.step](args)


def measure(args: argparse.Namespace) -> None:
    log = args.folder / "filling.jsonl"
    for seed, folder, truth, volume in patients_to_do(args, log):
        run = prepare_angiogram(read_angiogram(folder / "raw.dcm"))
        found = register(PreparedImages(volume, (run,)))
        error = pose_error(found.pose, truth["pose"], volume.cloud.centre_mm, run.angiogram.carm)
        clock = time.process_time()
        vessels = vessel_map(volume.cloud, found.angiograms, found.pose)
        cpu_seconds = time.process_time() - clock
        arrival = vessels.arrivals[0]
        rows = [
            {
                **row.__dict__,
                "arrival_s": _number(row.arrival_s),
                "found_s": None if arrival is None else _number(arrival.half[row.branch]),
                "found_sd_s": None if arrival is None else _number(arrival.half_sd[row.branch]),
            }
            for row in truths(vessels.filling, volume.cloud, folder / "filling.npz")
        ]
        verdict = None if found.confidence is None else found.confidence.verdict
        line = {
            "seed": seed,
            "mpe_mm": round(error.mpe_mm, 3),
            "verdict": verdict,
            "cpu_seconds": round(cpu_seconds, 2),
        }
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "branches": rows}) + "\n")
        print(line, len(rows), flush=True)


def summary(args: argparse.Namespace) -> None:
    lines = list(lines_of(args.folder / "filling.jsonl"))
    good = [line for line in lines if line["mpe_mm"] < GOOD_MM]
    print(
        f"{len(good)} of {len(lines)} patients below {GOOD_MM:.0f} mm; CPU s", [line["cpu_seconds"] for line in lines]
    )
    for name, chosen in (("all", lines), ("below 5 mm", good)):
        branches = [_truth(row) for line in chosen for row in line["branches"]]
        print(f"\n{name}: {len(branches)} branches, {sum(one.is_filled for one in branches)} filled")
        _print_counts("all branches", branches)
        _print_counts("behind the clot", [one for one in branches if one.is_behind])
        _print_counts("the other branches", [one for one in branches if not one.is_behind])
    _print_arrivals(good)


def _print_counts(name: str, branches: list[BranchTruth]) -> None:
    """Of the branches of which something is said."""
    unsaid = [one for one in branches if one.said == "cannot tell"]
    filled = [one for one in branches if one.is_filled and one.said != "cannot tell"]
    empty = [one for one in branches if not one.is_filled and one.said != "cannot tell"]
    print(
        f"  {name} ({len(branches)}): sensitivity {_share(sum(one.said == 'filled' for one in filled), len(filled))},"
        f" specificity {_share(sum(one.said == 'not filled' for one in empty), len(empty))},"
        f" cannot tell {_share(len(unsaid), len(branches))};"
        f" filled called not filled {sum(one.said == 'not filled' for one in filled)},"
        f" empty called filled {sum(one.said == 'filled' for one in empty)}"
    )


def _print_arrivals(lines: list[dict[str, Any]]) -> None:
    """Differences of the times after each patient's median difference was taken out: the injection's own start."""
    apart, spread, correlations = [], [], []
    for line in lines:
        rows = [
            (row["found_s"], row["arrival_s"], row["found_sd_s"])
            for row in line["branches"]
            if row["is_filled"] and row["found_s"] is not None and row["arrival_s"] is not None
        ]
        if len(rows) < 3:
            continue
        found, true, sd = np.array(rows).T
        apart += list(found - true - np.median(found - true))
        spread += list(sd)
        correlations.append(float(np.corrcoef(found, true)[0, 1]))
    known = sum(row["found_s"] is not None for line in lines for row in line["branches"] if row["is_filled"])
    total = sum(row["is_filled"] for line in lines for row in line["branches"])
    print(
        f"\narrival: {known} of {total} filled branches have one; apart from the truth, median"
        f" {np.median(np.abs(apart)):.2f} s, 90 % below {np.percentile(np.abs(apart), 90):.2f} s; correlation in a"
        f" patient, median {np.median(correlations):.2f}; its own sd, median {np.median(spread):.2f} s"
    )


def _share(count: int, total: int) -> str:
    interval = wilson_interval(count, total)
    if interval is None:
        return "–"
    return f"{100 * count / total:.0f} % ({count} of {total}; {100 * interval.low:.0f} to {100 * interval.high:.0f})"


def _truth(row: dict[str, Any]) -> BranchTruth:
    names = ("branch", "said", "is_filled", "is_behind")
    return BranchTruth(**{name: row[name] for name in names}, arrival_s=row["arrival_s"] or float("nan"))


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


if __name__ == "__main__":
    main()
