"""Tasks for the workers of an experiment: a process that does one of them imports hardly anything."""

from __future__ import annotations

import os
from pathlib import Path

from DeepIterRegLib.common.errors import InputError


def die_until(journal: Path, attempt: int) -> str:
    """A task that ends its process, as often as it takes to be at that attempt."""
    journal.mkdir(exist_ok=True)
    number = len(list(journal.iterdir())) + 1
    (journal / str(number)).touch()
    if number < attempt:
        os._exit(9)
    return f"done at attempt {number}"


def out_of_memory(journal: Path) -> None:
    """A task that needs more memory than there is, and says so."""
    with journal.open("a") as file:
        file.write("tried ")
    raise MemoryError


def refuse(sentence: str) -> None:
    """A task that its input does not suit."""
    raise InputError(sentence)
