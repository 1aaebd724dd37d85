"""An output folder gets all of its files or none, whatever happens in between."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.interrupts import POLITE_ENDS, ended_as_by_ctrl_c
from DeepIterRegLib.common.staged_output import staged_output

NAMES = ("a.txt", "deep/b.txt")


def write_both(folder: Path, text: str) -> None:
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def everything_below(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_files_arrive_together_and_replace_their_predecessors(tmp_path):
    output = tmp_path / "new" / "output"
    for text in ("first", "second"):
        with staged_output(output, NAMES) as folder:
            write_both(folder, text)
        assert everything_below(tmp_path) == {f"new/output/{name}": text for name in NAMES}


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with staged_output(tmp_path, NAMES) as folder:
        write_both(folder, "new")
    assert everything_below(tmp_path)["notes.txt"] == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), SystemExit(3)])
def test_nothing_is_left_of_a_block_that_fails(tmp_path, error):
    def write_and_fail(output: Path) -> None:
        with staged_output(output, NAMES) as folder:
            write_both(folder, "new")
            raise error

    write_both(tmp_path, "old")
    before = everything_below(tmp_path)
    for output in (tmp_path, tmp_path / "not" / "there"):
        with pytest.raises(type(error)):
            write_and_fail(output)
        assert everything_below(tmp_path) == before
        assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("existing", [True, False])
def test_a_move_that_fails_half_way_is_undone(tmp_path, monkeypatch, existing):
    output = tmp_path / "output"
    if existing:
        write_both(output, "old")
    before = everything_below(tmp_path)
    rename = os.replace

    def fail_on_the_second(source, target):
        if Path(source).name == "b.txt" and "previous" not in Path(source).parts:
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "replace", fail_on_the_second)
    with pytest.raises(OSError, match="No space"), staged_output(output, NAMES) as folder:
        write_both(folder, "new")
    assert everything_below(tmp_path) == before
    assert output.exists() == existing


def test_a_file_in_the_way_is_told_before_any_work(tmp_path):
    (tmp_path / "output").write_text("I am a file")
    for output in (tmp_path / "output", tmp_path / "output" / "below"):
        with (
            pytest.raises(InputError, match=r"output is not a folder; .*output folder"),
            staged_output(output, NAMES),
        ):
            pytest.fail("the block ran")
    (tmp_path / "folder" / "a.txt").mkdir(parents=True)
    with pytest.raises(InputError, match=r"a\.txt .* is a folder"), staged_output(tmp_path / "folder", NAMES):
        pytest.fail("the block ran")


def test_ctrl_c_while_the_files_are_moved_comes_too_late(tmp_path, monkeypatch):
    rename = os.replace

    def interrupted(source, target):
        signal.raise_signal(signal.SIGINT)
        rename(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with staged_output(tmp_path, NAMES) as folder:
        write_both(folder, "new")
    assert everything_below(tmp_path) == dict.fromkeys(NAMES, "new")
    assert not list(tmp_path.glob(".deepiterreg-*"))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", POLITE_ENDS)
def test_other_signals_that_end_a_process_leave_nothing_either(tmp_path, number):
    def write_and_end() -> None:
        with ended_as_by_ctrl_c(), staged_output(tmp_path, NAMES) as folder:
            write_both(folder, "new")
            signal.raise_signal(number)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        write_and_end()
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) == before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_hangup_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_as_by_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
