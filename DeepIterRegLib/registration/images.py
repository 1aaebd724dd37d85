"""Get images: a CTA and its angiograms, with the masks that replace a segmentation, however they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.aside import aside
from DeepIterRegLib.common.errors import Field, InputError, about_run
from DeepIterRegLib.common.freed_memory import give_back_freed_memory
from DeepIterRegLib.common.progress import Progress, ProgressCallback
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.masks import mask_array, read_detector_mask, read_volume_mask
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import RequestedKind, read_volume

FilePath: TypeAlias = str | os.PathLike[str]
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False)
class Deferred(Generic[T_co]):
    """An image that is fetched only where nobody remembers it."""

    key: str
    """Equal to another image's exactly if the image is."""
    fetch: Callable[[], T_co]


@dataclass(frozen=True, eq=False)
class Masks(Generic[T_co]):
    """What replaces our own segmentation; None where it is ours. The type is that of a mask: a file, or an array."""

    cta_vessels: T_co | None = None
    """(K, J, I) all vessels of the CTA."""
    cta_veins: T_co | None = None
    """(K, J, I) its large veins."""
    dsa_vessels: tuple[T_co | None, ...] = ()
    """(rows, columns) all vessels of each angiogram; empty where none is given."""
    dsa_veins: tuple[T_co | None, ...] = ()

    @property
    def tell_cta(self) -> bool:
        """Whether they say all of the CTA's vessels and veins, so that nothing of it is segmented."""
        return self.cta_vessels is not None and self.cta_veins is not None

    def of_angiogram(self, index: int) -> tuple[T_co | None, T_co | None]:
        """Vessels and veins of one angiogram."""
        vessels, veins = (given[index] if given else None for given in (self.dsa_vessels, self.dsa_veins))
        return vessels, veins


MaskArray: TypeAlias = BoolArray | Deferred[BoolArray]


@dataclass(frozen=True, eq=False)
class PatientImages:
    """What a registration begins with: one CTA, and one angiogram or two of the unmoved patient.

    Raises InputError without an angiogram, and where the masks are not one for each.
    """

    volume: Volume | Deferred[Volume]
    angiograms: tuple[Angiogram | Deferred[Angiogram], ...]
    masks: Masks[MaskArray] = field(default_factory=Masks)

    def __post_init__(self) -> None:
        _require_angiograms(self.angiograms, self.masks)


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """The files that a patient's images are in (or images that were read already), and what is said about them.

    Raises InputError without an angiogram, and where geometries or masks are not one for each.
    """

    cta: FilePath | Volume
    """An NRRD or NIfTI file, or a DICOM folder."""
    dsas: tuple[FilePath | Angiogram, ...]
    """XA DICOM, NRRD, NIfTI or PNG files, or folders of PNG frames."""
    volume_kind: RequestedKind = "auto"
    geometries: tuple[GeometryOptions | None, ...] = ()
    """Over the files' tags; one for each angiogram, or none at all."""
    masks: Masks[FilePath | BoolArray] = field(default_factory=Masks)

    def __post_init__(self) -> None:
        _require_angiograms(self.dsas, self.masks)
        _require_kind(self.cta, Volume, Field.CTA)
        for dsa in self.dsas:
            _require_kind(dsa, Angiogram, Field.DSA)
        one_for_each(self.geometries, len(self.dsas), Field.CARM)


def _require_kind(given: Any, kind: type[Volume] | type[Angiogram], field: Field) -> None:
    if not isinstance(given, str | os.PathLike | kind):
        raise InputError(
            "{field} must be a file, a folder or a {kind} (which says where its pixels are), not {type}; give one of "
            "those.",
            field=field,
            kind=kind.__name__,
            type=type(given).__name__,
        )


def read_images(files: ImageFiles, progress: ProgressCallback | None = None) -> PatientImages:
    """Read every file, the CTA beside the angiograms. Raises InputError, that of an angiogram first."""
    if progress is not None:
        progress(Progress(stage_names.READING, 0.0))
    told = files.masks.tell_cta
    cta = files.cta if isinstance(files.cta, Volume) else aside(read_volume, files.cta, files.volume_kind, told)
    geometries = files.geometries or (None,) * len(files.dsas)
    angiograms = tuple(
        dsa if isinstance(dsa, Angiogram) else _read_run(number, dsa, geometry)
        for number, (dsa, geometry) in enumerate(zip(files.dsas, geometries, strict=True), start=1)
    )
    volume = cta if isinstance(cta, Volume) else cta.result()
    given = files.masks
    masks = Masks(
        cta_vessels=_volume_mask(given.cta_vessels, volume, Field.CTA_VESSELS),
        cta_veins=_volume_mask(given.cta_veins, volume, Field.CTA_VEINS),
        dsa_vessels=_detector_masks(given.dsa_vessels, angiograms, Field.DSA_VESSELS),
        dsa_veins=_detector_masks(given.dsa_veins, angiograms, Field.DSA_VEINS),
    )
    give_back_freed_memory()
    return PatientImages(volume, angiograms, masks)


def _read_run(number: int, path: FilePath, geometry: GeometryOptions | None) -> Angiogram:
    with about_run(number):
        return read_angiogram(path, geometry)


def _volume_mask(given: FilePath | BoolArray | None, volume: Volume, what: Field) -> BoolArray | None:
    if given is None:
        return None
    return read_volume_mask(given, volume, what) if isinstance(given, str | os.PathLike) else mask_array(given, what)


def _detector_masks(
    given: tuple[FilePath | BoolArray | None, ...], angiograms: tuple[Angiogram, ...], what: Field
) -> tuple[BoolArray | None, ...]:
    def mask_of(number: int, mask: FilePath | BoolArray | None, angiogram: Angiogram) -> BoolArray | None:
        if mask is None:
            return None
        with about_run(number):
            return (
                read_detector_mask(mask, angiogram, what)
                if isinstance(mask, str | os.PathLike)
                else mask_array(mask, what)
            )

    of_each = enumerate(zip(given, angiograms, strict=False), start=1)
    return tuple(mask_of(number, mask, angiogram) for number, (mask, angiogram) in of_each)


def one_for_each(given: Sequence[Any], count: int, what: Field) -> None:
    """Raise InputError where values that belong to the angiograms are neither one for each of `count` nor none."""
    if given and len(given) != count:
        raise InputError(
            "{given} values are given for {count} angiograms; give {field} once for each, in the same order.",
            field=what,
            given=len(given),
            count=count,
        )


def _require_angiograms(angiograms: Sequence[Any], masks: Masks[Any]) -> None:
    if not angiograms:
        raise InputError("There is no angiogram; give a run as {dsa}.", field=Field.DSA)
    one_for_each(masks.dsa_vessels, len(angiograms), Field.DSA_VESSELS)
    one_for_each(masks.dsa_veins, len(angiograms), Field.DSA_VEINS)
