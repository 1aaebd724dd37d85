"""`deepiterreg presets`: the C-arm systems whose values are known, each with its source."""

from __future__ import annotations

import argparse
import json
from typing import Any

from DeepIterRegLib.geometry.carm_presets import CArmPreset, shipped_presets

WORDS = (("sdd_mm", "source to detector"), ("sid_mm", "source to isocentre"), ("pixel_spacing_mm", "pixel"))


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "presets",
        help="list the C-arm systems whose values are known",
        description="Lists the C-arm presets, what is known of each, and the document that says so. --preset NAME takes"
        " one for what neither a run's tags nor the other options say.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with the columns of the table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the table; returns 0."""
    presets = shipped_presets()
    if args.json:
        print(json.dumps([preset.to_row() for preset in presets], indent=1))
    else:
        print("\n".join(line for preset in presets for line in lines_of(preset)))
    return 0


def lines_of(preset: CArmPreset) -> list[str]:
    """The name, what is known, and the source."""
    known = [f"{what} {number:g} mm" for name, what in WORDS if (number := preset.number(name)) is not None]
    if preset.reach is not None:
        reach = preset.reach
        primary = f"RAO {reach.rao_deg:g} to LAO {reach.lao_deg:g}"
        known.append(f"reaches {primary}, CAU {reach.caudal_deg:g} to CRA {reach.cranial_deg:g}")
    view = f", {preset.field_of_view}" if preset.field_of_view else ""
    return [f"{preset.name}{view}", f"  {', '.join(known)}", f"  source: {preset.source}"]
