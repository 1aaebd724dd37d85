"""The `deepiterreg` command: parses, runs one subcommand, turns what goes wrong into a sentence and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from DeepIterRegLib import __version__
from DeepIterRegLib.cli.option_names import OPTION_NAMES
from DeepIterRegLib.common.errors import InputError, RegistrationCancelled
from DeepIterRegLib.common.interrupts import ended_as_by_ctrl_c
from DeepIterRegLib.common.quiet import quiet_command
from DeepIterRegLib.common.threads import one_blas_thread_from_the_start

RESEARCH_ROOM = "DeepIterRegLib.research.commands"
RESEARCH_COMMANDS = ("demo", "simulate", "evaluate", "train", "benchmark")
"""By name: nothing of the product imports what is made for research."""
OTHER_COMMANDS = ("DeepIterRegLib.cli.cohort", *(f"{RESEARCH_ROOM}.{name}" for name in RESEARCH_COMMANDS))

CLINIC = (["register"], ["overlay"], ["inspect"], ["presets"], ["working-angle"])
"""First words of the commands that need no module made for research."""

EXIT_FAILED, EXIT_BAD_INPUT, EXIT_CANCELLED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0: done. 1: failed for a reason that is not the input. 2: bad input or options, one sentence on stderr, nothing
    written. 130: cancelled by Ctrl-C or another signal that asks to end, nothing written.

    argv: without it the command is the whole process, which ends here where it has failed, for threads that still read
    or segment are not waited for.
    """
    one_blas_thread_from_the_start()
    code = _exit_code_of(list(sys.argv[1:] if argv is None else argv))
    if argv is None and code != 0:
        # Python's own way out waits for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _exit_code_of(words: list[str]) -> int:
    debug = "--debug" in words  # wherever it stands: one adds it to the end of what went wrong
    try:
        with ended_as_by_ctrl_c():
            return _run(words, debug)
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    except InputError as error:
        written = _written(error, otherwise="")
        _say(f"error: {error.told(OPTION_NAMES)}" + (f" ({written})" if written else ""), debug)
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, RegistrationCancelled) as end:
        _say(f"cancelled, {_written(end)}", debug)
        return EXIT_CANCELLED
    except BrokenPipeError:  # whoever reads what we print has seen enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        _say(f"error: {_one_line(error)} ({_written(error)}; --debug shows where)", debug)
        return EXIT_FAILED


def _run(words: list[str], debug: bool) -> int:
    words = [word for word in words if word != "--debug"]
    args = build_parser(for_clinic=words[:1] in CLINIC).parse_args(words)
    with quiet_command(not debug):
        return int(args.run(args))


def build_parser(for_clinic: bool = False) -> argparse.ArgumentParser:
    """The parser with every subcommand; each sets `run`, a function of the parsed arguments that returns 0.

    for_clinic: with what clinicians wait for alone; the others load half a second of modules.
    """
    # These load numpy, SciPy and SimpleITK: seconds, in which Ctrl-C shall not show a traceback.
    from DeepIterRegLib.cli import inspect, overlay, presets, register, working_angle

    others = [] if for_clinic else [import_module(name) for name in OTHER_COMMANDS]

    parser = _Parser(
        prog="deepiterreg",
        description="Registers a 3D CT angiogram (CTA) to 2D digital subtraction angiograms (DSA).",
        epilog="Exit codes: 0 done, 1 failed, 2 bad input (one sentence on stderr), 130 cancelled; unless it is 0, "
        "nothing has been written, or what it says. For research, not for clinical decisions.",
    )
    parser.add_argument("--version", action="version", version=f"deepiterreg {__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python's traceback and what the libraries print")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for command in (register, overlay, inspect, working_angle, presets, *others):
        command.add_command(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is raised like every other bad input instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise InputError(
            "{problem}; see {command} --help.", problem=f"{message[:1].upper()}{message[1:]}", command=self.prog
        )


def _say(sentence: str, debug: bool) -> None:
    print(f"deepiterreg: {sentence}", file=sys.stderr)
    if debug:
        traceback.print_exc()


def _written(error: BaseException, otherwise: str = "nothing written") -> str:
    """What a command that does one thing after the other has finished: it says so in a note on the error."""
    return "; ".join(getattr(error, "__notes__", [])) or otherwise


def _one_line(error: Exception) -> str:
    first_line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
