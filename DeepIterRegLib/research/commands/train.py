"""`deepiterreg train`: makes the initializer's checkpoint, and goes on where it was interrupted."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from DeepIterRegLib.cli.numbers import finite_number
from DeepIterRegLib.cli.options import count_of_at_least, output_folder, seed_number
from DeepIterRegLib.cli.register import message_console
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.interrupts import noted

if TYPE_CHECKING:
    from DeepIterRegLib.initializer.checkpoint import Checkpoint
    from DeepIterRegLib.research.train.anatomy_source import AnatomySource
    from DeepIterRegLib.research.train.loop import Report
    from DeepIterRegLib.research.train.recipe import Recipe
    from DeepIterRegLib.research.train.schedule import Budget
    from DeepIterRegLib.research.train.trainer import Trainer
    from DeepIterRegLib.research.train.validation import Validation

RECIPE_NAMES = ("default", "paper", "smoke", "patient", "population")
NO_CHECKPOINT = "none"
"""As the value of --from: random weights."""
NEEDED = ("torch", "monai", "roma", "safetensors")
PLAIN_LINE_EVERY = 0.05
"""Of the training: how often a log file is told."""


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "train",
        help="train the initializer's network",
        description="Trains the network on heads that are generated meanwhile, and writes initializer.safetensors into "
        "DIR, beside the curves (logs.csv, TensorBoard's files) and the state of the training. Interrupted, it goes on "
        "where it stopped when the same command runs again; with more --samples or --hours a finished one does too.",
    )
    parser.add_argument("--output", type=output_folder, required=True, metavar="DIR", help="folder for all of it")
    parser.add_argument(
        "--recipe",
        choices=RECIPE_NAMES,
        help="default: what is shipped; paper: uniform offsets and clean veins; smoke: a minute, to see that it works; "
        "patient, population: what --patient and --population take by themselves, to adapt a checkpoint",
    )
    heads = parser.add_argument_group(
        "CTAs", "adapt the checkpoint to them, instead of training on generated heads; they stay on this machine"
    ).add_mutually_exclusive_group()
    heads.add_argument(
        "--patient", type=Path, metavar="PATH", help="one patient's CTA: NRRD, NIfTI or a folder with a DICOM series"
    )
    heads.add_argument(
        "--population",
        type=Path,
        metavar="DIR",
        help="folder of CTAs of many patients, each a file or a folder of its own; a fifth is for validation alone",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--samples", type=count_of_at_least(1), metavar="N", help="to train on (default: the recipe's)")
    length.add_argument("--hours", type=_positive, metavar="H", help="to train for, resumed parts included")
    parser.add_argument("--seed", type=seed_number, metavar="N", help="of everything random (default: 0)")
    parser.add_argument("--learning-rate", type=_positive, metavar="R", help="the highest (default: the recipe's)")
    parser.add_argument(
        "--from",
        dest="checkpoint",
        type=Path,
        metavar="FILE",
        help=f"checkpoint to begin with, or {NO_CHECKPOINT} for random weights (default: with --patient and "
        f"--population the one we ship, else {NO_CHECKPOINT})",
    )
    machine = parser.add_argument_group("machine")
    machine.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="of the network (default: %(default)s)"
    )
    machine.add_argument(
        "--workers",
        type=count_of_at_least(0),
        metavar="N",
        help="processes that draw samples (default: half of the processors, or all but one beside a GPU)",
    )
    machine.add_argument(
        "--threads", type=count_of_at_least(1), metavar="N", help="of the network (default: what is left)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    _require_packages()
    from DeepIterRegLib.research.train.export import export
    from DeepIterRegLib.research.train.loop import run_training

    recipe, budget, device = _recipe(args), _budget(args), _device(args.device)
    workers = _workers(args, device)
    checkpoint = _begin_with(args)
    console = message_console()
    saved = 0
    try:
        with _folder(args.output), full_disk_explained(args.output):
            trainer = _trainer(args, recipe, _source(args), device, checkpoint)
            saved = trainer.progress.samples
            if saved:
                console.print(f"Going on after {saved} samples", highlight=False)
            with _progress(console, budget) as show:

                def tell(report: Report) -> None:
                    nonlocal saved
                    saved = report.saved
                    show(report)

                validation = run_training(trainer, args.output, budget, workers, tell, noted)
            saved = trainer.progress.samples
            if validation is None:
                raise KeyboardInterrupt
            export(trainer, args.output, validation)
    except BaseException as error:
        if saved:
            error.add_note(f"the training is saved up to {saved} samples and goes on by the same command")
        raise
    if args.patient is not None:
        samples = "of this CTA, in other poses"
    else:
        samples = "of other heads" if args.population is None else "of the CTAs kept for it"
    _print_outcome(Console(highlight=False, soft_wrap=True), args.output, trainer, validation, samples)
    return 0


def _source(args: argparse.Namespace) -> AnatomySource:
    """Where heads come from. The output folder gets what scanned ones are made of.

    Raises InputError where no CTA can be trained on.
    """
    from DeepIterRegLib.research.train.anatomy_source import GeneratedAnatomies

    if args.patient is None and args.population is None:
        return GeneratedAnatomies()
    from DeepIterRegLib.research.train.scanned_source import ScannedAnatomies
    from DeepIterRegLib.research.train.scans import find_scans, prepared_heads

    for option, path in (("--patient", args.patient), ("--population", args.population)):
        if path is not None and not path.exists():
            raise InputError(f"{path.name or path} does not exist; give an existing one with {option}.")
    scans = find_scans(args.population) if args.patient is None else [args.patient]
    console = message_console()

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    try:
        heads = prepared_heads(
            scans,
            args.output,
            lambda number: say(f"Preparing CTA {number + 1} of {len(scans)}"),
            lambda sentence: say(f"Left out {sentence}"),
        )
    except KeyboardInterrupt as end:
        end.add_note("the CTAs prepared so far are kept in the output folder")
        raise
    return ScannedAnatomies.of_patient(heads[0]) if args.population is None else ScannedAnatomies.of_population(heads)


def _recipe(args: argparse.Namespace) -> Recipe:
    from DeepIterRegLib.research.train.recipe import RECIPES

    given = {"samples": args.samples, "seed": args.seed, "learning_rate": args.learning_rate}
    name = args.recipe or ("patient" if args.patient else "population" if args.population else "default")
    return dataclasses.replace(RECIPES[name], **{name: value for name, value in given.items() if value is not None})


def _budget(args: argparse.Namespace) -> Budget:
    from DeepIterRegLib.research.train.schedule import Budget

    return Budget(_recipe(args).samples, args.hours and 3600 * args.hours)


def _begin_with(args: argparse.Namespace) -> Checkpoint | None:
    """The checkpoint to begin with; None for random weights. Raises InputError where it cannot be used."""
    from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT, CheckpointError, read_checkpoint

    adapts = args.patient is not None or args.population is not None
    path = args.checkpoint or (DEFAULT_CHECKPOINT if adapts else None)
    if path is None or path == Path(NO_CHECKPOINT):
        return None
    try:
        return read_checkpoint(path)
    except CheckpointError as error:
        # Its advice is for those who register.
        raise InputError(f"{str(error).rpartition('; ')[0]}; give another one with --from FILE.") from error


def _trainer(
    args: argparse.Namespace, recipe: Recipe, source: AnatomySource, device: str, checkpoint: Checkpoint | None
) -> Trainer:
    """New, or as the folder's state has it. Raises InputError where that is of another training."""
    from DeepIterRegLib.initializer.network import network_from
    from DeepIterRegLib.research.train.state import load_state
    from DeepIterRegLib.research.train.trainer import Trainer

    weights, digest = None, ""
    if checkpoint is not None:
        weights, digest = network_from(checkpoint).state_dict(), checkpoint.header.sha256
    trainer = Trainer(recipe, source, device, weights, digest)
    state = load_state(args.output)
    if state is not None:
        trainer.restore(state)
    return trainer


def _device(requested: str) -> str:
    from DeepIterRegLib.render.choose import choose_device

    device, warning = choose_device(requested)
    if warning:
        raise InputError("There is no usable GPU (torch finds no CUDA device); train with --device cpu, or auto.")
    return device


def _workers(args: argparse.Namespace, device: str) -> int:
    """How many processes draw samples; gives PyTorch its threads."""
    import torch

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = args.workers
    if workers is None:
        workers = processors - 1 if device == "cuda" else processors // 2
    torch.set_num_threads(args.threads or max(processors - workers, 1))
    return int(workers)


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make the output folder; take it away again if nothing came of it. InputError where it cannot be written."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        raise InputError(
            f"The output folder {folder.name} cannot be written ({error.strerror}); choose another with --output DIR."
        ) from error
    try:
        yield
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


def _require_packages() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"deepiterreg train needs more packages; install them with `pip install {' '.join(missing)}`.")


@contextmanager
def _progress(console: Console, budget: Budget) -> Iterator[Callable[[Report], None]]:
    """A function of each report: a bar in a terminal, lines elsewhere; a line for each validation in both."""
    told, shown = -1.0, ""

    def news(report: Report) -> str:
        """The validation, when it is a new one."""
        nonlocal shown
        new = _validation_text(report.validation) if report.validation else ""
        text, shown = ("" if new == shown else new), new
        return text

    def line(report: Report, text: str) -> str:
        return f"[{report.share_done:4.0%}] {report.samples} samples" + (f": {text}" if text else "")

    if not console.is_terminal:

        def tell_line(report: Report) -> None:
            nonlocal told
            text = news(report)
            if not text and report.share_done - told < PLAIN_LINE_EVERY and report.share_done > 0:
                return
            told = report.share_done
            parts = [text or report.doing, *_speed_texts(report)]
            console.print(line(report, "; ".join(parts)), markup=False, highlight=False, soft_wrap=True)

        yield tell_line
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"), TimeElapsedColumn(),
    )  # fmt: skip
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("Starting", total=1.0, speed="")

        def show(report: Report) -> None:
            speed = ", ".join([f"{report.samples} samples", *_speed_texts(report)])
            bar.update(task, description=report.doing, completed=report.share_done, speed=speed)
            if text := news(report):
                bar.console.print(line(report, text), markup=False, highlight=False, soft_wrap=True)

        yield show


def _speed_texts(report: Report) -> list[str]:
    texts = [] if report.loss is None else [f"loss {report.loss:.3f}"]
    if report.samples_per_second:
        texts.append(f"{report.samples_per_second:.0f} samples/s")
    if math.isfinite(report.seconds_left) and report.share_done < 1:
        texts.append(f"{_duration(report.seconds_left)} left")
    return texts


def _validation_text(validation: Validation) -> str:
    return (
        f"mean projection error of the validation {validation.mpe_before_median_px:.1f} -> "
        f"{validation.mpe_after_median_px:.1f} px (95th percentile {validation.mpe_before_p95_px:.1f} -> "
        f"{validation.mpe_after_p95_px:.1f}), its loss {validation.scores.loss:.3f}"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _print_outcome(console: Console, folder: Path, trainer: Trainer, validation: Validation, samples: str) -> None:
    """samples: what heads those of the validation are of."""
    from DeepIterRegLib.research.train.export import CHECKPOINT_FILE
    from DeepIterRegLib.research.train.log import LOG_FILE, begun_with_px
    from DeepIterRegLib.research.train.state import STATE_FILE

    progress = trainer.progress
    console.print(
        f"Trained on {progress.samples} samples in {_duration(progress.seconds)} on {trainer.device}"
        f" ({trainer.precision})."
    )
    count = progress.recipe.validation_samples
    console.print(f"On {count} samples {samples}, before and after one pass of the network, px on the detector:")
    begun = begun_with_px(folder) if progress.began_with else None
    for place, (name, before, after) in enumerate((
        ("median", validation.mpe_before_median_px, validation.mpe_after_median_px),
        ("95th percentile", validation.mpe_before_p95_px, validation.mpe_after_p95_px),
    )):  # fmt: skip
        unadapted = f" (of the checkpoint it began with: {begun[place]:.1f})" if begun else ""
        console.print(f"  mean projection error, {name}: {before:.1f} -> {after:.1f}{unadapted}")
    if begun and validation.mpe_after_median_px >= begun[0]:
        console.print("The checkpoint that it began with is as good on these samples: use that one.")
    for name in (CHECKPOINT_FILE, LOG_FILE, STATE_FILE):
        console.print(f"  {folder / name}", markup=False)


def _positive(text: str) -> float:
    number = finite_number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
