"""One command at a time writes into an output folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.sole_writer import sole_writer
from Testing.support.paths import ROOT

HOLD = """
import sys, time
from pathlib import Path
from DeepIterRegLib.common.sole_writer import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1000)
"""


def test_another_command_is_kept_out_until_the_first_has_ended_however_it_ends(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=r"^Another command is writing into out; "), sole_writer(folder):
            pass
    finally:
        first.kill()
        first.communicate()
    with sole_writer(folder), pytest.raises(InputError, match="Another command"), sole_writer(folder):
        pass
    with sole_writer(folder):
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"^The output folder out cannot be written \(Not a directory\)"):  # noqa: SIM117
        with sole_writer(tmp_path / "file" / "out"):
            pass
