"""What of the images can be compared: vessels with vessels, bones with bones, each view for itself."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import TERMS, Term
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.groups import vessel_groups
from DeepIterRegLib.refinement.phases import PhaseSimilarity
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity
from DeepIterRegLib.refinement.posterior import Posterior
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.pyramid import VesselPyramid
from DeepIterRegLib.refinement.skull_similarity import SkullSimilarity, skull_factor
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import gathered, pixel_at_isocentre_mm


class Evidence:
    """The comparisons that a CTA and its angiograms allow, at several resolutions."""

    def __init__(
        self,
        volume: PreparedVolume,
        angiograms: Sequence[PreparedAngiogram],
        terms: Sequence[Term] = TERMS,
        *,
        vessel_sizes_px: Sequence[int],
        skull_sizes_px: Sequence[int],
        device: str = "cpu",
    ) -> None:
        """terms: what to compare, as far as the images show it. Sizes: pixels along the detector's shorter side."""
        self._volume, self._vessel_sizes_px, self._device = volume, tuple(vessel_sizes_px), device
        with_vessels = "vessels" in terms and len(volume.cloud) > 0
        self.vessel_views = tuple(view for view in angiograms if with_vessels and view.shows_vessels)
        self.groups = vessel_groups(volume.cloud, volume.frame.right) if self.vessel_views else []
        self.vessels = VesselPyramid(self.groups, self.vessel_views, vessel_sizes_px, device)
        self.skull: VesselCloud | None = volume.skull if "skull" in terms else None
        self.skull_views = tuple(view for view in angiograms if self.skull is not None and view.skull is not None)
        self._skull = {
            (size, number): _skull_similarity(self.skull, view, size, device)
            for number, view in enumerate(self.skull_views)
            for size in skull_sizes_px
            if self.skull is not None
        }

    def with_filled(self, filled: FloatArray) -> Evidence:
        """The same with the vessels' points counted by `filled` (N,), as in `vessel_groups`; all else is shared."""
        other = copy.copy(self)
        if self.vessel_views:
            other.groups = vessel_groups(self._volume.cloud, self._volume.frame.right, filled)
            other.vessels = VesselPyramid(other.groups, self.vessel_views, self._vessel_sizes_px, self._device)
        return other

    def __bool__(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.vessel_views or self.skull_views)

    def skull_similarity(self, size_px: int, number: int) -> SkullSimilarity:
        """Of view `number` of `skull_views`."""
        return self._skull[size_px, number]

    def posterior(self, vessel_px: int, skull_px: int, priors: Sequence[PosePrior]) -> Posterior:
        """What is maximised at one resolution: each term's log likelihood in each view, and the pose's log priors."""
        vessels = [self.vessel_similarity(vessel_px, number) for number in range(len(self.vessel_views))]
        skulls = [self.skull_similarity(skull_px, number) for number in range(len(self.skull_views))]
        parts: list[PoseSimilarity] = [*vessels, *skulls]
        return Posterior([(1.0, part) for part in parts], *priors)

    def of_view(self, view: PreparedAngiogram, vessel_px: int, skull_px: int) -> list[PoseSimilarity]:
        """The log likelihoods of one of the angiograms; empty where there is nothing to compare in it."""
        parts: list[PoseSimilarity] = []
        for number, one in enumerate(self.vessel_views):
            if one is view:
                parts.append(self.vessel_similarity(vessel_px, number))
        for number, one in enumerate(self.skull_views):
            if one is view:
                parts.append(self.skull_similarity(skull_px, number))
        return parts

    def vessel_similarity(self, size_px: int, number: int) -> PhaseSimilarity:
        """Of view `number` of `vessel_views`."""
        return PhaseSimilarity(self.vessels.renderers(size_px, number), self.groups, self.vessel_views[number], size_px)


def _skull_similarity(skull: VesselCloud, view: PreparedAngiogram, size_px: int, device: str) -> SkullSimilarity:
    image = view.skull
    assert image is not None
    factor = skull_factor(view.angiogram.carm, skull, size_px)
    carm = view.angiogram.carm.binned(factor)
    renderer = splat_renderer(gathered(skull, pixel_at_isocentre_mm(carm)), carm, device, resample=False)
    return SkullSimilarity(renderer, image, factor, size_px)
