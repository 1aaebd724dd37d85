"""How to register: one record for the library, the command, the worker and the panel, which validates itself."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.terms import TERMS, Term
from DeepIterRegLib.geometry.rigid import require_rigid
from DeepIterRegLib.similarity.names import NCC, require_similarity

if TYPE_CHECKING:
    # The application makes options too, and loads nothing that computes.
    from DeepIterRegLib.initializer.search import SearchOptions

Method = Literal["default", "published"]
Device = Literal["auto", "cpu", "cuda"]
Initializer: TypeAlias = bool | str | os.PathLike[str] | None

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """Raises InputError for a value that there is not."""

    method: Method = "default"
    similarity: str = NCC
    """Of the published method's first stage, which compares the vessel masks: a name in `similarity.names`; the paper's
    is NCC. The default method has measures of its own."""
    initial_pose: FloatArray | str | os.PathLike[str] | None = None
    """(4, 4) where to start, or any rigid ITK transform file; None: from the radiological pose."""
    initializer: Initializer = None
    """Whether the initializer's network looks for the head first: True with the checkpoint that we ship, a path with
    that one, False not at all. None: with ours from the radiological pose, not from a pose that was given, because who
    gives one knows where the head is."""
    terms: tuple[Term, ...] = TERMS
    """What the default method compares, as far as the images show it: vessels, skull, or both."""
    device: Device = "auto"
    seed: int = 0
    """Of every random draw: the same images, options and seed give the same pose on a CPU."""
    search: SearchOptions | None = None
    """How much the initializer tries, its seed replaced by `seed`; None: as much as we recommend."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise InputError(
                "There is no method {given!r}; choose default or published.", field=Field.METHOD, given=self.method
            )
        require_similarity(self.similarity)
        if self.similarity != NCC and self.method != "published":
            raise InputError(
                "{similarity} is chosen for the published method alone; leave it out, or choose published.",
                field=Field.SIMILARITY,
            )
        terms = tuple(dict.fromkeys(self.terms))
        if not terms or not set(terms) <= set(TERMS):
            raise InputError(
                "There are no terms {given!r}; choose vessels, skull or both.",
                field=Field.TERMS,
                given=",".join(map(str, self.terms)),
            )
        object.__setattr__(self, "terms", tuple(term for term in TERMS if term in terms))
        if set(terms) != set(TERMS) and self.method != "default":
            raise InputError(
                "{terms} are chosen for the default method alone; leave them out, or choose default.", field=Field.TERMS
            )
        if self.device not in get_args(Device):
            raise InputError(
                "There is no device {given!r}; choose auto, cpu or cuda.", field=Field.DEVICE, given=self.device
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise InputError("The seed is {given!r}; give an integer of at least 0.", given=self.seed)
        object.__setattr__(self, "initial_pose", _pose(self.initial_pose))

    @property
    def given_pose(self) -> FloatArray | None:
        """(4, 4) the starting pose that was given, or None."""
        pose = self.initial_pose
        return pose if isinstance(pose, np.ndarray) else None

    @property
    def checkpoint(self) -> pathlib.Path | None:
        """The file of the initializer's network, None where no initializer is wanted."""
        from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT

        if isinstance(self.initializer, str | os.PathLike):
            return pathlib.Path(self.initializer)
        wanted = self.given_pose is None if self.initializer is None else self.initializer
        return DEFAULT_CHECKPOINT if wanted else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values for the worker: all but the search."""
        pose = self.given_pose
        file = isinstance(self.initializer, str | os.PathLike)
        return {
            "method": self.method,
            "similarity": self.similarity,
            "terms": list(self.terms),
            "initial_pose": None if pose is None else pose.tolist(),
            "initializer": os.fspath(self.initializer) if file else self.initializer,  # type: ignore[arg-type]
            "device": self.device,
            "seed": int(self.seed),
        }


def options_from_json(content: Mapping[str, Any]) -> Options:
    """What `Options.to_json` wrote. Raises InputError, KeyError or ValueError for anything else."""
    pose = content["initial_pose"]
    given = None if pose is None else np.array(pose, dtype=np.float64)
    return Options(
        method=content["method"],
        similarity=content["similarity"],
        terms=tuple(content["terms"]),
        initial_pose=given,
        initializer=content["initializer"],
        device=content["device"],
        seed=content["seed"],
    )


def _pose(given: FloatArray | str | os.PathLike[str] | None) -> FloatArray | None:
    if given is None:
        return None
    if isinstance(given, str | os.PathLike):
        from DeepIterRegLib.geometry.transform_file import read_transform

        return read_transform(os.fspath(given))
    pose = require_rigid(given, "The initial pose")
    # A rotation to the last bits stays the one that was given.
    return np.asarray(given) if np.allclose(pose, given, rtol=0, atol=ROUNDING) else pose
