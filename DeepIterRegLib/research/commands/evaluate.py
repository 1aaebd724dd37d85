"""`deepiterreg evaluate`: the paper's experiments on simulated patients, a folder of them, or a cohort's table."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, get_args

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from DeepIterRegLib.cli.options import count_of_at_least, output_folder, seed_number
from DeepIterRegLib.cli.progress import counting_display
from DeepIterRegLib.cli.register import message_console
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.page_templates import require_jinja
from DeepIterRegLib.common.sole_writer import sole_writer
from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT
from DeepIterRegLib.parallel.dask_pool import dask_pool
from DeepIterRegLib.parallel.fingerprint import code_fingerprint
from DeepIterRegLib.parallel.worker_pool import WorkerPool, local_pool
from DeepIterRegLib.refinement.published import PUBLISHED_SIZE_PX
from DeepIterRegLib.research.commands.blind_test import add_arguments as add_counting_arguments
from DeepIterRegLib.research.commands.blind_test import count_answers
from DeepIterRegLib.research.commands.figures import FIGURES, mirror_paper
from DeepIterRegLib.research.commands.figures import add_arguments as add_figures_arguments
from DeepIterRegLib.research.commands.simulate import add_difficulty
from DeepIterRegLib.research.evaluate.cohort import Cohort, Segmentations, SimulatedCohort
from DeepIterRegLib.research.evaluate.experiments import (
    EXPERIMENTS,
    SIMILARITY,
    Experiment,
    NobodyTakesPart,
    experiment_named,
)
from DeepIterRegLib.research.evaluate.methods import METHODS, method_named
from DeepIterRegLib.research.evaluate.prepare import preparation_fingerprint
from DeepIterRegLib.research.evaluate.reference import Direction
from DeepIterRegLib.research.evaluate.result_log import CODE, ROWS_FILE, ResultLog, full_disk_told
from DeepIterRegLib.research.evaluate.results import Row
from DeepIterRegLib.research.evaluate.rotational_cohort import cohort_in
from DeepIterRegLib.research.evaluate.study import Experimenter, wanted_rows
from DeepIterRegLib.research.evaluate.table_cohort import TableCohort
from DeepIterRegLib.research.evaluate.tasks import Study
from DeepIterRegLib.research.evaluate.variants import InitializerChoice, NamedCheckpoint, Variant, variants_of
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredChoice

FILE_COLUMNS = 110
TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
"""Of a cohort's table that is not there: another sentence than of a folder."""
WORKERS = ("research.evaluate.tasks", "research.evaluate.table_cohort", "research.evaluate.rotational_cohort")
"""The modules that the workers run: tasks, and whatever cohort comes with them."""
REGISTERING = (
    "research.evaluate.methods",
    "research.evaluate.metrics",
    "research.evaluate.perturbations",
    "render.diffdrr",
)
"""Modules that a registration's row depends on, beside those that prepare."""


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "evaluate",
        help="carry out one of the paper's experiments on many patients",
        description="Generates patients (or takes those of a folder), registers each with every method, and writes "
        "results.csv, summary.json, plots and index.html. Interrupted, it goes on where it stopped when the same "
        "command runs again.",
        epilog="Experiments: "
        + "; ".join(f"{one.name}: {one.description}" for one in EXPERIMENTS.values())
        + f"; {FIGURES}: the paper's Figures 6 to 9 and Table 1 over these patients, beside the published numbers. Runs"
        " what they need, each experiment into its own folder in --output"
        + ". Methods: "
        + "; ".join(f"{one.name}: {one.description}" for one in METHODS.values())
        + ".",
    )
    parser.add_argument("experiment", metavar="EXPERIMENT", help=", ".join([*EXPERIMENTS, FIGURES]))
    parser.add_argument(
        "--patients",
        type=count_of_at_least(1),
        metavar="N",
        help="how many patients (default: as many as the paper had)",
    )
    parser.add_argument(
        "--method", action="append", metavar="M", help="may be repeated; see below (default: those of the experiment)"
    )
    parser.add_argument(
        "--output", type=output_folder, default=Path("output"), metavar="DIR", help="folder (default: output)"
    )
    parser.add_argument(
        "--starts",
        type=count_of_at_least(1),
        metavar="K",
        help="perturbed starts of each patient, for capture-range (default: 50), similarity (default: 10) and "
        "initializer (default: the radiological pose alone)",
    )
    initializer = parser.add_mutually_exclusive_group()
    initializer.add_argument(
        "--initializer",
        choices=get_args(InitializerChoice),
        help="whether each method runs with the initializer (default: "
        + ", ".join(f"{one.initializer} for {one.name}" for one in EXPERIMENTS.values())
        + ")",
    )
    initializer.add_argument(
        "--no-initializer", dest="initializer", action="store_const", const="without", help="the same as without"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        action="append",
        metavar="FILE",
        help="of the initializer; may be repeated to compare several (default: the one we ship)",
    )
    parser.add_argument(
        "--size-px",
        type=count_of_at_least(1),
        default=PUBLISHED_SIZE_PX,
        metavar="PX",
        help="of the images that the published methods compare; 128 makes diffdrr bearable (default: %(default)s)",
    )
    patients = parser.add_argument_group("patients")
    patients.add_argument(
        "--first-seed", type=seed_number, default=0, metavar="S", help="of the generated patients (default: 0)"
    )
    patients.add_argument(
        "--cohort",
        type=Path,
        metavar="PATH",
        help="instead of seeds: a folder of patients as `deepiterreg simulate` writes them, the real rotational run, "
        "or a cohort's table (TABLE.csv) with the column reference_transform, and reference_transform_2 for a second "
        "reader",
    )
    patients.add_argument(
        "--reference-direction",
        choices=get_args(Direction),
        help="of the table's reference transforms, by where the file takes a point; carm-to-cta: as Slicer saves the "
        "linear transform of a CTA moved to the C-arm, and as `deepiterreg register` writes; cta-to-carm: the other "
        "way round. Has to be said: no file tells",
    )
    patients.add_argument(
        "--segmentations",
        choices=get_args(Segmentations),
        default="own",
        help="own: what our preparation makes of the images; otherwise the generator's (default: own)",
    )
    patients.add_argument("--arteries", type=Path, metavar="PATH", help="real arteries instead of generated ones")
    patients.add_argument("--skull", type=Path, metavar="PATH", help="a real head CT instead of the generated head")
    patients.add_argument(
        "--skull-share",
        type=_share,
        default=1.0,
        metavar="SHARE",
        help="of the patients that have the real head, 0 to 1 (default: all)",
    )
    patients.add_argument(
        "--stored", choices=get_args(StoredChoice), default="raw", help="how their runs are stored (default: raw)"
    )
    add_difficulty(patients)
    work = parser.add_argument_group("work")
    work.add_argument(
        "--workers", type=count_of_at_least(1), metavar="N", help="processes (default: one per processor)"
    )
    work.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster to use instead, tcp://HOST:PORT")
    work.add_argument(
        "--prepared",
        type=output_folder,
        metavar="DIR",
        help="where prepared patients are kept for other experiments (default: DIR/prepared in --output)",
    )
    add_counting_arguments(parser)
    add_figures_arguments(parser)
    parser.set_defaults(run=evaluate)


def evaluate(args: argparse.Namespace) -> int:
    """Carry out the parsed command; returns 0 or raises."""
    if args.experiment == FIGURES:
        return mirror_paper(args, evaluate)
    experiment = experiment_named(args.experiment)
    if args.folder is not None:
        raise InputError(f"--folder is for {FIGURES}; leave it out for {experiment.name}.")
    if args.count is not None or args.key is not None:
        if experiment.name != "blind-test":
            raise InputError(f"--count and --key are for blind-test; leave them out for {experiment.name}.")
        return count_answers(args)
    methods = tuple(dict.fromkeys(args.method or experiment.methods))
    for method in methods:
        method_named(method)
    choice: InitializerChoice = args.initializer or experiment.initializer
    if args.method and experiment.name == "blind-test":
        raise InputError(f"blind-test compares {' and '.join(experiment.methods)}; leave out --method.")
    if args.starts is not None and not experiment.several_starts:
        *others, last = (one.name for one in EXPERIMENTS.values() if one.several_starts)
        raise InputError(f"--starts is for {', '.join(others)} and {last}; leave it out for {experiment.name}.")
    if args.checkpoint and choice == "without":
        raise InputError(
            f"{experiment.name} runs without initializer; leave out --checkpoint or say --initializer with."
        )
    if experiment.name == "blind-test" and (choice == "both" or len(args.checkpoint or []) > 1):
        raise InputError("blind-test compares methods with or without one initializer; say which with --initializer.")
    if args.scheduler is not None and args.workers is not None:
        raise InputError("--workers is for this machine, --scheduler for a cluster with its own workers; give one.")
    require_jinja()
    variants = variants_of(methods, choice, _checkpoints(args, choice))
    cohort = _cohort(args)
    patients = args.patients or (experiment.patients if args.cohort is None else len(list(cohort.names())))
    if args.cohort is not None and patients > len(list(cohort.names())):
        raise InputError(
            f"{args.cohort.name} holds {len(list(cohort.names()))} patients, fewer than the {patients} of --patients."
        )
    preparation = preparation_fingerprint()
    study = Study(
        experiment=experiment.name,
        cohort=cohort,
        starts=args.starts or experiment.default_starts,
        size_px=args.size_px,
        prepared=(args.prepared or args.output / "prepared").absolute(),
        preparation_code=preparation,
    )
    settings = _settings(args, study)
    with sole_writer(args.output):
        log = ResultLog(args.output, settings)
        try:
            summary, files = _carry_out(args, study, patients, variants, log, settings)
        except BaseException as error:
            if log.rows:
                # `main` says it.
                error.add_note(f"{len(log.rows)} registrations are kept in {args.output}, the same command goes on")
            raise
    _print_tables(_table_console(), args.output, experiment, summary, files)
    return 0


def _carry_out(
    args: argparse.Namespace, study: Study, patients: int, variants: tuple[Variant, ...], log: ResultLog,
    settings: dict[str, Any],
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Register, then write what there is to look at; returns the summary, and the files of this experiment alone."""
    # matplotlib and the pages: a second that no other command shall wait for.
    from DeepIterRegLib.research.evaluate.blind_test import write_blind_test
    from DeepIterRegLib.research.evaluate.outputs import blind_cases, write_outputs, write_similarities

    experimenter = Experimenter(study, patients, variants, log)
    planned = experimenter.planned
    if isinstance(study.cohort, TableCohort):  # the others are left out, and no part of the bar
        planned = planned * min(patients, study.cohort.with_reference) // patients
    with _worker_pool(args) as pool, _progress(message_console(), planned) as tell:
        selection = experimenter.carry_out(pool, tell)
    rows = wanted_rows(log, study, variants, selection)
    if not rows:
        reasons = "; ".join(reason.rstrip(".") for reason in selection.left_out.values())
        raise NobodyTakesPart(f"No patient suits {study.experiment}: {reasons}.")
    shown = {
        **settings,
        "--patients": len(selection.chosen),
        "--method": list(dict.fromkeys(variant.method for variant in variants)),
        "initializer": list(dict.fromkeys(variant.initializer for variant in variants)),
    }
    summary = write_outputs(log, rows, selection, shown)
    if study.experiment == SIMILARITY:
        return summary, write_similarities(rows, args.output)
    if study.experiment != "blind-test":
        return summary, []
    cases = blind_cases(log, study, rows, selection)
    with full_disk_told(args.output):
        return summary, [write_blind_test(cases, args.output, args.first_seed).name]


def _table_console() -> Console:
    """Standard output; in a file wide enough for the table."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=FILE_COLUMNS)


def _cohort(args: argparse.Namespace) -> Cohort:
    is_table = args.cohort is not None and (args.cohort.is_file() or args.cohort.suffix.lower() in TABLE_SUFFIXES)
    if args.reference_direction is not None and not is_table:
        raise InputError("--reference-direction is for the reference transforms of a table; give one with --cohort.")
    if args.cohort is None:
        for option, path in (("--arteries", args.arteries), ("--skull", args.skull)):
            if path is not None and not path.exists():
                raise InputError(f"{path.name or path} does not exist; give an existing file or folder with {option}.")
        from DeepIterRegLib.research.simulate.patient import PatientOptions

        options = PatientOptions(
            arteries=args.arteries and args.arteries.absolute(),
            skull=args.skull and args.skull.absolute(),
            difficulty=args.difficulty,
            disturbances=tuple(args.disturb or ()),
        )
        return SimulatedCohort(args.first_seed, options, args.segmentations, args.stored, args.skull_share)
    for option, given in (
        ("--first-seed", args.first_seed != 0),
        ("--segmentations", args.segmentations != "own"),
        ("--arteries", args.arteries is not None),
        ("--skull", args.skull is not None),
        ("--skull-share", args.skull_share != 1),
        ("--stored", args.stored != "raw"),
        ("--difficulty", args.difficulty != "calibrated"),
        ("--disturb", args.disturb is not None),
    ):
        if given:
            raise InputError(f"{option} is for generated patients; leave it out, or --cohort.")
    return TableCohort.of(args.cohort, args.reference_direction) if is_table else cohort_in(args.cohort)


def _share(text: str) -> float:
    """An option's number from 0 to 1; argparse turns the error into a sentence that names the option."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _checkpoints(args: argparse.Namespace, choice: InitializerChoice) -> list[NamedCheckpoint]:
    """Raises InputError before minutes of work for a checkpoint that cannot be used."""
    if choice == "without":
        return []
    return [NamedCheckpoint.of(path) for path in args.checkpoint or [DEFAULT_CHECKPOINT]]


def _settings(args: argparse.Namespace, study: Study) -> dict[str, Any]:
    """What must be the same when an experiment goes on: all but how many patients, which methods and checkpoints, and
    where. A checkpoint is in the rows' keys instead, by its SHA-256."""
    cohort = study.cohort
    of_cohort: dict[str, Any] = (
        {"--cohort": str(cohort.table), "--reference-direction": cohort.direction}
        if isinstance(cohort, TableCohort)
        else {"--cohort": str(args.cohort.absolute())}
        if not isinstance(cohort, SimulatedCohort)
        else {
            "--first-seed": args.first_seed,
            "--segmentations": args.segmentations,
            "--arteries": args.arteries and str(args.arteries.absolute()),
            "--skull": args.skull and str(args.skull.absolute()),
            "--skull-share": args.skull_share,
            "--stored": args.stored,
            "--difficulty": args.difficulty,
            "--disturb": sorted(args.disturb or ()),
        }
    )
    starts = {"--starts": study.starts} if experiment_named(study.experiment).several_starts else {}
    return {
        "experiment": study.experiment,
        **of_cohort,
        **starts,
        "--size-px": study.size_px,
        CODE: f"{study.preparation_code} {code_fingerprint(*REGISTERING)}",
    }


def _worker_pool(args: argparse.Namespace) -> AbstractContextManager[WorkerPool]:
    return local_pool(args.workers) if args.scheduler is None else dask_pool(args.scheduler, *WORKERS)


@contextmanager
def _progress(console: Console, planned: int) -> Iterator[Any]:
    """A function of each new row, which shows how far the experiment is."""
    done, successes = 0, 0
    troubles: set[tuple[str, str]] = set()

    def count(row: Row) -> str:
        nonlocal done, successes
        done, successes = done + 1, successes + row.success
        return f"{successes} of {done} succeeded ({successes / done:.0%})"

    def trouble(row: Row) -> str:
        """What is wrong with the patient, the first time that it is known."""
        new = row.error and (row.patient, row.error) not in troubles
        troubles.add((row.patient, row.error))
        return f"{row.patient}: {row.error}" if new else ""

    with counting_display(console, "Registrations", planned, "preparing the first patients") as tell:
        yield lambda row: tell(count(row), trouble(row))


def _print_tables(
    console: Console, output: Path, experiment: Experiment, summary: dict[str, Any], own_files: list[str]
) -> None:
    table = Table(
        "method", "successes", "95 %", "MPE mm, all", "of successes", "median", "seconds",
        title=f"{experiment.name}: {experiment.description}", box=SIMPLE,
    )  # fmt: skip
    for method in summary["experiments"][0]["methods"]:
        rate, errors = method["success_rate"], method["errors"]
        start, final = errors["mpe_start_mm"], errors["mpe_final_mm"]
        table.add_row(
            method["label"],
            f"{method['successes']} of {method['registrations']}, {rate['value']:.0%}",
            "" if rate["low"] is None else f"{rate['low']:.0%} to {rate['high']:.0%}",
            *(
                f"{_number(start[which]['mean'])} → {_number(final[which]['mean'])}" if final[which]["count"] else ""
                for which in ("all", "successes")
            ),
            _number(final["successes"]["median"]),
            _number(errors["seconds"]["all"]["median"]),
        )
    console.print(table)
    for method in summary["experiments"][0]["methods"]:
        found = method["capture_range"]["px"]
        if found is not None:
            value = f"beyond {found['tried_up_to']:.0f}" if found["value"] is None else f"{found['value']:.1f}"
            console.print(f"Capture range of {method['label']}: {value} px")
    for method in summary["experiments"][0]["methods"]:
        if found := method["initialized"]:
            near = ", ".join(f"{one['value']:.0%} below {one['below_px']:g}" for one in found["near"])
            median, mean, most = (_number(found[name]) for name in ("median", "mean", "percentile95"))
            console.print(
                f"Initializer of {method['label']}: median {median} px, mean {mean}, 95th percentile {most}; {near}"
            )
    if observers := summary["observers"]:
        console.print(
            f"Second reader against the first, {observers['patients']} patients: mean MPE"
            f" {_number(observers['mpe_mm']['mean'])} mm; "
            + ", ".join(f"{of['label']} {_number(of['mpe_first_mm']['mean'])} mm" for of in observers["methods"])
        )
    cohort = summary["cohort"]
    seconds, peak = cohort["costs"]["generate_seconds"], cohort["costs"]["peak_mb"]
    if seconds["median"] is not None:
        console.print(
            f"Patients: {seconds['median']:.1f} CPU seconds to generate or read (at most {seconds['largest']:.1f}), "
            f"{cohort['costs']['prepare_seconds']['median']:.1f} to prepare"
            + ("" if peak["largest"] is None else f"; at most {peak['largest'] / 1000:.1f} GB of memory")
        )
    for one in cohort["left_out"]:
        console.print(f"Left out: {one['patient']}: {one['reason']}", markup=False, soft_wrap=True)
    for one in cohort["not_prepared"]:
        console.print(f"Failed: {one['patient']}: {one['error']}", markup=False, soft_wrap=True)
    from DeepIterRegLib.research.evaluate.outputs import PAGE_FILE, SUMMARY_FILE

    console.print(f"In {output}: {', '.join([ROWS_FILE, SUMMARY_FILE, PAGE_FILE, *own_files])}", soft_wrap=True)


def _number(estimate: dict[str, float | None]) -> str:
    value = estimate["value"]
    return "" if value is None or not math.isfinite(value) else f"{value:.2f}"
