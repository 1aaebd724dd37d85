"""`deepiterreg benchmark rotational-head`: the accuracy experiment on a real patient."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress as Bar
from rich.table import Table

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.registration.options import Method
from DeepIterRegLib.research.evaluate.rotational import SPREADS, as_json, run_trials, summarise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `deepiterreg benchmark rotational-head`."""
    parser.add_argument("--cases", type=Path, required=True, metavar="DIR", help="the folder rotational-head")
    parser.add_argument("--starts", type=int, default=10, metavar="N", help="starts per frame (default: 10)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="N", help="other starts (default: 0)")
    parser.add_argument(
        "--method", action="append", choices=("default", "published"), help="may be given twice (default: both)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all trials (schemas/rotational_head.schema.json)"
    )


def measure_accuracy(arguments: argparse.Namespace) -> int:
    """Carry out the experiment, print its table, write its JSON."""
    console = Console()
    methods: list[Method] = arguments.method or ["default", "published"]
    if arguments.first_seed < 0 or arguments.starts < 1:
        raise InputError("--first-seed must be at least 0 and --starts at least 1.")
    if arguments.json and not arguments.json.resolve().parent.is_dir():
        raise InputError(
            "There is no folder for {file}; give --json a file in an existing folder.", file=arguments.json
        )
    frames = len(list(arguments.cases.glob("frame_*.dcm")))
    with Bar(console=console) as bar:
        task = bar.add_task("Registering", total=frames * len(SPREADS) * arguments.starts * len(methods))
        trials = run_trials(
            arguments.cases,
            methods,
            arguments.starts,
            first_seed=arguments.first_seed,
            tell=lambda trial: bar.advance(task),
        )
    table = Table("method", "starts (SD)", "< 5 mm", "start", "median", "95 %", "seconds", "CPU s")
    for row in summarise(trials):
        table.add_row(
            row.method,
            f"{row.rotation_sd_deg:g}°, {row.translation_sd_mm:g} mm",
            f"{row.successes} / {row.trials}",
            f"{row.median_start_mm:.1f} mm",
            f"{row.median_final_mm:.2f} mm",
            f"{row.percentile95_final_mm:.1f} mm",
            f"{row.median_seconds:.2f}",
            f"{row.median_cpu_seconds:.2f}",
        )
    console.print(table)
    if arguments.json:
        arguments.json.write_text(as_json(trials, arguments.first_seed))
    return 0
