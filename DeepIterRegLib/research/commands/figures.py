"""`deepiterreg evaluate figures`: the paper's figures and Table 1 over any cohort, beside the published numbers."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.page_templates import require_jinja
from DeepIterRegLib.research.commands.blind_test import preferences_of
from DeepIterRegLib.research.evaluate.blind_test import KEY_FILE
from DeepIterRegLib.research.evaluate.experiments import EXPERIMENTS, NobodyTakesPart
from DeepIterRegLib.research.evaluate.paper.findings import BLIND_TEST, MIRRORED, read_findings
from DeepIterRegLib.review.counting import Preferences

FIGURES = "figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The option that no experiment has."""
    group = parser.add_argument_group("figures")
    group.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="run nothing: draw the figures from what `evaluate figures` left in this folder",
    )


def mirror_paper(args: argparse.Namespace, run: Callable[[argparse.Namespace], int]) -> int:
    """Run the experiments of the figures with `run`, each into its own folder in --output, and draw them."""
    # matplotlib: a second that no other command shall wait for.
    from DeepIterRegLib.research.evaluate.paper.write import write_mirror

    _require_options(args)
    require_jinja()
    notes: dict[str, str] = {}
    folder = args.output
    if args.folder is not None:
        folder = args.folder
    else:
        for name in MIRRORED:
            try:
                run(_of_experiment(args, name))
            except NobodyTakesPart as error:
                # The others' figures can be drawn.
                notes[name] = str(error)
    findings = read_findings(folder, _preferences(args, folder))
    names = write_mirror(findings, args.output, notes)
    console = Console(highlight=False, soft_wrap=True)
    for name, why in notes.items():
        console.print(f"No results of {name}: {why}", markup=False)
    console.print(f"In {args.output}: {', '.join(names)}", markup=False)
    return 0


def _require_options(args: argparse.Namespace) -> None:
    if args.initializer is not None:
        raise InputError("figures runs each experiment with and without initializer as the paper does; leave it out.")
    if len(args.checkpoint or []) > 1:
        raise InputError("figures shows one initializer; give one --checkpoint.")
    if args.key is not None and args.count is None:
        raise InputError("--key is for a reader's answers; give them with --count FILE.")
    if args.folder is not None and args.cohort is not None:
        raise InputError("--folder draws what an earlier command found, --cohort runs the experiments; give one.")
    if args.folder is not None and not args.folder.is_dir():
        raise InputError(f"There is no folder {args.folder.name or args.folder}; give that of earlier results.")


def _of_experiment(args: argparse.Namespace, name: str) -> argparse.Namespace:
    """The options of one experiment among the figures'."""
    experiment = EXPERIMENTS[name]
    return argparse.Namespace(**{
        **vars(args),
        "experiment": name,
        "output": args.output / name,
        "prepared": args.prepared or args.output / "prepared",
        "method": None if name == BLIND_TEST else args.method,
        "starts": args.starts if experiment.several_starts else None,
        "checkpoint": None if experiment.initializer == "without" else args.checkpoint,
        "count": None,
        "key": None,
    })  # fmt: skip


def _preferences(args: argparse.Namespace, folder: Path) -> Preferences | None:
    """What a reader answered; the key is the one beside the page unless told otherwise."""
    if args.count is None:
        return None
    written = folder / BLIND_TEST / KEY_FILE
    return preferences_of(args.count, args.key or (written if written.exists() else None))
