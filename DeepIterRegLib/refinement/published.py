"""The published method (Downs et al. 2025): Adam on NCC of the vessel masks, then Adam on MI with the MinIP."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.adam import AdamSchedule, adam
from DeepIterRegLib.refinement.fixed_image import binned, binning_factor
from DeepIterRegLib.refinement.minip_mutual_information import minip_view
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import MeanSimilarity, PoseSimilarity, RenderedSimilarity
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation

SIZE_PX = 256
"""Pixels along the detector's shorter side: about the paper's 0.87 mm."""
NCC_SCHEDULE = AdamSchedule(iterations=250, step_mm=0.5)
MI_SCHEDULE = AdamSchedule(iterations=150, step_mm=0.1)
"""The paper fixes the number of iterations and takes smaller steps here, but states neither; docs/refinement.md."""


def refine_published(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_pose: FloatArray,
    *,
    device: str = "cpu",
    minip_stage: bool = True,
    size_px: int = SIZE_PX,
    make_renderer: Callable[..., Renderer] = splat_renderer,
    report: Callable[[str, float, float, FloatArray], None] = lambda stage, fraction, value, pose: None,
) -> list[Stage]:
    """Register from one start pose; `minip_stage=False` stops after the first stage (the paper's two-stage pipeline).
    `size_px`: pixels along the detector's shorter side, fewer for a slow renderer.

    report: called after every step with the stage's name, the fraction done, the best similarity and pose; may raise
    to cancel. Returns a stage per optimisation.
    """
    factors = [binning_factor(prepared.angiogram.carm, size_px) for prepared in angiograms]
    renderers = [
        make_renderer(volume.cloud, prepared.angiogram.carm.binned(factor), device)
        for prepared, factor in zip(angiograms, factors, strict=True)
    ]
    valid = [binned(prepared.angiogram.valid, factor) for prepared, factor in zip(angiograms, factors, strict=True)]
    masks: list[PoseSimilarity] = [
        RenderedSimilarity(renderer, NormalizedCrossCorrelation(binned(prepared.vessels, factor), weights))
        for renderer, prepared, factor, weights in zip(renderers, angiograms, factors, valid, strict=True)
    ]
    plan: list[tuple[str, Callable[[FloatArray], PoseSimilarity], AdamSchedule]] = [
        ("Vessel masks", lambda pose: MeanSimilarity(masks), NCC_SCHEDULE)
    ]
    if minip_stage:

        def minips(pose: FloatArray) -> PoseSimilarity:
            return MeanSimilarity([
                minip_view(renderer, prepared, factor, pose)
                for renderer, prepared, factor in zip(renderers, angiograms, factors, strict=True)
            ])  # fmt: skip

        plan.append(("Minimum projection", minips, MI_SCHEDULE))

    total = sum(schedule.iterations for _, _, schedule in plan)
    done, pose, stages = 0, start_pose, []
    for name, similarity_at, schedule in plan:
        began = time.perf_counter()
        similarity = similarity_at(pose)
        optimum = adam(
            similarity,
            PoseParameters.around(pose, volume.cloud.centre_mm),
            schedule,
            lambda step, value, best, name=name, done=done: report(name, (done + step) / total, value, best),  # type: ignore[misc]
        )
        pose, done = optimum.pose, done + schedule.iterations
        stages.append(
            Stage(
                name,
                pose,
                similarity.name,
                optimum.similarity,
                optimum.similarity_before,
                time.perf_counter() - began,
                optimum.evaluations,
            )
        )
    return stages
