"""Two views: what their C-arm's angles are off by, estimated together with the pose.

A positioner's angles are true to a degree or so, and an error of one of two views looks like a head that was moved.
Each view gets a correction of its primary and of its secondary angle, with a prior about none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.progress import Stage
from DeepIterRegLib.common.terms import TERMS, Term
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity
from DeepIterRegLib.refinement.posterior import Posterior
from DeepIterRegLib.refinement.prior import PosePrior

PRIOR_DEG = 0.3
"""Standard deviation of an angle's error; systems promise a degree and keep a part of it."""
LEAST_BETWEEN_VIEWS_DEG = 20.0
"""Between the beams of two views: from less, an angle's error cannot be told from a moved head."""


SIZE_PX, SKULL_PX = 256, 192
SCHEDULE = LbfgsSchedule(iterations=60, tolerance=1e-7)


@dataclass(frozen=True)
class AngleCorrection:
    """To be added to the angles of one view."""

    primary_deg: float
    secondary_deg: float


@dataclass(frozen=True, eq=False)
class CorrectedViews:
    """The most probable pose and the corrections that go with it."""

    pose: FloatArray
    corrections: tuple[AngleCorrection, ...]
    similarity: float
    similarity_before: float
    evaluations: int


def angles_can_be_corrected(carms: Sequence[CArm]) -> bool:
    """Whether there are views from directions far enough apart, whose angles are known."""
    if len(carms) < 2 or any(carm.primary_angle_deg is None for carm in carms):
        return False
    cosines = [abs(float(one.normal @ other.normal)) for one in carms for other in carms if one is not other]
    return min(cosines) < np.cos(np.radians(LEAST_BETWEEN_VIEWS_DEG))


def correct_angles(
    views: Sequence[Sequence[PoseSimilarity]],
    carms: Sequence[CArm],
    prior: PosePrior,
    pose: FloatArray,
    centre_mm: FloatArray,
    schedule: LbfgsSchedule,
) -> CorrectedViews:
    """Climb from a pose (4, 4) over the pose and two angles for each view.

    views: the log likelihoods of each view, nats. carms: of the views, in the same order, with angles.
    """
    parameters = PoseParameters.around(pose, centre_mm)
    axes = [_axes(carm) for carm in carms]
    count = len(carms)
    first: list[float] = []

    def cost(values: FloatArray) -> tuple[float, FloatArray]:
        at = parameters.pose(values[:6])
        angles = values[6:].reshape(count, 2)
        # In units of the prior's standard deviation, so that a step means as much as one of the pose.
        total = -0.5 * float((angles**2).sum())
        by_angle = -angles
        prior_value, twist = (part[0] for part in prior.value_and_gradient(at[None]))
        total += float(prior_value)
        twist = np.array(twist)
        for number, parts in enumerate(views):
            turn, by_primary, by_secondary = _turned(axes[number], np.radians(PRIOR_DEG) * angles[number])
            for part in parts:
                likelihood, gradient = (each[0] for each in part.value_and_gradient((turn @ at)[None]))
                total += float(likelihood)
                back = turn[:3, :3].T
                twist += np.concatenate([back @ gradient[:3], back @ gradient[3:]])
                scale = np.radians(PRIOR_DEG)
                by_angle[number] += scale * np.array([by_primary @ gradient[:3], by_secondary @ gradient[:3]])
        first.append(total)
        return -total, -np.concatenate([parameters.gradient(values[:6], twist), by_angle.ravel()])

    found = minimize(
        cost,
        np.zeros(6 + 2 * count),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": schedule.iterations, "ftol": schedule.tolerance},
    )
    corrections = PRIOR_DEG * np.asarray(found.x[6:]).reshape(count, 2)
    return CorrectedViews(
        parameters.pose(np.asarray(found.x[:6])),
        tuple(AngleCorrection(float(primary), float(secondary)) for primary, secondary in corrections),
        -float(found.fun),
        first[0],
        len(first),
    )


def refine_angles(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    start_poses: Sequence[FloatArray],
    pose: FloatArray,
    terms: Sequence[Term] = TERMS,
    device: str = "cpu",
) -> tuple[Stage, tuple[AngleCorrection, ...]] | None:
    """The pose and the angles that explain all views best, from a pose (4, 4) that explains them as they are.

    None where angles cannot be told from the pose. start_poses: (4, 4), which the prior is about.
    """
    carms = [view.angiogram.carm for view in angiograms]
    if not angles_can_be_corrected(carms):
        return None
    began = time.perf_counter()
    evidence = Evidence(volume, angiograms, terms, vessel_sizes_px=[SIZE_PX], skull_sizes_px=[SKULL_PX], device=device)
    views = [evidence.of_view(view, SIZE_PX, SKULL_PX) for view in angiograms]
    if not all(views):
        return None
    centre_mm = volume.cloud.centre_mm
    found = correct_angles(views, carms, PosePrior(start_poses, centre_mm, carms[0]), pose, centre_mm, SCHEDULE)
    stage = Stage(
        name=stage_names.C_ARM_ANGLES,
        pose=found.pose,
        similarity_name=Posterior.name,
        similarity=found.similarity,
        similarity_before=found.similarity_before,
        seconds=time.perf_counter() - began,
        evaluations=found.evaluations,
    )
    return stage, found.corrections


def with_corrected_angles(
    angiograms: Sequence[PreparedAngiogram], corrections: Sequence[AngleCorrection]
) -> tuple[PreparedAngiogram, ...]:
    """The angiograms on the C-arms that their corrections lead to."""
    return tuple(
        replace(
            view,
            angiogram=replace(
                view.angiogram,
                carm=view.angiogram.carm.with_angles_changed(correction.primary_deg, correction.secondary_deg),
            ),
        )
        for view, correction in zip(angiograms, corrections, strict=True)
    )


def _axes(carm: CArm) -> tuple[FloatArray, FloatArray]:
    """(3,) the axes about the isocentre that the primary and the secondary angle turn the C-arm about (`DESIGN.md`)."""
    assert carm.primary_angle_deg is not None
    alpha = np.radians(carm.primary_angle_deg)
    return np.array([0.0, 0.0, 1.0]), np.array([np.cos(alpha), np.sin(alpha), 0.0])


def _turned(axes: tuple[FloatArray, FloatArray], angles_rad: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(4, 4) what turns the patient against a C-arm whose angles are larger by (2,) `angles_rad`, and the twists (3,)
    about the isocentre that a further step of either angle adds."""
    primary, secondary = axes
    by_secondary = Rotation.from_rotvec(-angles_rad[1] * secondary).as_matrix()
    turn = by_secondary @ Rotation.from_rotvec(-angles_rad[0] * primary).as_matrix()
    return rigid(turn, np.zeros(3)), -(by_secondary @ primary), -secondary
