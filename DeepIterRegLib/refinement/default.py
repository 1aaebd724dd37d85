"""The default method: many starts, coarse to fine, to the most probable pose. Numbers: docs/refinement.md."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.fixed_image import binned, binning_factor, contrast_target
from DeepIterRegLib.refinement.groups import vessel_groups
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.minip_mutual_information import minip_view
from DeepIterRegLib.refinement.optimum import Optimum
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.phases import INDEPENDENT_PIXELS, PhaseSimilarity
from DeepIterRegLib.refinement.pose_similarity import FilledSimilarity, MeanSimilarity, PoseSimilarity
from DeepIterRegLib.refinement.posterior import Posterior
from DeepIterRegLib.refinement.prior import INITIALIZER_WIDTHS, PosePrior
from DeepIterRegLib.refinement.pyramid import VesselPyramid
from DeepIterRegLib.refinement.translation_search import TranslationSearch, apart, candidates
from DeepIterRegLib.similarity.mixture_correlation import FillingCorrelation

MAX_THREADS = 4
"""More do not help: the Python between two kernels holds the interpreter's lock."""


@dataclass(frozen=True)
class Level:
    """One resolution of the coarse to fine search."""

    name: str
    size_px: int
    """Pixels along the detector's shorter side."""
    keep: int
    """How many of the best optima go on to the next level."""
    schedule: LbfgsSchedule


LEVELS = (
    Level("Coarse alignment", 64, 4, LbfgsSchedule(iterations=40, tolerance=1e-4)),
    Level("Vessel alignment", 128, 2, LbfgsSchedule(iterations=40, tolerance=1e-5)),
    Level("Fine alignment", 256, 1, LbfgsSchedule(iterations=60, tolerance=1e-6)),
)
MINIP_NAME = "Minimum projection"
MINIP_SCHEDULE = LbfgsSchedule(iterations=40, tolerance=1e-6)


SEARCH = TranslationSearch()
SEARCH_NAME = "Search for the head"
KEEP_STARTS = 8
"""Candidates of the search that the coarsest level climbs from."""


def level_posterior(
    pyramid: VesselPyramid,
    groups: Sequence[VesselCloud],
    angiograms: Sequence[PreparedAngiogram],
    priors: Sequence[PosePrior],
    size_px: int,
) -> Posterior:
    """What is maximised at one resolution: each run's log likelihood and the pose's log priors."""
    return Posterior(
        [
            (1.0, PhaseSimilarity(pyramid.renderers(size_px, view), groups, prepared, size_px))
            for view, prepared in enumerate(angiograms)
        ],
        *priors,
    )


def filled_similarity(pyramid: VesselPyramid, prepared: PreparedAngiogram, view: int, size_px: int) -> FilledSimilarity:
    """NCC of the contrast of angiogram number `view` with the vessel groups' best mixture, at one resolution."""
    factor = binning_factor(prepared.angiogram.carm, size_px)
    correlation = FillingCorrelation(
        contrast_target(prepared.contrast, factor), binned(prepared.angiogram.valid, factor)
    )
    return FilledSimilarity(pyramid.renderers(size_px, view), correlation)


def minip_similarity(
    pyramid: VesselPyramid, angiograms: Sequence[PreparedAngiogram], size_px: int, pose: FloatArray
) -> PoseSimilarity:
    """MI of the minimum projections with the vessels that filled, as the best mixture at `pose` says."""
    views = []
    for view, prepared in enumerate(angiograms):
        gains = filled_similarity(pyramid, prepared, view, size_px).gains(pose)
        renderer = pyramid.mixture(size_px, view, gains)
        factor = binning_factor(prepared.angiogram.carm, size_px)
        views.append(minip_view(renderer, prepared, factor, pose))
    return MeanSimilarity(views)


def refine_default(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    hypotheses: Sequence[FloatArray] = (),
    *,
    device: str = "cpu",
    seed: int = 0,
    search: TranslationSearch = SEARCH,
    levels: Sequence[Level] = LEVELS,
    report: Callable[[str, float, float, FloatArray], None] = lambda stage, fraction, value, pose: None,
) -> list[Stage]:
    """Register from one or several start poses, searching around each, and from the initializer's `hypotheses`.

    The prior is about the start poses; at the coarsest level another one is about the hypotheses. The stages'
    similarity is the log posterior, in nats, 0 where nothing is seen.
    report: called with the stage's name, the fraction done (0 to 1), the best similarity and the best pose so far, as
    results come in; may raise to cancel. Returns a stage for the search, each level, and the minimum projection. The
    same seed gives the same poses, whatever the number of threads: every start is climbed by itself.
    """
    groups = vessel_groups(volume.cloud)
    centre = volume.cloud.centre_mm
    tell = _Steps(report, KEEP_STARTS + sum(level.keep for level in levels[:-1]) + 2)

    clock = time.perf_counter
    began = clock()
    sizes_px = [level.size_px for level in levels]
    pyramid = VesselPyramid(groups, angiograms, sizes_px, device)
    prior = PosePrior(start_poses, centre, angiograms[0].angiogram.carm)
    posteriors = [level_posterior(pyramid, groups, angiograms, [prior], size) for size in sizes_px]
    if hypotheses:
        # The initializer knows where to look, the vessels know better where exactly: it has no say in the finer levels.
        near = PosePrior(hypotheses, centre, angiograms[0].angiogram.carm, INITIALIZER_WIDTHS)
        posteriors[0] = level_posterior(pyramid, groups, angiograms, [prior, near], sizes_px[0])
    similarity = posteriors[0]
    found = [
        candidates(
            pyramid.renderers(sizes_px[0], view),
            groups,
            prepared,
            binning_factor(prepared.angiogram.carm, sizes_px[0]),
            start,
            centre,
            search,
            prior,
            seed=seed + number,
        )
        for number, start in enumerate(start_poses)
        for view, prepared in enumerate(angiograms)
    ]
    # Each view found its own translations; which of them explain all views, the similarity says.
    tried = np.concatenate([start_poses, *([hypotheses] if hypotheses else []), *found])
    values = similarity.value(tried)
    order = apart(tried, values, centre, KEEP_STARTS)
    poses, best_value = list(tried[order]), float(values[order[0]])
    stages = [Stage(SEARCH_NAME, poses[0], similarity.name, best_value, float(values[0]), clock() - began, len(tried))]
    tell(SEARCH_NAME, best_value, poses[0])

    for level, similarity in zip(levels, posteriors, strict=True):
        began = clock()
        before = float(similarity.value(poses[0][None])[0])
        optima = _climb_all(similarity, poses, centre, level, device, tell)
        evaluations = sum(optimum.evaluations for optimum in optima)
        best = optima[0]
        stages.append(
            Stage(level.name, best.pose, similarity.name, best.similarity, before, clock() - began, evaluations)
        )
        poses = [optimum.pose for optimum in optima[: level.keep]]

    began = clock()
    # MI alone slides off along the beam where the images agree poorly: it adds to the vessels and replaces nothing.
    minip = minip_similarity(pyramid, angiograms, sizes_px[-1], poses[0])
    similarity = posteriors[-1].plus(INDEPENDENT_PIXELS * len(angiograms), minip)
    last = lbfgs(similarity, PoseParameters.around(poses[0], centre), np.zeros(6), MINIP_SCHEDULE)
    tell(MINIP_NAME, last.similarity, last.pose)
    name, seconds = similarity.name, clock() - began
    stages.append(
        Stage(MINIP_NAME, last.pose, name, last.similarity, last.similarity_before, seconds, last.evaluations)
    )
    return stages


class _Steps:
    """Counts what is done into the fraction that `report` wants."""

    def __init__(self, report: Callable[[str, float, float, FloatArray], None], total: int) -> None:
        self._report, self._total, self._done = report, total, 0

    def __call__(self, stage: str, similarity: float, pose: FloatArray) -> None:
        self._done += 1
        self._report(stage, self._done / self._total, similarity, pose)


def _climb_all(
    similarity: PoseSimilarity,
    poses: Sequence[FloatArray],
    centre_mm: FloatArray,
    level: Level,
    device: str,
    tell: Callable[[str, float, FloatArray], None],
) -> list[Optimum]:
    """The optima above all poses, the most similar first."""

    def climb(pose: FloatArray) -> Optimum:
        return lbfgs(similarity, PoseParameters.around(pose, centre_mm), np.zeros(6), level.schedule)

    optima: dict[int, Optimum] = {}
    for index, optimum in _in_threads(climb, poses, device):
        optima[index] = optimum
        best = max(optima.values(), key=lambda found: found.similarity)
        tell(level.name, best.similarity, best.pose)
    # Equal similarities in the order of the poses, whichever thread was first.
    return [optima[index] for index in sorted(optima, key=lambda index: (-optima[index].similarity, index))]


def _in_threads(
    climb: Callable[[FloatArray], Optimum], poses: Sequence[FloatArray], device: str
) -> Iterator[tuple[int, Optimum]]:
    """Yield (index, optimum) as they come; an exception in the caller's loop drops what has not begun."""
    threads = 1 if device != "cpu" else min(MAX_THREADS, os.cpu_count() or 1, len(poses))
    if threads == 1:
        yield from ((index, climb(pose)) for index, pose in enumerate(poses))
        return
    with ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(climb, pose): index for index, pose in enumerate(poses)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
