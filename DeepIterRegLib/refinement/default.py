"""The default method: from many starts, coarse to fine, to the most probable pose (docs/refinement.md)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.common.progress import Rival, Stage
from DeepIterRegLib.common.terms import TERMS, Term
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.fixed_image import fixed_contrast
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.minip_mutual_information import mutual_information_with_minip
from DeepIterRegLib.refinement.optimum import Optimum
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.phases import INDEPENDENT_PIXELS
from DeepIterRegLib.refinement.pose_similarity import MeanSimilarity, MixtureSimilarity, PoseSimilarity
from DeepIterRegLib.refinement.prior import INITIALIZER_WIDTHS, PosePrior
from DeepIterRegLib.refinement.pyramid import VesselPyramid
from DeepIterRegLib.refinement.readings import read_by_the_skull
from DeepIterRegLib.refinement.skull_search import SkullSearch
from DeepIterRegLib.refinement.translation_search import (
    TranslationSearch,
    candidate_poses,
    distinct_poses,
)
from DeepIterRegLib.refinement.what_filled import Explained, WhatFilled
from DeepIterRegLib.render.sampling import binning_factor
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation

MAX_THREADS = 4
"""More do not help: Python's lock is held between two kernels."""


@dataclass(frozen=True)
class Level:
    """One resolution of the coarse to fine search."""

    name: str
    size_px: int
    """Pixels along the detector's shorter side, for the vessels."""
    skull_px: int
    """The same for the skull, whose points would leave holes in a finer image."""
    keep: int
    """How many of the best optima go on to the next level."""
    schedule: LbfgsSchedule


LEVELS = (
    Level(stage_names.COARSE_ALIGNMENT, 64, 64, 4, LbfgsSchedule(iterations=40, tolerance=1e-4)),
    Level(stage_names.VESSEL_ALIGNMENT, 128, 128, 2, LbfgsSchedule(iterations=40, tolerance=1e-5)),
    Level(stage_names.FINE_ALIGNMENT, 256, 192, 1, LbfgsSchedule(iterations=60, tolerance=1e-6)),
)
MINIP_SCHEDULE = LbfgsSchedule(iterations=40, tolerance=1e-6)

SEARCH = TranslationSearch()
SKULL_SEARCH = SkullSearch()
KEEP_STARTS = 12
"""Candidates of the search that the coarsest level climbs from."""
OPTIMA_DISTINCT_MM = 1.0
"""Optima that are nearer than this are one, found from two starts."""
EXPLAINED, EXPLAINED_DISTINCT_MM = 6, 3.0
"""How many optima of the coarsest level are asked what they would fill, and how far apart they are."""
SEARCHED_AGAIN = 3
"""How many more are looked for with the vessels that the best of them fills."""
HOPELESS_NATS = 30.0
"""A candidate or an optimum that is so much less probable than the best one is not followed. Neighbouring candidates of
a head that is well seen differ by as much, so that it is climbed from one or two."""


def mixture_similarity(
    pyramid: VesselPyramid, prepared: PreparedAngiogram, view: int, size_px: int
) -> MixtureSimilarity:
    """NCC of the contrast of angiogram number `view` with the vessel groups' best mixture, at one resolution."""
    factor = binning_factor(prepared.angiogram.carm, size_px)
    correlation = MixtureCorrelation(
        fixed_contrast(prepared.contrast, factor), binned(prepared.angiogram.valid, factor)
    )
    return MixtureSimilarity(pyramid.renderers(size_px, view), correlation)


def minip_similarity(
    pyramid: VesselPyramid, angiograms: Sequence[PreparedAngiogram], size_px: int, pose: FloatArray
) -> PoseSimilarity:
    """MI of the minimum projections with the vessels that filled, as the best mixture at `pose` says."""
    views = []
    for view, prepared in enumerate(angiograms):
        gains = mixture_similarity(pyramid, prepared, view, size_px).gains(pose)
        renderer = pyramid.mixture(size_px, view, gains)
        factor = binning_factor(prepared.angiogram.carm, size_px)
        views.append(mutual_information_with_minip(renderer, prepared, factor, pose))
    return MeanSimilarity(views)


def refine_default(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    hypotheses: Sequence[FloatArray] = (),
    *,
    terms: Sequence[Term] = TERMS,
    proposals: FloatArray | None = None,
    device: str = "cpu",
    seed: int = 0,
    search: TranslationSearch = SEARCH,
    skull_search: SkullSearch = SKULL_SEARCH,
    vessels_decide: bool = False,
    levels: Sequence[Level] = LEVELS,
    report: Callable[[str, float, float, FloatArray], None] = lambda stage, fraction, value, pose: None,
) -> list[Stage]:
    """Register from one or several start poses, searching around each, and from the initializer's `hypotheses`.

    The prior is about the start poses; at the coarsest level another one is about the hypotheses. The stages'
    similarity is the log posterior, in nats, 0 where nothing is seen. terms: what to compare; what the images do not
    show is left out. vessels_decide: no skull is clearly seen, so it is found out which vessels filled.
    proposals: (B, 4, 4) what the skull's search found before; None: it is searched for here. report:
    called with the stage's name, the fraction done (0 to 1), the best similarity and the best pose so far, as results
    come in; may raise to cancel. Returns a stage for the search, each level, and the minimum projection where there are
    vessels. The same seed gives the same poses, whatever the number of threads: every start is climbed by itself.
    """
    centre_mm = volume.cloud.centre_mm
    climbs = [KEEP_STARTS, *(level.keep for level in levels[:-1])]
    clock = time.perf_counter
    began = clock()
    evidence = Evidence(
        volume,
        angiograms,
        terms,
        vessel_sizes_px=[level.size_px for level in levels],
        skull_sizes_px=[level.skull_px for level in levels],
        device=device,
    )
    vessels_decide = vessels_decide and bool(evidence.vessel_views)
    explaining = EXPLAINED + SEARCHED_AGAIN if vessels_decide else 0
    progress = _StepCounter(report, 1 + sum(climbs) + explaining + bool(evidence.vessel_views))
    prior = PosePrior(start_poses, centre_mm, angiograms[0].angiogram.carm)
    posteriors = [evidence.posterior(level.size_px, level.skull_px, [prior]) for level in levels]
    if hypotheses:
        # At the finer levels the images alone decide: they locate the head better than the initializer does.
        about = PosePrior(hypotheses, centre_mm, angiograms[0].angiogram.carm, INITIALIZER_WIDTHS)
        posteriors[0] = evidence.posterior(levels[0].size_px, levels[0].skull_px, [prior, about])
    similarity = posteriors[0]
    searched = _searched(evidence, start_poses, centre_mm, levels[0].size_px, search, prior=prior, seed=seed)
    if proposals is None:
        proposals = read_by_the_skull(
            volume, evidence.skull_views, start_poses, skull_search, seed=seed, device=device
        ).proposals
    if evidence.skull_views:
        searched.append(proposals)
    # Each view proposed translations for itself; the similarity says which of them explain all views.
    candidates = np.concatenate([start_poses, *([hypotheses] if hypotheses else []), *searched])
    values = similarity.value(candidates)
    order = distinct_poses(candidates, values, centre_mm, KEEP_STARTS)
    order = order[values[order] > values[order[0]] - HOPELESS_NATS]
    poses, best_value = list(candidates[order]), float(values[order[0]])
    stages = [
        Stage(
            name=stage_names.POSE_SEARCH,
            pose=poses[0],
            similarity_name=similarity.name,
            similarity=best_value,
            similarity_before=float(values[0]),
            seconds=clock() - began,
            evaluations=len(candidates),
        )
    ]
    progress.step(stage_names.POSE_SEARCH, best_value, poses[0])

    def search_again(filled: FloatArray) -> FloatArray:
        return _searched_again(
            evidence.with_filled(filled), start_poses, centre_mm, levels[0], search, prior=prior, seed=seed
        )

    for number, (level, most) in enumerate(zip(levels, climbs, strict=True)):
        began, similarity = clock(), posteriors[number]
        before = float(similarity.value(poses[0][None])[0])
        # What is left out of a level as hopeless counts as done with the others.
        steps = most / len(poses)
        optima = _climb_all(similarity, poses, centre_mm, level, device=device, progress=progress, steps=steps)
        stages.append(
            Stage(
                name=level.name,
                pose=optima[0].pose,
                similarity_name=similarity.name,
                similarity=optima[0].similarity,
                similarity_before=before,
                seconds=clock() - began,
                evaluations=sum(optimum.evaluations for optimum in optima),
                rivals=tuple(Rival(each.pose, optima[0].similarity - each.similarity) for each in optima[1:]),
            )
        )
        poses = _distinct_optima(optima, centre_mm, level.keep)
        if number == 0 and vessels_decide:
            began = clock()
            asked = _distinct_optima(optima, centre_mm, EXPLAINED, EXPLAINED_DISTINCT_MM)
            found = _by_what_fills(WhatFilled(volume, angiograms, terms, prior, device), asked, search_again, progress)
            evidence = evidence.with_filled(found[0].filled)
            posteriors = [evidence.posterior(each.size_px, each.skull_px, [prior]) for each in levels]
            stages.append(
                Stage(
                    name=stage_names.WHAT_FILLED,
                    pose=found[0].pose,
                    similarity_name=similarity.name,
                    similarity=found[0].similarity,
                    similarity_before=optima[0].similarity,
                    seconds=clock() - began,
                    evaluations=sum(one.evaluations for one in found),
                )
            )
            poses = _distinct_optima(found, centre_mm, level.keep)

    if not evidence.vessel_views:
        return stages
    began = clock()
    # MI is added to the vessels' likelihood, not put in its place: alone it drifts along the beam in poor images.
    minip = minip_similarity(evidence.vessels, evidence.vessel_views, levels[-1].size_px, poses[0])
    similarity = posteriors[-1].plus(INDEPENDENT_PIXELS * len(evidence.vessel_views), minip)
    last = lbfgs(similarity, PoseParameters.around(poses[0], centre_mm), np.zeros(6), MINIP_SCHEDULE)
    progress.step(stage_names.MINIMUM_PROJECTION, last.similarity, last.pose)
    stages.append(
        Stage(
            name=stage_names.MINIMUM_PROJECTION,
            pose=last.pose,
            similarity_name=similarity.name,
            similarity=last.similarity,
            similarity_before=last.similarity_before,
            seconds=clock() - began,
            evaluations=last.evaluations,
        )
    )
    return stages


def _searched(
    evidence: Evidence,
    start_poses: Sequence[FloatArray],
    centre_mm: FloatArray,
    size_px: int,
    search: TranslationSearch,
    *,
    prior: PosePrior,
    seed: int,
) -> list[FloatArray]:
    """(B, 4, 4) poses that the vessels of each view propose about each start pose."""
    found = []
    for number, start in enumerate(start_poses):
        for view, prepared in enumerate(evidence.vessel_views):
            found.append(candidate_poses(
                evidence.vessels.renderers(size_px, view), evidence.groups, prepared,
                factor=binning_factor(prepared.angiogram.carm, size_px), start_pose=start, centre_mm=centre_mm,
                search=search, prior=prior, seed=seed + number,
            ))  # fmt: skip
    return found


def _by_what_fills(
    what_filled: WhatFilled,
    poses: Sequence[FloatArray],
    search_again: Callable[[FloatArray], FloatArray],
    progress: _StepCounter,
) -> list[Explained]:
    """Poses with what they fill, the best first: those of the coarsest level, and those that are found with what the
    best of them fills, for with fewer vessels the search sees better."""

    def explained(one: Explained) -> None:
        progress.step(stage_names.WHAT_FILLED, one.similarity, one.pose)

    found = what_filled.best_first(poses, explained)
    more = what_filled.best_first(list(search_again(found[0].filled)), explained)
    return sorted([*found, *more], key=lambda one: -one.similarity)


def _searched_again(
    evidence: Evidence,
    start_poses: Sequence[FloatArray],
    centre_mm: FloatArray,
    level: Level,
    search: TranslationSearch,
    *,
    prior: PosePrior,
    seed: int,
) -> FloatArray:
    """(B, 4, 4) what the search proposes with other weights of the vessels."""
    poses = np.concatenate(_searched(evidence, start_poses, centre_mm, level.size_px, search, prior=prior, seed=seed))
    values = evidence.posterior(level.size_px, level.skull_px, [prior]).value(poses)
    return poses[distinct_poses(poses, values, centre_mm, SEARCHED_AGAIN, EXPLAINED_DISTINCT_MM)]


def _distinct_optima(
    optima: Sequence[Optimum | Explained], centre_mm: FloatArray, count: int, distinct_mm: float = OPTIMA_DISTINCT_MM
) -> list[FloatArray]:
    """The poses of the best optima, the best first, that are neither alike nor hopeless."""
    poses = np.stack([optimum.pose for optimum in optima])
    values = np.array([optimum.similarity for optimum in optima])
    order = distinct_poses(poses, values, centre_mm, count, distinct_mm)
    return [poses[index] for index in order if values[index] > values[order[0]] - HOPELESS_NATS]


class _StepCounter:
    """Turns the steps that are done into the fraction that `report` wants."""

    def __init__(self, report: Callable[[str, float, float, FloatArray], None], total: int) -> None:
        self._report, self._total, self._done = report, total, 0.0

    def step(self, stage: str, similarity: float, pose: FloatArray, steps: float = 1.0) -> None:
        self._done += steps
        self._report(stage, min(self._done / self._total, 1.0), similarity, pose)


def _climb_all(
    similarity: PoseSimilarity,
    poses: Sequence[FloatArray],
    centre_mm: FloatArray,
    level: Level,
    *,
    device: str,
    progress: _StepCounter,
    steps: float,
) -> list[Optimum]:
    """The optima above all poses, the most similar first. steps: of the progress, for each of them."""

    def climb(pose: FloatArray) -> Optimum:
        return lbfgs(similarity, PoseParameters.around(pose, centre_mm), np.zeros(6), level.schedule)

    optima: dict[int, Optimum] = {}
    for index, optimum in _in_threads(climb, poses, device):
        optima[index] = optimum
        best = max(optima.values(), key=lambda each: each.similarity)
        progress.step(level.name, best.similarity, best.pose, steps)
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
