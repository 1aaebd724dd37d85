"""Runs workers over many cases, starts another one after a crash, and counts what happened."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from Testing.fuzz.damage import Damage, damage_of
from Testing.fuzz.originals import originals
from Testing.fuzz.reading import READ, REFUSED, Ending
from Testing.fuzz.worker import GIB, damage_to_json, memory_in_use
from Testing.support.paths import ROOT

SECONDS, MOST_MEMORY = 20.0, 2 * GIB
"""What the reading of one file may take: seconds, and bytes of the process that reads."""
LOOK_EVERY_S = 0.1
"""At what a worker takes."""
START_SECONDS = 120.0
"""For a worker to load the libraries and make the files."""
CASES_PER_WORKER = 200
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1",
}

WORKER = ("-m", "Testing.fuzz.worker")

Case = int | Damage
"""The number of a case, or the damage itself."""


@dataclass(frozen=True)
class Result:
    """What became of one damaged file."""

    case: Case
    ending: Ending
    seconds: float = 0.0
    memory: int = 0
    """Bytes at the peak, beyond what there was before; 0 where the system does not tell."""

    @property
    def is_fault(self) -> bool:
        return self.ending.kind not in (READ, REFUSED)


@dataclass
class Count:
    """What became of the damaged files of one original."""

    read: int = 0
    refused: int = 0
    faults: int = 0
    seconds: float = 0.0
    """The longest."""
    memory: int = 0
    """The most, in bytes."""

    def add(self, result: Result) -> None:
        self.read += result.ending.kind == READ
        self.refused += result.ending.kind == REFUSED
        self.faults += result.is_fault
        self.seconds = max(self.seconds, result.seconds)
        self.memory = max(self.memory, result.memory)


@dataclass
class Campaign:
    """Counts by original, and the faults."""

    seed: int
    counts: dict[str, Count] = field(default_factory=dict)
    faults: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.counts.setdefault(self.damage(result.case).original, Count()).add(result)
        if result.is_fault:
            self.faults.append(result)

    def damage(self, case: Case) -> Damage:
        return case if isinstance(case, Damage) else damage_of(originals(), case, self.seed)

    def faults_by_kind(self) -> list[tuple[Ending, list[Result]]]:
        """Faults of the same kind at the same place, the most frequent first."""
        groups: dict[tuple[str, str], list[Result]] = {}
        for result in self.faults:
            groups.setdefault((result.ending.kind, result.ending.where), []).append(result)
        return [(found[0].ending, found) for found in sorted(groups.values(), key=len, reverse=True)]


def run_campaign(
    cases: Sequence[Case],
    seed: int,
    jobs: int = 1,
    tell: Callable[[int], None] = lambda done: None,
    worker: Sequence[str] = WORKER,
) -> Campaign:
    """Read every case in workers. The same cases and seed end the same way, whatever the number of jobs.

    tell: called with the number of cases that are done. worker: the arguments of Python that start one.
    """
    campaign = Campaign(seed)
    pieces = [cases[start : start + CASES_PER_WORKER] for start in range(0, len(cases), CASES_PER_WORKER)]
    done = 0
    with ThreadPoolExecutor(jobs) as pool:
        for results in pool.map(lambda piece: list(_run(piece, seed, worker)), pieces):
            for result in results:
                campaign.add(result)
            done += len(results)
            tell(done)
    return campaign


def smallest(case: Case, seed: int) -> Damage:
    """The damage with the edits left out without which the same fault happens."""
    damage = case if isinstance(case, Damage) else damage_of(originals(), case, seed)
    wanted = next(iter(_run([damage], seed))).ending
    index = 0
    while index < len(damage.edits) and len(damage.edits) > 1:
        less = damage.without(index)
        ending = next(iter(_run([less], seed))).ending
        if (ending.kind, ending.where) == (wanted.kind, wanted.where):
            damage = less
        else:
            index += 1
    return damage


def _run(cases: Sequence[Case], seed: int, worker: Sequence[str] = WORKER) -> Iterator[Result]:
    """The cases' results, in their order; another worker goes on where one ended."""
    left = list(cases)
    while left:
        results, printed = _run_one_worker(left, seed, worker)
        if printed and len(results) == len(left):
            results = _with_the_one_that_prints(results, printed, seed, worker)
        yield from results
        left = left[len(results) :]


def _with_the_one_that_prints(results: list[Result], printed: str, seed: int, worker: Sequence[str]) -> list[Result]:
    """Of results after which a worker printed something as it ended: those that make it do so are faults."""
    if len(results) == 1:
        result = results[0]
        if result.is_fault:
            return results
        return [Result(result.case, Ending("printed at exit", "", printed), result.seconds, result.memory)]
    found: list[Result] = []
    middle = len(results) // 2
    for half in (results[:middle], results[middle:]):
        again, text = _run_one_worker([result.case for result in half], seed, worker)
        found += _with_the_one_that_prints(half, text, seed, worker) if text and len(again) == len(half) else half
    return found


def _run_one_worker(cases: Sequence[Case], seed: int, worker: Sequence[str]) -> tuple[list[Result], str]:
    """The results up to the end or to a crash, and what the worker printed when it ended by itself."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *worker, str(seed)],
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        results: list[Result] = []
        try:
            limit = START_SECONDS
            replies = _Lines(process)
            for case in cases:
                try:
                    process.stdin.write(json.dumps(case if isinstance(case, int) else damage_to_json(case)).encode())
                    process.stdin.write(b"\n")
                    process.stdin.flush()
                    reply = replies.next_line(limit)
                except (TimeoutError, MemoryError, BrokenPipeError, EOFError) as end:
                    results.append(_ended_badly(case, end, process, log, started=limit == SECONDS))
                    return results, ""
                limit = SECONDS
                answer = json.loads(reply)
                ending = Ending(**answer["ending"])
                if answer["memory"] > MOST_MEMORY:
                    ending = Ending("memory", "", f"{answer['memory'] / GIB:.1f} GiB")
                results.append(Result(case, ending, answer["seconds"], answer["memory"]))
            at_end = log.seek(0, os.SEEK_END)
            process.stdin.close()
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                return results, "does not end"
            log.seek(at_end)
            said = log.read().decode(errors="replace").strip()
            return results, said or (f"exit code {code}" if code else "")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def _ended_badly(case: Case, end: Exception, process: subprocess.Popen, log: IO[bytes], started: bool) -> Result:
    if isinstance(end, TimeoutError):
        return Result(case, Ending("time", "", f"more than {SECONDS:g} s"), SECONDS)
    if isinstance(end, MemoryError):
        return Result(case, Ending("memory", "", str(end)), memory=MOST_MEMORY)
    code = process.wait()
    log.seek(0)
    said = log.read().decode(errors="replace").strip()
    if not started and code > 0:
        raise RuntimeError(f"The worker of the fuzz test cannot start:\n{said}")
    return Result(case, Ending("crash", "", f"exit code {code}: {said[-300:]}"))


class _Lines:
    """Lines of a worker, with a limit to the time and the memory that one may take."""

    def __init__(self, worker: subprocess.Popen) -> None:
        assert worker.stdout is not None
        self._pipe = worker.stdout
        self._process = worker.pid
        self._held = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def next_line(self, seconds: float) -> bytes:
        """Raises TimeoutError, MemoryError, and EOFError at the pipe's end."""
        until = time.monotonic() + seconds
        while b"\n" not in self._held:
            if not self._selector.select(LOOK_EVERY_S):
                if time.monotonic() > until:
                    raise TimeoutError
                if (used := memory_in_use(self._process)) > MOST_MEMORY:
                    raise MemoryError(f"{used / GIB:.1f} GiB")
                continue
            more = os.read(self._pipe.fileno(), 65536)
            if not more:
                raise EOFError
            self._held += more
        line, self._held = self._held.split(b"\n", 1)
        return line


def table(campaign: Campaign) -> str:
    """Counts, longest time and most memory of every original, and the faults by kind."""
    lines = [f"{'file':26}{'read':>7}{'refused':>9}{'faults':>8}{'longest s':>11}{'most MB':>9}"]
    order = [original.name for original in originals() if original.name in campaign.counts]
    total = Count()
    for name in order:
        count = campaign.counts[name]
        lines.append(_row(name, count))
        total = Count(
            total.read + count.read, total.refused + count.refused, total.faults + count.faults,
            max(total.seconds, count.seconds), max(total.memory, count.memory),
        )  # fmt: skip
    lines.append(_row("all", total))
    kinds = Counter({(e.kind, e.where): len(found) for e, found in campaign.faults_by_kind()})
    if kinds:
        lines += ["", "faults by kind"]
    lines += [f"{number:5}  {kind} in {where or 'a library'}" for (kind, where), number in kinds.most_common()]
    return "\n".join(lines)


def _row(name: str, count: Count) -> str:
    megabytes = count.memory / 1e6
    return f"{name:26}{count.read:7}{count.refused:9}{count.faults:8}{count.seconds:11.2f}{megabytes:9.0f}"


def in_detail(campaign: Campaign, minimised: bool, most: int = 3) -> Iterable[str]:
    """What was done to the files of each kind of fault, a few of them."""
    for ending, found in campaign.faults_by_kind():
        yield f"\n{ending.kind} in {ending.where or 'a library'}: {len(found)} times"
        for result in found[:most]:
            damage = smallest(result.case, campaign.seed) if minimised else campaign.damage(result.case)
            yield f"  case {result.case}: {result.ending.text[-300:]!r}"
            yield f"    {_as_code(damage)}"


def _as_code(damage: Damage) -> str:
    unpacked = ", unpacked=True" if damage.unpacked else ""
    return f"Damage({damage.original!r}, {damage.file!r}, {damage.edits!r}{unpacked})"


def save_faults(campaign: Campaign, path: Path) -> None:
    """The damaged files themselves, to look at."""
    path.mkdir(parents=True, exist_ok=True)
    for number, result in enumerate(campaign.faults):
        damage = campaign.damage(result.case)
        original: Any = next(o for o in originals() if o.name == damage.original)
        (path / f"{number}_{damage.file}").write_bytes(damage.applied_to(original.files[damage.file]))
