"""What can be measured at a result without the truth, and says something about it.

Every measure is a number with a meaning of its own; NaN where the images do not allow it (no skull, no vessels, one
optimum). Of two views the worse one counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.common.progress import Rival
from DeepIterRegLib.confidence.curvature import Curvature, curvature
from DeepIterRegLib.confidence.local_shifts import UNKNOWN, EdgeFields, LocalShifts, local_shifts
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.agreement import SIZE_PX, SKULL_SIZES_PX, share_in_view
from DeepIterRegLib.refinement.default import mixture_similarity
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.fixed_image import fixed_contrast
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity
from DeepIterRegLib.refinement.posterior import Posterior
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.render.sampling import binning_factor
from DeepIterRegLib.similarity.filters import sobel, window_weights

ALONE = LbfgsSchedule(iterations=12, tolerance=1e-4)
"""Enough to see where a term would go by itself."""
DISTINCT_MM = 5.0
"""Rivals nearer than this on the detector would be called right as well."""
MOST_GAP_NATS = 60.0
"""What more there is between the result and its best rival says nothing more."""


@dataclass(frozen=True)
class Measures:
    """All of them. Lengths in mm on the detector unless said otherwise."""

    skull_trust: float
    """0 to 1; 0 without a skull."""
    skull_coarse: float
    skull_middle: float
    skull_fine: float
    """Tiled gradient correlation at 64, 128 and 192 px."""
    skull_worst_quarter: float
    """The least correlation in a quarter of the picture, at 128 px."""
    skull_shift_mm: float
    skull_shift_gain: float
    skull_shift_systematic_mm: float
    """Of the parts of the skull's image, at 192 px (`LocalShifts`)."""
    vessels_ncc: float
    """At 128 px."""
    vessels_shift_mm: float
    vessels_shift_gain: float
    vessels_shift_systematic_mm: float
    """Of the parts of the vessels' image, at 128 px."""
    skull_area: float
    vessels_area: float
    """Of the detector, where the skull's image is valid, and where vessels fill."""
    share_in_view: float
    """Of the CTA's vessels, or skull, on the detector."""
    skull_alone_mm: float
    vessels_alone_mm: float
    """From the result to where the term goes by itself."""
    terms_apart_mm: float
    """Between the two."""
    turned_deg: float
    moved_across_mm: float
    moved_along_mm: float
    """From the likeliest starting pose, at the head's centre, across the beam and along it."""
    gap_nats: float
    """By which the best other optimum is less probable."""
    rivals: float
    """How many of the optima that were followed lie elsewhere."""
    spread_mm: float
    """Standard deviation of the projection error that the posterior's curvature at the result predicts."""
    spread_along_mm: float
    """The same along the beam."""

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def measure(
    volume: PreparedVolume,
    angiograms: Sequence[PreparedAngiogram],
    pose: FloatArray,
    starts: Sequence[FloatArray],
    rivals: Sequence[Rival],
    evidence: Evidence,
) -> tuple[Measures, Curvature]:
    """At a result (4, 4), whose search began at `starts` and met `rivals`; by `evidence_of_result`."""
    centre_mm, carm = volume.cloud.centre_mm, angiograms[0].angiogram.carm
    prior = PosePrior(starts, centre_mm, carm)

    def apart_mm(one: FloatArray, other: FloatArray) -> float:
        return max(mean_projection_error_mm(one, other, centre_mm, view.angiogram.carm) for view in angiograms)

    skull, vessels = _parts(evidence)
    alone = {
        name: _alone(parts, prior, pose, centre_mm) if parts else None
        for name, parts in (("skull", skull), ("vessels", vessels))
    }
    skull_shifts = _worst_shifts(
        EdgeFields(*evidence.skull_similarity(SKULL_SIZES_PX[-1], number).edge_fields(pose))
        for number in range(len(evidence.skull_views))
    )
    mixtures = [
        mixture_similarity(evidence.vessels, prepared, view, SIZE_PX)
        for view, prepared in enumerate(evidence.vessel_views)
    ]
    vessel_shifts = _worst_shifts(
        _vessel_edges(mixture.image(pose), prepared)
        for mixture, prepared in zip(mixtures, evidence.vessel_views, strict=True)
    )
    elsewhere = [rival for rival in rivals if apart_mm(rival.pose, pose) > DISTINCT_MM]
    bent = curvature([*skull, *vessels], prior, pose, volume.cloud.centre_mm, [a.angiogram.carm for a in angiograms])
    turned_deg, across_mm, along_mm = _moved(pose, starts, prior, centre_mm, carm.normal)
    views = range(len(evidence.skull_views))
    by_skull, by_vessels = alone["skull"], alone["vessels"]
    return Measures(
        skull_trust=min((view.skull.trust for view in evidence.skull_views if view.skull is not None), default=0.0),
        **{
            f"skull_{name}": _worst(
                float(evidence.skull_similarity(size, view).correlation(pose[None])[0]) for view in views
            )
            for name, size in zip(("coarse", "middle", "fine"), SKULL_SIZES_PX, strict=True)
        },
        skull_worst_quarter=_worst(evidence.skull_similarity(SIZE_PX, view).worst_quarter(pose) for view in views),
        skull_shift_mm=skull_shifts.median_mm,
        skull_shift_gain=skull_shifts.gain,
        skull_shift_systematic_mm=skull_shifts.systematic_mm,
        vessels_ncc=_worst(float(mixture.value(pose[None])[0]) for mixture in mixtures),
        vessels_shift_mm=vessel_shifts.median_mm,
        vessels_shift_gain=vessel_shifts.gain,
        vessels_shift_systematic_mm=vessel_shifts.systematic_mm,
        skull_area=_worst(float(view.skull.valid.mean()) for view in evidence.skull_views if view.skull is not None),
        vessels_area=_worst(float(view.vessels.mean()) for view in evidence.vessel_views),
        share_in_view=share_in_view(volume, angiograms, pose),
        skull_alone_mm=np.nan if by_skull is None else apart_mm(by_skull, pose),
        vessels_alone_mm=np.nan if by_vessels is None else apart_mm(by_vessels, pose),
        terms_apart_mm=np.nan if by_skull is None or by_vessels is None else apart_mm(by_skull, by_vessels),
        turned_deg=turned_deg,
        moved_across_mm=across_mm,
        moved_along_mm=along_mm,
        gap_nats=min([MOST_GAP_NATS, *(rival.nats_below for rival in elsewhere)]),
        rivals=float(len(elsewhere)),
        spread_mm=bent.projection_sd_mm,
        spread_along_mm=bent.along_sd_mm,
    ), bent


def _parts(evidence: Evidence) -> tuple[list[PoseSimilarity], list[PoseSimilarity]]:
    """Log likelihoods of the skull and of the vessels at 128 px."""
    skull: list[PoseSimilarity] = [
        evidence.skull_similarity(SIZE_PX, number) for number in range(len(evidence.skull_views))
    ]
    vessels: list[PoseSimilarity] = [
        evidence.vessel_similarity(SIZE_PX, number) for number in range(len(evidence.vessel_views))
    ]
    return skull, vessels


def _alone(parts: Sequence[PoseSimilarity], prior: PosePrior, pose: FloatArray, centre_mm: FloatArray) -> FloatArray:
    posterior = Posterior([(1.0, part) for part in parts], prior)
    return lbfgs(posterior, PoseParameters.around(pose, centre_mm), np.zeros(6), ALONE).pose


def _vessel_edges(mixture: FloatArray, prepared: PreparedAngiogram) -> EdgeFields:
    """Of the vessels that filled, as the best mixture has them, and of the run's contrast."""
    carm = prepared.angiogram.carm
    factor = binning_factor(carm, SIZE_PX)
    weights = window_weights(binned(prepared.angiogram.valid.astype(np.float32), factor))
    fixed = sobel(np.asarray(fixed_contrast(prepared.contrast, factor), dtype=np.float32))
    return EdgeFields(
        fixed, sobel(mixture.astype(np.float32)), weights / max(float(weights.max()), 1e-12),
        factor * max(carm.pixel_spacing_mm),
    )  # fmt: skip


def _worst_shifts(fields: Iterable[EdgeFields]) -> LocalShifts:
    found = [local_shifts(one) for one in fields]
    return max(found, key=lambda one: one.gain, default=UNKNOWN)


def _moved(
    pose: FloatArray, starts: Sequence[FloatArray], prior: PosePrior, centre_mm: FloatArray, beam: FloatArray
) -> tuple[float, float, float]:
    """Degrees, mm across and along the beam, from the likeliest starting pose."""
    start = max(starts, key=lambda one: PosePrior([one], centre_mm, prior.carm).value(pose[None])[0])
    shift = apply(pose, centre_mm) - apply(start, centre_mm)
    along = float(shift @ beam)
    turned = Rotation.from_matrix(pose[:3, :3] @ start[:3, :3].T).magnitude()
    return float(np.degrees(turned)), float(np.linalg.norm(shift - along * beam)), abs(along)


def _worst(values: Iterable[float]) -> float:
    """The least, NaN of none."""
    return min(values, default=float("nan"))
