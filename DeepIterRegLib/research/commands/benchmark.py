"""`deepiterreg benchmark`: measures speed and accuracy, with the numbers as JSON for others to check."""

from __future__ import annotations

from typing import Any

from DeepIterRegLib.research.benchmark import render
from DeepIterRegLib.research.commands import rotational_head


def add_command(commands: Any) -> None:
    """Add the subcommand, and those below it, to argparse's subparsers."""
    parser = commands.add_parser(
        "benchmark",
        help="measure speed and accuracy",
        description="Measures, prints a table, and with --json FILE writes the numbers for others to check.",
    )
    benchmarks = parser.add_subparsers(title="benchmarks", metavar="NAME", required=True)
    speed = benchmarks.add_parser(
        "render",
        help="milliseconds and memory of the renderers",
        description="Times DiffDRR, nanodrr and the splat renderers, forward and with pose gradient.",
    )
    render.add_arguments(speed)
    speed.set_defaults(run=render.main)
    accuracy = benchmarks.add_parser(
        "rotational-head",
        help="accuracy on the real rotational run",
        description="Registers the seven frames of cases/rotational-head from seeded starts around the truth.",
    )
    rotational_head.add_arguments(accuracy)
    accuracy.set_defaults(run=rotational_head.measure_accuracy)
