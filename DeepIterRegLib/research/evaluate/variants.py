"""The columns of the tables: methods without the initializer, with it, with several checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.initializer.predictor import load_network
from DeepIterRegLib.research.evaluate.methods import method_named
from DeepIterRegLib.research.evaluate.results import NO_INITIALIZER

InitializerChoice = Literal["without", "with", "both"]
SHOWN_DIGITS = 8
"""Of a checkpoint's SHA-256, in its name."""


@dataclass(frozen=True)
class NamedCheckpoint:
    """A checkpoint as tables call it. Other weights have another name, so no table takes one's rows for another's."""

    name: str
    path: Path
    """Absolute; the same on every worker."""

    @classmethod
    def of(cls, path: Path) -> NamedCheckpoint:
        """Raises CheckpointError for a checkpoint that cannot be used: an experiment does not go on without."""
        network = load_network(path)
        return cls(f"{network.name}-{network.sha256[:SHOWN_DIGITS]}", path.absolute())


@dataclass(frozen=True)
class Variant:
    """A method, and the checkpoint that corrects its starts."""

    method: str
    checkpoint: NamedCheckpoint | None = None

    @property
    def initializer(self) -> str:
        """As in the column of results.csv."""
        return self.checkpoint.name if self.checkpoint else NO_INITIALIZER

    @property
    def checkpoint_path(self) -> Path | None:
        return self.checkpoint.path if self.checkpoint else None


def variants_of(
    methods: Sequence[str], choice: InitializerChoice, checkpoints: Sequence[NamedCheckpoint]
) -> tuple[Variant, ...]:
    """Each method without, then with each checkpoint, as `choice` says; what needs one only with.

    Raises InputError for a method that there is not, and for one that needs a checkpoint where there shall be none.
    """
    with_them = [one for number, one in enumerate(checkpoints) if one.name not in _names(checkpoints[:number])]
    variants = []
    for method in methods:
        needs_it = method_named(method).needs_initializer
        if needs_it and choice == "without":
            raise InputError(
                "{method} is about the initializer; let it use one, or leave out this method.", method=method
            )
        if choice != "with" and not needs_it:
            variants.append(Variant(method))
        if choice != "without":
            variants += [Variant(method, checkpoint) for checkpoint in with_them]
    return tuple(variants)


def _names(checkpoints: Sequence[NamedCheckpoint]) -> set[str]:
    return {checkpoint.name for checkpoint in checkpoints}
