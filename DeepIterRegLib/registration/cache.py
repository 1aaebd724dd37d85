"""What a process that registers again and again remembers of the images: the worker of the Slicer panel."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Generic, TypeVar

from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.registration.images import Deferred, PatientImages

T = TypeVar("T")


class RecentlyUsed(Generic[T]):
    """The last `size` values that were stored or asked for, by key. The key None stands for what has none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str | None) -> T | None:
        if key is None or key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: str | None, value: T) -> T:
        """Store a value, unless it has no key; returns it."""
        if key is not None:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._size:
                self._values.popitem(last=False)
        return value


class PreparationCache:
    """Images and what was made of them, by the keys of `Deferred` images; others are not remembered."""

    def __init__(self, volumes: int = 2, angiograms: int = 4) -> None:
        self.volumes: RecentlyUsed[Volume] = RecentlyUsed(volumes)
        self.prepared_volumes: RecentlyUsed[PreparedVolume] = RecentlyUsed(volumes)
        self.angiograms: RecentlyUsed[Angiogram] = RecentlyUsed(angiograms)
        self.prepared_angiograms: RecentlyUsed[PreparedAngiogram] = RecentlyUsed(angiograms)

    def holds(self, images: PatientImages) -> bool:
        """Whether all images are prepared already."""
        angiograms = (self.prepared_angiograms.get(angiogram_key(images, n)) for n in range(len(images.angiograms)))
        return self.prepared_volumes.get(volume_key(images)) is not None and None not in angiograms


def volume_key(images: PatientImages) -> str | None:
    """Of the prepared CTA: of its voxels and its masks."""
    return _joined(images.volume, images.masks.cta_vessels, images.masks.cta_veins)


def angiogram_key(images: PatientImages, index: int) -> str | None:
    """Of a prepared angiogram: of its frames and its masks."""
    return _joined(images.angiograms[index], *images.masks.of_angiogram(index))


def key_of(image: Any) -> str | None:
    """Of an image that may be fetched later; None of one that is there."""
    return image.key if isinstance(image, Deferred) else None


def _joined(image: Any, *masks: Any) -> str | None:
    keys = [key_of(image), *(None if mask is None else key_of(mask) for mask in masks)]
    unknown = keys[0] is None or any(mask is not None and key_of(mask) is None for mask in masks)
    return None if unknown else json.dumps(keys)
