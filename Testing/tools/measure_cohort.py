"""How fast cohorts are registered, and with how much memory: python -m Testing.tools.measure_cohort FOLDER.

A few simulated patients fill the rows of a table again and again. For each number of rows and workers, and of a Dask
scheduler's workers: patients a minute (from the first to the last), seconds until the first is done and after the last,
and the largest memory of the command itself and of any worker, in MB. A table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from DeepIterRegLib.research.simulate.built_in import built_in_patient
from DeepIterRegLib.research.simulate.files.patient_files import write_patient
from Testing.support.paths import ROOT

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
EVERY_S = 0.2


@dataclass
class Watched:
    """The largest resident memory seen, MB."""

    parent_mb: float = 0.0
    worker_mb: float = 0.0

    def look(self, parent: int, workers: list[int]) -> None:
        """Note the memory of the command, and of the processes that work for it."""
        try:
            command = psutil.Process(parent)
            self.parent_mb = max(self.parent_mb, command.memory_info().rss / 1e6)
            others = [*command.children(recursive=True), *(psutil.Process(number) for number in workers)]
            for process in others:
                self.worker_mb = max(self.worker_mb, process.memory_info().rss / 1e6)
        except psutil.Error:
            return


def write_table(folder: Path, rows: int, seeds: list[int]) -> Path:
    path = folder / f"table-{rows}.csv"
    lines = [
        f"row {number},patient-{seeds[number % len(seeds)]}/cta.nrrd,patient-{seeds[number % len(seeds)]}/dsa.dcm"
        for number in range(rows)
    ]
    path.write_text("patient,cta,dsa\n" + "\n".join(lines) + "\n")
    return path


@contextmanager
def scheduler(folder: Path, workers: int) -> Iterator[tuple[str, list[int]]]:
    """A scheduler with so many workers of one thread each, as somebody else would start them."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    python = [sys.executable, "-m"]
    quiet = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": ROOT,
        "env": {**os.environ, **ONE_THREAD},
    }
    started = [
        subprocess.Popen([*python, "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
                          "--scheduler-file", str(file)], **quiet)  # type: ignore[call-overload]
    ]  # fmt: skip
    try:
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        worker = [*python, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        started += [subprocess.Popen(worker, **quiet) for _ in range(workers)]  # type: ignore[call-overload]
        yield address, [process.pid for process in started[1:]]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def measured(folder: Path, table: Path, rows: int, where: list[str], others: list[int]) -> str:
    """The line of one run of the command."""
    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    words = [sys.executable, "-m", "DeepIterRegLib.cli.main", "cohort", str(table), "--output", str(output), *where]
    seen, ended = Watched(), threading.Event()
    began = time.time()
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def watch() -> None:
        while not ended.wait(EVERY_S):
            seen.look(process.pid, others)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    done: list[float] = []
    log = output / "cohort.jsonl"
    while process.poll() is None:
        count = log.read_bytes().count(b"\n") - 1 if log.exists() else 0
        done += [time.time()] * max(0, count - len(done))
        time.sleep(EVERY_S)
    ended.set()
    watcher.join()
    wall_s = time.time() - began
    between_s = done[-1] - done[0] if len(done) > 1 else float("nan")
    per_minute = 60 * (len(done) - 1) / between_s if between_s > 0 else float("nan")
    name = " ".join(where[:2]).replace("--", "")
    return (
        f"| {rows} | {name} | {wall_s:.1f} | {per_minute:.1f} | {done[0] - began if done else float('nan'):.1f} | "
        f"{began + wall_s - done[-1] if done else float('nan'):.1f} | {seen.parent_mb:.0f} | {seen.worker_mb:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="for patients and results; patients that are there are used again")
    parser.add_argument("--rows", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--patients", type=int, default=4, help="others than this many repeat")
    parser.add_argument("--first-seed", type=int, default=200001)
    parser.add_argument("--detector-px", type=int, default=1024)
    parser.add_argument("--ct-columns", type=int, default=512)
    parser.add_argument("--without-scheduler", action="store_true")
    args = parser.parse_args()
    folder = args.folder.absolute()
    seeds = [args.first_seed + number for number in range(args.patients)]
    for seed in seeds:
        if not (folder / f"patient-{seed}" / "truth.json").exists():
            made = built_in_patient(seed, detector_px=args.detector_px, ct_columns=args.ct_columns)
            write_patient(made, folder / f"patient-{seed}")
    print(
        "| rows | workers | s in all | patients a minute | s to the first | s after the last | MB command | MB worker |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rows in args.rows:
        table = write_table(folder, rows, seeds)
        for workers in args.workers:
            print(measured(folder, table, rows, ["--workers", str(workers)], []), flush=True)
            if not args.without_scheduler:
                with scheduler(folder, workers) as (address, others):
                    line = measured(folder, table, rows, ["--scheduler", address], others)
                    print(line.replace(address, f"{workers}"), flush=True)


if __name__ == "__main__":
    main()
