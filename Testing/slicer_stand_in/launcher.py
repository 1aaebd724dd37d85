"""Stands in for Slicer's launcher: loads the module from the folder that it is given, and runs Python code.

    python launcher.py --additional-module-path FOLDER --python-code CODE

Takes the options that Slicer's test macros use. Nothing of the repository can be imported but Testing, and nothing that
a new Slicer may lack (python/sitecustomize.py), here and in processes that are started from here.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
import unittest
from pathlib import Path
from types import ModuleType

TESTING = Path(__file__).resolve().parents[1]
PYTHON = Path(__file__).resolve().parent / "python"
MODULE = "DeepIterReg.py"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for flag in ("--no-splash", "--testing", "--ignore-slicerrc", "--disable-cli-modules"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--additional-module-path", dest="folders", type=Path, action="append", default=[])
    parser.add_argument("--additional-module-paths", dest="folders", type=Path, action="extend", nargs="+")
    parser.add_argument("--python-code", required=True)
    return parser.parse_args()


def run_unit_test(path: list[str], testname: str) -> None:
    """What `slicer.testing.runUnitTest` does."""
    sys.path.extend(path)
    suite = unittest.TestLoader().loadTestsFromName(testname)
    if not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful():
        raise SystemExit(1)


def hide_what_slicer_has_not() -> None:
    """After the adapter is there, which takes its fonts from matplotlib."""
    os.environ["PYTHONPATH"] = str(PYTHON)
    hidden = runpy.run_path(str(PYTHON / "sitecustomize.py"))["NOT_IN_SLICER"]
    for name in [name for name in sys.modules if name.partition(".")[0] in hidden]:
        del sys.modules[name]


def main() -> None:
    given = arguments()
    found = [folder / MODULE for folder in given.folders if (folder / MODULE).is_file()]
    if not found:
        raise SystemExit(f"Slicer finds no {MODULE} in {[str(folder) for folder in given.folders]}")
    # Python has put this script's folder first, and Slicer has the folder of each module.
    sys.path[0] = str(found[0].parent)
    testing = ModuleType("Testing")
    testing.__path__ = [str(TESTING)]
    sys.modules["Testing"] = testing
    from Testing.qt_adapter import application, open_module

    application()
    hide_what_slicer_has_not()
    slicer_testing = ModuleType("slicer.testing")
    vars(slicer_testing)["runUnitTest"] = run_unit_test
    with open_module(path=found[0]):
        import slicer

        sys.modules["slicer.testing"] = slicer.testing = slicer_testing
        exec(given.python_code, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
