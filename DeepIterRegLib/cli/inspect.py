"""`deepiterreg inspect`: what files and folders are read as, to be sent instead of a patient's images."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.registration.inspect import Fact, Inspection, inspect_paths, versions

READ_AS = {
    "cta": "read as the CTA",
    "3dra": "read as the CTA (a rotational 3D angiogram, vessels alone)",
    "dsa": "read as the DSA",
    "x-ray": "read as the DSA (an X-ray of the head without contrast)",
    "transform": "read as a starting pose",
    "c-arm": "read as a C-arm",
}


TRIED_AS = {"cta": "the CTA", "dsa": "the DSA", "transform": "a starting pose", "c-arm": "a C-arm"}


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


def page_lines(found: Sequence[Inspection]) -> Iterator[str]:
    """The page as text."""
    yield ", ".join(f"{name} {number}" for name, number in versions().items())
    for one in found:
        yield ""
        yield f"{one.name}: {READ_AS[one.read_as] if one.read_as else 'not read'}"
        for refusal in one.refused:
            yield f"  as {TRIED_AS[refusal.tried_as]}: {refusal.sentence}"
        if one.series:
            yield "  Series"
        for series in one.series:
            taken = ", taken" if series.taken else ", not taken"
            others = f" and {series.others} other images" if series.others else ""
            yield f"    series {series.number}: {series.slices} slices{others}{taken}"
        yield from _section("Geometry", one.geometry)
        yield from _section("Images", one.pixels)
        yield from _section("Assumed", one.assumed)
        if one.said:
            yield "  Said while reading"
        for sentence in one.said:
            yield f"    {sentence}"
        yield from _section("Tags that were read", one.tags)


def _section(title: str, facts: Iterable[Fact]) -> Iterator[str]:
    facts = list(facts)
    if not facts:
        return
    yield f"  {title}"
    wide = max(len(fact.name) for fact in facts)
    values = min(max(len(fact.value) for fact in facts), 30)
    for fact in facts:
        source = f"  [{fact.source}]" if fact.source else ""
        yield f"    {fact.name:{wide}}  {fact.value:{values}}{source}".rstrip()
