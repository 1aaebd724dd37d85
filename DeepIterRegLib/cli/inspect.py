"""`deepiterreg inspect`: what files and folders are read as, to be sent instead of a patient's images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.registration.inspect import inspect_paths, versions
from DeepIterRegLib.registration.inspect_page import page_lines


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "inspect",
        help="tell what files and folders are read as",
        description="Tells what files and folders are read as: the series that were found, the geometry with the tags "
        "that it came from, frames and subtraction, and what was assumed. Without names, dates, UIDs and paths, so "
        "that it can be sent instead of a patient's images.",
    )
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="CTA, DSA, C-arm file or transform: a file or a folder"
    )
    parser.add_argument("--json", action="store_true", help="as JSON (schemas/inspect.schema.json)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the page; returns 0 where everything was read, else 2."""
    found = inspect_paths(args.paths, names=OPTION_NAMES)
    if args.json:
        print(json.dumps({"versions": versions(), "paths": [one.to_json() for one in found]}, indent=1))
    else:
        print("\n".join(page_lines(found)))
    return 0 if all(one.read_as for one in found) else 2
