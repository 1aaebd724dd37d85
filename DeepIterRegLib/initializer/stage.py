"""The initializer as a stage of the registration: better starting poses, or a warning that says why not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.initializer.in_view import in_view
from DeepIterRegLib.initializer.search import Predict, SearchOptions, initialize
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume

SIMILARITY_NAME = "NCC of veins"
DEFAULT_SEARCH = SearchOptions()
LOST = "The initializer lost the head from the DSA's view; the registration went on from where it started."


@dataclass(frozen=True, eq=False)
class Initialized:
    """What became of the starting poses."""

    stage: Stage | None
    """At the best hypothesis; None where there is none."""
    hypotheses: tuple[FloatArray, ...]
    """(4, 4) each, the best first; empty where the registration has to go on from the starting poses."""
    warnings: tuple[str, ...]
    sha256: str | None = None
    """Of the weights that found them, where the caller knows."""


def initializer_stage(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    predict: Predict,
    search: SearchOptions = DEFAULT_SEARCH,
) -> Initialized:
    """Search about all of `start_poses` (4, 4), of which the stage is compared with the first.

    A network that fails must do no harm: hypotheses without a vessel in view are dropped, and where none is left, or a
    correction was no number or took the head behind the source, there is a warning instead of a stage.
    """
    began = time.perf_counter()
    windows = 0

    def checked(images: npt.NDArray[np.float32]) -> FloatArray:
        nonlocal windows
        windows += len(images)
        corrections = predict(images)
        if not np.isfinite(corrections).all():
            raise InputError(
                "The initializer's corrections are not finite numbers; choose another checkpoint, or none.",
                field=Field.INITIALIZER,
            )
        return corrections

    try:
        found = initialize(volume, angiograms, start_poses, checked, search)
        if not windows:
            # One of the images has nothing to show; which, the search says.
            return Initialized(None, (), found.warnings)
    except InputError:
        return Initialized(None, (), (LOST,))
    kept = [one for one in found.hypotheses if in_view(one.pose, volume, angiograms)]
    if not kept:
        return Initialized(None, (), (*found.warnings, LOST))
    seconds = time.perf_counter() - began
    best = kept[0]
    stage = Stage(
        name=stage_names.INITIALIZER,
        pose=best.pose,
        similarity_name=SIMILARITY_NAME,
        similarity=best.similarity,
        similarity_before=found.similarity_before,
        seconds=seconds,
        evaluations=windows,
    )
    return Initialized(stage, tuple(one.pose for one in kept), found.warnings)
