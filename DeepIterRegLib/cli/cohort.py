"""`deepiterreg cohort`: a table of patients in; every pose, results.csv and a page for quality control out."""

from __future__ import annotations

import argparse
import csv
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, get_args

from rich.console import Console

from DeepIterRegLib import __version__
from DeepIterRegLib.cli.numbers import finite_number
from DeepIterRegLib.cli.options import add_method_options, count_of_at_least, options_of, output_folder
from DeepIterRegLib.cli.progress import counting_display
from DeepIterRegLib.cli.register import message_console, require_slicer_core
from DeepIterRegLib.cohort.log import CohortLog
from DeepIterRegLib.cohort.marks import MARKS_FILE, Mark, fitting, merged, read_marks, write_marks
from DeepIterRegLib.cohort.page import PAGE_FILE, write_page
from DeepIterRegLib.cohort.patient_result import DONE, PatientResult, Status
from DeepIterRegLib.cohort.results import JSON_FILE, RESULTS_FILE, read_results, write_json, write_results
from DeepIterRegLib.cohort.run import CODE, Cohort, Tell, outcomes, register_cohort
from DeepIterRegLib.cohort.table import read_table
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.page_templates import require_jinja
from DeepIterRegLib.common.sole_writer import sole_writer
from DeepIterRegLib.common.spreadsheet import without_formula
from DeepIterRegLib.parallel.worker_pool import WorkerPool, local_pool

TIME_LIMIT_S = 1800.0


def add_command(commands: Any) -> None:
    """Add the subcommand to argparse's subparsers."""
    parser = commands.add_parser(
        "cohort",
        help="register all patients of a table, and look at the results on one page",
        description=f"Registers every patient of a table, in parallel, and writes {RESULTS_FILE}, {PAGE_FILE} (a page "
        "for quality control) and a folder for each patient. The same command goes on where it was interrupted. "
        "Tables, results and marks: docs/cohorts.md.",
    )
    parser.add_argument(
        "table", type=Path, nargs="?", metavar="TABLE.csv", help="a row for each patient: patient, cta, dsa, ..."
    )
    parser.add_argument("--output", type=output_folder, metavar="DIR", help="folder that receives the results")
    parser.add_argument(
        "--find",
        type=Path,
        metavar="FOLDER",
        help="instead: look for CTAs and runs in a folder, and print them as such a table",
    )
    parser.add_argument(
        "--links",
        type=output_folder,
        metavar="DIR",
        help="with --find: folder for links to the files of CTAs that share a folder with other series",
    )
    parser.add_argument(
        "--marks", type=Path, metavar="FILE", help=f"what the page saved: put it into {RESULTS_FILE}; needs no table"
    )
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--scenes", action="store_true", help="a Slicer scene for each patient, 20 to 100 MB")
    outputs.add_argument(
        "--embed", action="store_true", help="put the pictures into the page, which then needs no other file"
    )
    outputs.add_argument(
        "--json", action="store_true", help=f"write {JSON_FILE}, too (schemas/cohort_results.schema.json)"
    )
    outputs.add_argument(
        "--pseudonymise", action="store_true", help="name the patients P001, P002, ... in the table's order"
    )
    outputs.add_argument(
        "--pseudonym-key", type=Path, metavar="FILE", help="with it, write down who is who; it is kept nowhere else"
    )
    work = parser.add_argument_group("work")
    who = work.add_mutually_exclusive_group()
    who.add_argument(
        "--workers",
        type=count_of_at_least(1),
        metavar="N",
        help="processes on this machine (default: one for each processor, as far as the memory suffices)",
    )
    who.add_argument("--scheduler", metavar="ADDRESS", help="the workers of a Dask scheduler instead")
    work.add_argument(
        "--timeout",
        type=_seconds,
        default=TIME_LIMIT_S,
        metavar="SECONDS",
        help="for one patient (default: %(default)g)",
    )
    add_method_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the parsed command; returns 0 or raises."""
    if args.find is not None:
        if args.table is not None or args.output is not None:
            raise InputError("--find prints a table; leave out the table and --output, and register it afterwards.")
        return _find(args.find, args.pseudonymise, args.links)
    if args.output is None:
        raise InputError("Give the folder for the results with --output DIR.")
    require_jinja()
    if args.table is None:
        if args.marks is None:
            raise InputError("Give a table of patients, or write one: deepiterreg cohort --find FOLDER > table.csv.")
        marks = read_marks(args.marks)
        next(read_results(args.output), None)  # Where there are none, no folder is made.
        with sole_writer(args.output):
            return _only_marks(args, marks)
    if args.pseudonym_key is not None and not args.pseudonymise:
        raise InputError("--pseudonym-key says who is who; give --pseudonymise, too.")
    given = None if args.marks is None else read_marks(args.marks)
    if args.checkpoint is not None:
        args.checkpoint = args.checkpoint.absolute()  # workers elsewhere have another current folder
    options = options_of(args)
    if args.scenes:
        require_slicer_core()
    cohort = Cohort(read_table(args.table), args.table.absolute().parent, options, args.scenes, args.pseudonymise)
    if args.pseudonym_key is not None:
        _write_key(args.pseudonym_key, cohort)
    with sole_writer(args.output):
        return _register_and_write(args, cohort, given)


def _register_and_write(args: argparse.Namespace, cohort: Cohort, given: dict[str, Mark] | None) -> int:
    log = CohortLog(args.output, args.pseudonymise)
    _register(args, cohort, log)

    def read() -> Iterator[PatientResult]:
        return outcomes(cohort, log, {})

    marks = _kept_marks(args.output, given, read)
    counts = Counter(outcome.status for outcome in read())
    write_results(args.output, outcomes(cohort, log, marks))
    if args.json:
        write_json(args.output, outcomes(cohort, log, marks), _about(args))
    write_page(args.output, lambda: outcomes(cohort, log, marks), marks, args.embed)
    _print_summary(args.output, counts)
    return 0


def _register(args: argparse.Namespace, cohort: Cohort, log: CohortLog) -> None:
    kept = 0
    with _pool(args) as pool, _progress(message_console(), cohort) as show:

        def tell(outcome: PatientResult, before: bool) -> None:
            nonlocal kept
            kept += outcome.status in DONE
            show(outcome, before)

        try:
            register_cohort(cohort, log, pool, tell)
        except BaseException as error:
            # `main` says it.
            error.add_note(f"{kept} patients are kept in {args.output}, the same command goes on")
            raise


def _pool(args: argparse.Namespace) -> AbstractContextManager[WorkerPool]:
    if args.scheduler is None:
        return local_pool(args.workers, args.timeout)
    from DeepIterRegLib.parallel.dask_pool import dask_pool

    return dask_pool(args.scheduler, *CODE, time_limit_s=args.timeout)


@contextmanager
def _progress(console: Console, cohort: Cohort) -> Iterator[Tell]:
    counts: Counter[Status] = Counter()
    problems = {row.number: row.problem for row in cohort.rows if row.problem is not None}
    with counting_display(console, "Patients", len(cohort.rows), "starting") as show:

        def tell(outcome: PatientResult, before: bool) -> None:
            counts[outcome.status] += 1
            wrong = ""
            if outcome.status not in DONE and not before:
                problem = problems.get(outcome.row)
                # What is in the table, its reader may see in full.
                wrong = outcome.sentence if problem is None or cohort.pseudonymise else str(problem)
            show(_standing(counts), wrong)

        yield tell


def _standing(counts: Counter[Status]) -> str:
    return ", ".join(f"{counts[status]} {status}" for status in get_args(Status) if counts[status])


def _kept_marks(folder: Path, given: dict[str, Mark] | None, read: Any) -> dict[str, Mark]:
    """Those of the folder, with the given ones over them, as far as they are of these results; kept for the next time.

    What is left out is told on standard error.
    """
    path = folder / MARKS_FILE
    kept = read_marks(path) if path.exists() else {}
    marks, said = fitting(merged(kept, given or {}), read())
    for sentence in said:
        print(f"deepiterreg: {sentence}", file=sys.stderr)
    if given is not None or said:
        write_marks(path, marks.values())
    return marks


def _only_marks(args: argparse.Namespace, given: dict[str, Mark]) -> int:
    """Put marks into the results that are there."""
    from dataclasses import replace

    found = list(read_results(args.output))
    marks = _kept_marks(args.output, given, lambda: found)
    none = Mark("")
    marked = [
        replace(one, mark=marks.get(one.patient, none).mark, note=marks.get(one.patient, none).note) for one in found
    ]
    write_results(args.output, marked)
    if args.json:
        write_json(args.output, marked, _about(args))
    write_page(args.output, lambda: marked, marks, args.embed)
    counts = Counter(one.mark or "not marked" for one in marked)
    print(f"Marks in {args.output / RESULTS_FILE}: " + ", ".join(f"{count} {mark}" for mark, count in counts.items()))
    return 0


def _about(args: argparse.Namespace) -> dict[str, Any]:
    """Versions and options, without any path."""
    names = ("method", "similarity", "terms", "seed", "no_initializer")
    return {
        "software": {"deepiterreg": __version__, "python": platform.python_version()},
        "options": {name: getattr(args, name) for name in names} if args.table is not None else None,
        "pseudonymised": args.pseudonymise if args.table is not None else None,
    }


def _write_key(path: Path, cohort: Cohort) -> None:
    try:
        with full_disk_explained(path.parent), path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["pseudonym", "patient"])
            writer.writerows((name, without_formula(row.name)) for row, name in cohort.named_rows())
    except OSError as error:
        raise InputError(
            "{file} cannot be written ({reason}); give another file with --pseudonym-key.",
            file=path,
            reason=error.strerror,
        ) from error


def _find(folder: Path, pseudonymise: bool, links: Path | None) -> int:
    from DeepIterRegLib.cohort.find import find_patients

    found = find_patients(folder, pseudonymise, links)
    sys.stdout.write(found.table())
    for sentence in found.left_out:
        print(f"deepiterreg: {sentence}", file=sys.stderr)
    print(f"deepiterreg: {found.summary()}", file=sys.stderr)
    return 0


def _print_summary(folder: Path, counts: Counter[Status]) -> None:
    print(f"{sum(counts.values())} patients: {_standing(counts)}.")
    print(f"Results: {folder / RESULTS_FILE}; to look at them and mark them: {folder / PAGE_FILE}")


def _seconds(text: str) -> float:
    number = finite_number(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
