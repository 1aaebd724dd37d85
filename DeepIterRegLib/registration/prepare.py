"""Prepare: from the images to vessels, masks and the points that are rendered."""

from __future__ import annotations

from typing import TypeVar

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.progress import Progress, ProgressCallback, part_of
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.registration.cache import PreparationCache, RecentlyUsed, angiogram_key, key_of, volume_key
from DeepIterRegLib.registration.images import Deferred, PatientImages

__all__ = ["PreparedImages", "prepare"]

ANGIOGRAMS_SHARE = 0.3
"""Of the progress bar."""

T = TypeVar("T")


@one_blas_thread
def prepare(
    images: PatientImages, progress: ProgressCallback | None = None, cache: PreparationCache | None = None
) -> PreparedImages:
    """Segment the images. cache: remembers what `Deferred` images became, and is asked first.

    Raises InputError for images in which nothing can be registered. The same images give the same result.
    """
    cache = cache or PreparationCache()
    count = len(images.angiograms)
    # The angiograms first: they are fast and fail more often.
    angiograms = []
    for index in range(count):
        share = ANGIOGRAMS_SHARE * index / count, ANGIOGRAMS_SHARE * (index + 1) / count
        angiograms.append(_angiogram(images, index, part_of(progress, *share), cache))
    volume = _volume(images, part_of(progress, ANGIOGRAMS_SHARE, 1.0), cache)
    return PreparedImages(volume, tuple(angiograms))


def _angiogram(images: PatientImages, index: int, tell: ProgressCallback, cache: PreparationCache) -> PreparedAngiogram:
    key = angiogram_key(images, index)
    known = cache.prepared_angiograms.get(key)
    if known is not None:
        return known
    angiogram = _fetched(images.angiograms[index], cache.angiograms, tell)
    tell(Progress(stage_names.SEGMENTING_DSA, 0.2))
    vessels, veins = map(_fetched_mask, images.masks.of_angiogram(index))
    return cache.prepared_angiograms.put(key, prepare_angiogram(angiogram, vessels, veins))


def _volume(images: PatientImages, tell: ProgressCallback, cache: PreparationCache) -> PreparedVolume:
    key = volume_key(images)
    known = cache.prepared_volumes.get(key)
    if known is not None:
        return known
    volume = _fetched(images.volume, cache.volumes, tell)
    vessels, veins = map(_fetched_mask, (images.masks.cta_vessels, images.masks.cta_veins))
    prepared = prepare_volume(volume, vessels, veins, lambda stage, fraction: tell(Progress(stage, fraction)))
    return cache.prepared_volumes.put(key, prepared)


def _fetched(image: T | Deferred[T], remembered: RecentlyUsed[T], tell: ProgressCallback) -> T:
    if not isinstance(image, Deferred):
        return image
    known = remembered.get(key_of(image))
    if known is not None:
        return known
    tell(Progress(stage_names.READING, 0.0))
    return remembered.put(image.key, image.fetch())


def _fetched_mask(mask: T | Deferred[T] | None) -> T | None:
    return mask.fetch() if isinstance(mask, Deferred) else mask
