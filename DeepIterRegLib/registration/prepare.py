"""Prepare: from the images to vessels, masks and the points that are rendered."""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.aside import aside, failing_with
from DeepIterRegLib.common.errors import InputError, about_run
from DeepIterRegLib.common.freed_memory import give_back_freed_memory
from DeepIterRegLib.common.progress import Progress, ProgressCallback, part_of
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.registration.cache import PreparationCache, RecentlyUsed, angiogram_key, key_of, volume_key
from DeepIterRegLib.registration.images import Deferred, PatientImages

__all__ = ["PreparedImages", "prepare"]

ANGIOGRAMS_SHARE = 0.1
"""Of the progress bar: they are segmented beside the CTA, which takes longer."""

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
    known: list[PreparedAngiogram | None] = [
        cache.prepared_angiograms.get(angiogram_key(images, index)) for index in range(count)
    ]
    tell = part_of(progress, 0.0, ANGIOGRAMS_SHARE)
    # The angiograms first: they are fast and fail more often.
    fetched = [
        None if known[index] is not None else _fetched_angiogram(images, index, tell, cache) for index in range(count)
    ]
    rest = part_of(progress, ANGIOGRAMS_SHARE, 1.0)
    to_come = aside(_prepare_angiograms, fetched)
    try:
        volume = _volume(images, failing_with(to_come, rest), cache)
    except InputError:
        to_come.result()  # What is wrong with an angiogram is said first, whichever was found first.
        raise
    angiograms = [
        before if now is None else cache.prepared_angiograms.put(angiogram_key(images, index), now)
        for index, (before, now) in enumerate(zip(known, to_come.result(), strict=True))
    ]
    return PreparedImages(volume, tuple(view for view in angiograms if view is not None))


FetchedAngiogram: TypeAlias = tuple[Angiogram, BoolArray | None, BoolArray | None]
"""With the masks of its vessels and its veins."""


def _prepare_angiograms(fetched: list[FetchedAngiogram | None]) -> list[PreparedAngiogram | None]:
    prepared: list[PreparedAngiogram | None] = []
    for number, view in enumerate(fetched, start=1):
        with about_run(number):
            prepared.append(None if view is None else prepare_angiogram(*view))
    give_back_freed_memory()  # The CTA, which goes on, cannot use what this thread had.
    return prepared


def _fetched_angiogram(
    images: PatientImages, index: int, tell: ProgressCallback, cache: PreparationCache
) -> FetchedAngiogram:
    """What `prepare_angiogram` takes. Here, not beside the CTA: whoever fetches answers one question at a time."""
    angiogram = _fetched(images.angiograms[index], cache.angiograms, tell)
    tell(Progress(stage_names.SEGMENTING_DSA, 0.2))
    vessels, veins = map(_fetched_mask, images.masks.of_angiogram(index))
    return angiogram, vessels, veins


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
