"""The published method: Adam on a similarity of the vessel masks (NCC), then Adam on MI with the MinIP."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.adam import AdamSchedule, adam
from DeepIterRegLib.refinement.minip_mutual_information import drr_range, mutual_information_with_minip
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import MeanSimilarity, PoseSimilarity, RenderedSimilarity
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import binning_factor
from DeepIterRegLib.similarity import choose
from DeepIterRegLib.similarity.mutual_information import MutualInformation
from DeepIterRegLib.similarity.names import NCC, require_similarity

PUBLISHED_SIZE_PX = 256
"""Pixels along the detector's shorter side: about the paper's 0.87 mm."""
MASK_SCHEDULE = AdamSchedule(iterations=250, step_mm=0.5)
MINIP_SCHEDULE = AdamSchedule(iterations=150, step_mm=0.1)
"""The paper fixes the number of iterations and takes smaller steps here, but states neither; docs/refinement.md."""


@dataclass(frozen=True, eq=False)
class _Step:
    """One of the method's optimisations."""

    name: str
    similarity_at: Callable[[FloatArray], PoseSimilarity]
    """What is maximised, given the pose (4, 4) at which the stage begins."""
    schedule: AdamSchedule


def refine_published(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_pose: FloatArray,
    *,
    device: str = "cpu",
    similarity: str = NCC,
    minip_stage: bool = True,
    size_px: int = PUBLISHED_SIZE_PX,
    make_renderer: Callable[..., Renderer] = splat_renderer,
    report: Callable[[str, float, float, FloatArray], None] = lambda stage, fraction, value, pose: None,
) -> list[Stage]:
    """Register from one start pose (4, 4).

    similarity: a name in `similarity.names`, the measure of the first stage, which compares the vessel masks; the paper
    takes NCC. The second stage's MI with the MinIP stays, because it is the paper's other idea. `minip_stage=False`
    leaves the second stage out (the paper's two-stage pipeline). `size_px`: pixels along the detector's shorter side,
    fewer for a slow renderer.

    report: called after every step with the stage's name, the fraction done, the best similarity and pose; may raise
    to cancel. Returns a stage per optimisation. Raises InputError for a similarity that there is not.
    """
    require_similarity(similarity)
    factors = [binning_factor(prepared.angiogram.carm, size_px) for prepared in angiograms]
    renderers = [
        make_renderer(volume.cloud, prepared.angiogram.carm.binned(factor), device)
        for prepared, factor in zip(angiograms, factors, strict=True)
    ]
    views = list(zip(renderers, angiograms, factors, strict=True))

    def masks(pose: FloatArray) -> PoseSimilarity:
        return MeanSimilarity([
            _mask_similarity(similarity, renderer, prepared, factor, pose) for renderer, prepared, factor in views
        ])  # fmt: skip

    def minips(pose: FloatArray) -> PoseSimilarity:
        return MeanSimilarity([
            mutual_information_with_minip(renderer, prepared, factor, pose) for renderer, prepared, factor in views
        ])  # fmt: skip

    plan = [_Step(stage_names.VESSEL_MASKS, masks, MASK_SCHEDULE)]
    if minip_stage:
        plan.append(_Step(stage_names.MINIMUM_PROJECTION, minips, MINIP_SCHEDULE))

    total = sum(step.schedule.iterations for step in plan)
    done, pose, stages = 0, start_pose, []
    for step in plan:
        began = time.perf_counter()
        maximised = step.similarity_at(pose)

        def progressed(iterations: int, value: float, best: FloatArray, step: _Step = step, done: int = done) -> None:
            report(step.name, (done + iterations) / total, value, best)

        optimum = adam(maximised, PoseParameters.around(pose, volume.cloud.centre_mm), step.schedule, progressed)
        pose, done = optimum.pose, done + step.schedule.iterations
        stages.append(
            Stage(
                name=step.name,
                pose=pose,
                similarity_name=maximised.name,
                similarity=optimum.similarity,
                similarity_before=optimum.similarity_before,
                seconds=time.perf_counter() - began,
                evaluations=optimum.evaluations,
                found_after=optimum.found_after,
            )
        )
    return stages


def _mask_similarity(
    name: str, renderer: Renderer, prepared: PreparedAngiogram, factor: int, pose: FloatArray
) -> RenderedSimilarity:
    """The measure `name` with one angiogram's vessel mask, binned by `factor`, without what the shutter covers."""
    measure = choose.similarity(name, binned(prepared.vessels, factor), binned(prepared.angiogram.valid, factor))
    if isinstance(measure, MutualInformation):
        measure.moving_range = drr_range(renderer, pose)
    return RenderedSimilarity(renderer, measure)
