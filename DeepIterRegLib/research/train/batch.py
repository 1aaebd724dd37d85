"""Samples side by side, as the network takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.research.train.sample import Sample

if TYPE_CHECKING:
    import torch

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Batch:
    """B samples; float32."""

    images: Floats
    """(B, 2, SIZE_PX, SIZE_PX) moving, fixed."""
    correction: Floats
    """(B, 6)."""
    points_mm: Floats
    """(B, P, 3)."""
    volume_mm3: Floats
    """(B,)."""
    source_mm: Floats
    """(B, 3)."""

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Batch:
        return cls(
            images=np.stack([(sample.moving, sample.fixed) for sample in samples]).astype(np.float32, copy=False),
            correction=np.stack([sample.correction for sample in samples]),
            points_mm=np.stack([sample.points_mm for sample in samples]),
            volume_mm3=np.array([sample.volume_mm3 for sample in samples], dtype=np.float32),
            source_mm=np.stack([sample.source_mm for sample in samples]),
        )

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        return cls(**{
            field.name: np.concatenate([getattr(batch, field.name) for batch in batches]) for field in fields(cls)
        })  # fmt: skip

    @classmethod
    def interleaved(cls, batches: Sequence[Batch]) -> Batch:
        """The first of each, then the second of each, ...; all of one length."""
        order = np.arange(sum(map(len, batches))).reshape(len(batches), -1).T.ravel()
        return cls.joined(batches).taken(order)

    def taken(self, places: slice | npt.NDArray[np.intp]) -> Batch:
        return Batch(**{field.name: getattr(self, field.name)[places] for field in fields(self)})

    def tensors(self, device: str) -> list[torch.Tensor]:
        """Images, correction, points, volumes, sources on `device`."""
        # Not at file scope: the processes that draw samples do without PyTorch.
        import torch

        return [torch.from_numpy(getattr(self, field.name)).to(device, non_blocking=True) for field in fields(self)]
