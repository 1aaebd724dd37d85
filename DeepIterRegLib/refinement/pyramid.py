"""The vessel groups at the resolutions of the search, sampled once: sampling costs more than rendering."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement.groups import weighted_sum
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.sampling import binning_factor, fitting_cell_mm, resampled


class VesselPyramid:
    """Renderers of vessel groups for several angiograms at several detector sizes.

    groups: the clouds, at the CTA's own resolution. sizes_px: pixels along the detector's shorter side. Each size's
    cells fit the pixels of the finest detector (`fitting_cell_mm`) and are made of the next finer size's.
    """

    def __init__(
        self,
        groups: Sequence[VesselCloud],
        angiograms: Sequence[PreparedAngiogram],
        sizes_px: Sequence[int],
        device: str,
    ) -> None:
        self._device = device
        self._clouds: dict[int, list[VesselCloud]] = {}
        self._renderers: dict[tuple[int, int], list[Renderer]] = {}
        carms = [prepared.angiogram.carm for prepared in angiograms]
        clouds = list(groups)
        for size in sorted(set(sizes_px), reverse=True):
            binned = [carm.binned(binning_factor(carm, size)) for carm in carms]
            clouds = [resampled(cloud, min(fitting_cell_mm(cloud, carm) for carm in binned)) for cloud in clouds]
            self._clouds[size] = clouds
            for view, carm in enumerate(binned):
                self._renderers[size, view] = [splat_renderer(cloud, carm, device, resample=False) for cloud in clouds]

    def renderers(self, size_px: int, view: int) -> list[Renderer]:
        """One for each group, on the binned detector of angiogram number `view`."""
        return self._renderers[size_px, view]

    def mixture(self, size_px: int, view: int, gains: FloatArray) -> Renderer:
        """A renderer of all groups together, each with its gain (K,)."""
        cloud = weighted_sum(self._clouds[size_px], gains)
        return splat_renderer(cloud, self._renderers[size_px, view][0].carm, self._device, resample=False)
