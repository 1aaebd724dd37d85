"""The process that reads damaged files: `python -m Testing.fuzz.worker SEED`.

Numbers of cases come in on standard input, one a line; for each a line of JSON goes out. What the libraries print goes
into the file that standard error is.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from Testing.fuzz.damage import Damage, damage_of
from Testing.fuzz.originals import originals
from Testing.fuzz.reading import READ, Ending, ending_of

GIB = 1 << 30
ADDRESSES = 16 * GIB
"""Address space that a worker may ask for: what is asked for and not used costs nothing, and a DICOM element of 4 GB
that is not there is read that way. Beyond it, it is a fault like memory that is used."""


def main(seed: int) -> None:
    """Read the cases whose numbers, or whose damages as JSON, come in."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    every = originals()
    with tempfile.TemporaryDirectory() as name:
        folders = {}
        for index, original in enumerate(every):
            folders[original.name] = Path(name) / str(index)
            _fill(folders[original.name], original.files)
            undamaged = ending_of(original.what, _entry(folders[original.name], original.entry))
            assert undamaged.kind == READ, f"{original.name} is not read undamaged: {undamaged}"
        limit_addresses()
        for line in sys.stdin:
            case = json.loads(line)
            damage = damage_of(every, case, seed) if isinstance(case, int) else damage_from_json(case)
            ending, seconds, memory = read_damaged(folders, damage)
            reply = {"ending": asdict(ending), "seconds": seconds, "memory": memory}
            replies.write(json.dumps(reply) + "\n")
    replies.close()


def read_damaged(folders: dict[str, Path], damage: Damage) -> tuple[Ending, float, int]:
    """How reading ended, the seconds it took, and the most bytes of memory it had beyond what there was before."""
    original = next(o for o in originals() if o.name == damage.original)
    folder = folders[original.name]
    damaged = folder / damage.file
    damaged.write_bytes(damage.applied_to(original.files[damage.file]))
    before, children_before = _reset_peak(), peak_of_children()
    printed = _printed()
    start = time.perf_counter()
    ending = ending_of(original.what, _entry(folder, original.entry))
    seconds = time.perf_counter() - start
    children = peak_of_children()
    memory = max(memory_in_use(os.getpid(), "VmHWM") - before, children if children > children_before else 0, 0)
    if _printed() > printed and ending.kind in ("read", "refused"):
        ending = Ending("printed", original.name, f"{_printed() - printed} bytes")
    if {path.name for path in folder.iterdir()} != set(original.files):
        shutil.rmtree(folder)
        ending = Ending("left a file behind", original.name)
    _fill(folder, {damage.file: original.files[damage.file]})
    return ending, seconds, memory


def damage_from_json(content: dict) -> Damage:
    edits = tuple((offset, removed, bytes.fromhex(text)) for offset, removed, text in content["edits"])
    return Damage(content["original"], content["file"], edits, content["unpacked"])


def damage_to_json(damage: Damage) -> dict:
    return {**asdict(damage), "edits": [[o, n, inserted.hex()] for o, n, inserted in damage.edits]}


def limit_addresses() -> None:
    """For this process and those that it starts; nothing on a system without such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


def peak_of_children() -> int:
    """Bytes of the largest process that this one has started and seen the end of."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _fill(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _entry(folder: Path, entry: str) -> Path:
    return folder if entry == "." else folder / entry


def memory_in_use(process: int, field: str = "VmRSS") -> int:
    """Bytes, from /proc; 0 where there is none."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), 0)


def _reset_peak() -> int:
    """Let the peak begin anew; returns what is in use."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return memory_in_use(os.getpid())


def _printed() -> int:
    try:
        return os.fstat(2).st_size
    except OSError:
        return 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
