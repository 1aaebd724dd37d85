"""The prepared images, which registration works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.head_frame import HeadFrame
from DeepIterRegLib.preparation.skull.image import SkullImage


@dataclass(frozen=True, eq=False)
class PreparedVolume:
    """The 3D side: the volume, its vessel masks and the points that are rendered."""

    volume: Volume
    vessels: BoolArray
    """(K, J, I) all vessels, veins included; empty where a CT shows no contrast."""
    veins: BoolArray
    """(K, J, I) the large veins that follow the skull; a subset of `vessels`, empty where there are none."""
    cloud: VesselCloud
    """Empty where a CT has no contrast."""
    warnings: tuple[str, ...] = ()
    skull: VesselCloud | None = None
    """Bone of cranium and upper face, None where there is none, as in a 3DRA."""
    head: HeadFrame | None = None
    """Where the head lies in it; None where that is not known, and the cloud's centre stands for the head's."""

    @property
    def frame(self) -> HeadFrame:
        """What a registration starts from: the head's frame, or the grid's centre and axes."""
        return self.head or HeadFrame.of_grid(self.cloud.centre_mm)

    @property
    def shows_skull(self) -> bool:
        """Whether its skull stands for it, because a CT without contrast has no vessels to show."""
        return len(self.cloud) == 0 and self.skull is not None

    @property
    def shown_cloud(self) -> VesselCloud:
        """The vessels, or the skull of a CT without contrast: what tells where the volume is."""
        return self.skull if self.skull is not None and self.shows_skull else self.cloud

    @property
    def cloud_for_scene(self) -> VesselCloud:
        """The vessels about the volume's centre, which is the centre of the pose's transform in a scene."""
        return replace(self.cloud, centre_mm=self.volume.centre_mm)


@dataclass(frozen=True, eq=False)
class PreparedAngiogram:
    """The 2D side: the run, its minimum projection and masks, all (rows, columns) of the angiogram's detector."""

    angiogram: Angiogram
    minip: npt.NDArray[np.float32]
    """Minimum over the frames: every vessel that ever filled, dark on light. Without contrast, the native image."""
    contrast: npt.NDArray[np.float32]
    """The MinIP with its background flattened to 0, vessels positive, 0 outside `angiogram.valid`; arbitrary scale
    with the 99.5th percentile of the vessels at about 1."""
    vessels: BoolArray
    veins: BoolArray
    """Subset of `vessels` that fills late; empty when there is one frame only."""
    arteries: BoolArray
    """Subset of `vessels` that fills early; equal to `vessels` when there is one frame only."""
    artery_contrast: npt.NDArray[np.float32]
    """Like `contrast`, of the arterial phase alone; equal to `contrast` when there is one frame only."""
    vein_contrast: npt.NDArray[np.float32]
    """Like `contrast`, of the venous phase alone; zeros when there is one frame only."""
    warnings: tuple[str, ...] = ()
    skull: SkullImage | None = None
    """What it shows of the head's bones; None where it shows none."""

    @property
    def shows_vessels(self) -> bool:
        """Whether contrast was found in it."""
        return bool(self.vessels.any())

    def mirrored(self) -> PreparedAngiogram:
        """The same pixels on a detector that is read from the other side."""
        return replace(self, angiogram=replace(self.angiogram, carm=self.angiogram.carm.mirrored()))


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """Images ready to be registered: one CTA, and one angiogram or two of the unmoved patient."""

    volume: PreparedVolume
    angiograms: tuple[PreparedAngiogram, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of all images, each once."""
        lines = (*self.volume.warnings, *(line for run in self.angiograms for line in run.warnings))
        return tuple(dict.fromkeys(lines))
