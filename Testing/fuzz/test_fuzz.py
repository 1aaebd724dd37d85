"""A short campaign, what longer ones found, and that a campaign notices faults."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from Testing.fuzz import campaign, reading
from Testing.fuzz.campaign import run_campaign, smallest, table
from Testing.fuzz.damage import Damage, damage_of
from Testing.fuzz.found import FOUND
from Testing.fuzz.originals import original_of, originals
from Testing.fuzz.reading import READ, REFUSED, ending_of
from Testing.support.paths import ROOT

needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and /proc are Linux's")

STANDS_IN = """
import json, os, signal, sys, time
for line in sys.stdin:
    case = json.loads(line)
    if case == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if case == 5:
        time.sleep(60)
    if case == 8:
        held = bytearray(160 << 20)
        held[::4096] = b"1" * len(held[::4096])
        time.sleep(60)
    if case == 12:
        import atexit
        atexit.register(os.write, 2, b"infinite loop closing library")
    ending = {"kind": "KeyError" if case == 7 else "read", "where": "", "text": ""}
    print(json.dumps({"ending": ending, "seconds": 0.0, "memory": 0}), flush=True)
"""


@needs_linux
def test_damaged_files_are_read_or_refused() -> None:
    done = run_campaign(range(80), seed=1)
    assert not done.faults, table(done)
    assert sum(count.refused for count in done.counts.values()) > 25
    assert sum(count.read for count in done.counts.values()) > 4


@pytest.mark.parametrize("damage", FOUND, ids=[f"{number} {damage.original}" for number, damage in enumerate(FOUND)])
def test_what_was_a_fault_is_none_any_more(damage: Damage, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    original = original_of(damage.original)
    for name, content in original.files.items():
        damaged = damage.applied_to(content) if name == damage.file else content
        (tmp_path / name).write_bytes(damaged)
    entry = tmp_path if original.entry == "." else tmp_path / original.entry
    ending = ending_of(original.what, entry)
    assert ending.kind in (READ, REFUSED), ending
    assert not recwarn.list


def test_the_same_seed_damages_the_same_files_whichever_process_does_it() -> None:
    code = (
        "from Testing.fuzz.damage import damage_of; from Testing.fuzz.originals import originals;"
        "print([damage_of(originals(), n, 4) for n in range(40)])"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    here = [damage_of(originals(), number, 4) for number in range(40)]
    assert told.stdout.strip() == repr(here)
    assert damage_of(originals(), 3, 5) != here[3]
    assert len({damage.original for damage in here}) > 12


def test_every_damage_changes_its_file() -> None:
    same = 0
    for number in range(300):
        damage = damage_of(originals(), number, 2)
        content = original_of(damage.original).files[damage.file]
        same += damage.applied_to(content) == content
    assert same < 6, "a word may be replaced by itself, but seldom"


@needs_linux
def test_crash_time_memory_exception_and_last_words_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "SECONDS", 3.0)
    monkeypatch.setattr(campaign, "MOST_MEMORY", 80 << 20)
    monkeypatch.setattr(campaign, "LOOK_EVERY_S", 0.05)
    done = run_campaign(range(14), seed=0, worker=("-c", STANDS_IN))
    found = {result.case: result.ending.kind for result in done.faults}
    assert found == {3: "crash", 5: "time", 7: "KeyError", 8: "memory", 12: "printed at exit"}
    assert sum(count.read for count in done.counts.values()) == 9
    assert "printed at exit" in table(done)


def test_an_exception_that_is_no_sentence_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from DeepIterRegLib.common.errors import InputError

    path = tmp_path / "x"
    for error, kind in (
        (KeyError("x"), "KeyError"),
        (MemoryError(), "memory"),
        (InputError("{file} is bad.", file="a"), REFUSED),
        (InputError("\x1b[31mred"), "sentence"),
        (InputError("9" * 5000), "sentence"),
    ):

        def fail(what: str, path: Path, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(reading, "read", fail)
        assert ending_of("run", path).kind == kind


def test_edits_that_a_fault_does_not_need_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = (2, 1, b"x")
    damage = Damage("C-arm plane", "carm.json", ((0, 1, b"a"), needed, (9, 0, b"b")))

    def run(cases: list[Damage], seed: int) -> list[campaign.Result]:
        kind = "KeyError" if needed in cases[0].edits else READ
        return [campaign.Result(cases[0], reading.Ending(kind))]

    monkeypatch.setattr(campaign, "_run", run)
    assert smallest(damage, 0) == replace(damage, edits=(needed,))
