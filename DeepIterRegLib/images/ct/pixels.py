"""The voxels of a stack's slices, each rescaled as its own header says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.ct.slices import Slice
from DeepIterRegLib.images.dicom_file import dataset_if_sound
from DeepIterRegLib.images.dicom_numbers import number_of, whole_number_of

if TYPE_CHECKING:
    from pydicom import Dataset

AIR_HU = -1024.0
LARGEST_WHOLE = 2**31 - 1
"""Of a rescale's numbers; with larger ones the values are no whole numbers of 64 bits."""
MODEST = 10_000
"""A slope and an intercept that 32 bits have room for."""
DENSEST_HU = 3071.0
"""Above it are only metal on an extended scale, and what scanners mark the outside of their circle with."""


def read_voxels(slices: Sequence[Slice], source: Path) -> npt.NDArray[Any]:
    """(K, rows, columns) of slices of one size, as they come: int16 or int32 where the rescale is whole, else float32.

    source: the file or folder that was given, for the errors. Raises InputError for pixels that are truncated or that
    nothing can decode, and where some slices have a rescale and others none.
    """
    bare = [s for s in slices if not s.has_rescale]
    if bare and len(bare) < len(slices):
        raise InputError(
            "{file}: {image} has no Rescale Slope (0028,1053) and Intercept (0028,1052), which other slices have; "
            "export the series again.",
            field=Field.CTA,
            file=source,
            image=bare[0].name,
        )
    whole = all(_is_whole(one) for one in slices)
    voxels: npt.NDArray[Any] = np.empty((len(slices), *slices[0].size), dtype=np.int16 if whole else np.float32)
    by_file: dict[Path, list[int]] = {}
    for index, one in enumerate(slices):
        by_file.setdefault(one.path, []).append(index)
    for path, indices in by_file.items():
        for index, values in zip(indices, _rescaled_frames(path, [slices[i] for i in indices], source), strict=True):
            if values.shape != slices[index].size:
                raise _undecodable(source)
            voxels = _wide_enough(voxels, values)
            voxels[index] = values
    return voxels


def same_pixels(slices: Sequence[Slice], others: Sequence[Slice], source: Path) -> BoolArray:
    """(N,) whether each of N slices shows the same as its other one. Raises InputError as `read_voxels`."""
    first, second = (read_voxels(group, source) for group in (slices, others))
    return np.array([np.array_equal(*pair) for pair in zip(first, second, strict=True)])


def _is_whole(one: Slice) -> bool:
    """Whether the rescale makes whole numbers of whole numbers."""
    return all(value == int(value) and abs(value) <= LARGEST_WHOLE for value in (one.slope, one.intercept))


def _rescaled_frames(path: Path, slices: list[Slice], source: Path) -> Iterator[npt.NDArray[Any]]:
    """The values of some frames of one file, int64 or float32; padding as air where no tissue has its value."""
    dataset = dataset_if_sound(path)
    if dataset is None or "PixelData" not in dataset:
        raise _undecodable(source)
    padding = _padding(dataset, path.name)
    for one, pixels in zip(slices, _frames(dataset, [s.frame for s in slices], source), strict=True):
        whole = _is_whole(one)
        small = pixels.dtype.itemsize <= 2 and abs(one.slope) <= MODEST and abs(one.intercept) <= MODEST
        wide: npt.DTypeLike = np.float32 if not whole else np.int32 if small else np.int64
        values = pixels.astype(wide) * np.asarray(one.slope, wide) + np.asarray(one.intercept, wide)
        if padding is not None:
            padded = (pixels >= padding[0]) & (pixels <= padding[1])
            values[padded & ((values < AIR_HU) | (values > DENSEST_HU))] = AIR_HU
        yield values


def _frames(dataset: Dataset, frames: list[int], source: Path) -> Iterator[npt.NDArray[Any]]:
    """The stored numbers, without the bits above them, where old files keep overlays."""
    from pydicom.pixels import iter_pixels

    allocated = whole_number_of(dataset, "BitsAllocated", source.name, field=Field.CTA) or 16
    stored = whole_number_of(dataset, "BitsStored", source.name, field=Field.CTA) or allocated
    unused = max(0, allocated - stored)
    decoded = iter_pixels(dataset, indices=frames)
    for _ in frames:
        try:
            with quiet_readers():
                pixels = np.asarray(next(decoded))
        except Exception as error:  # each codec has its own
            raise _undecodable(source) from error
        if unused and pixels.dtype.kind in "iu" and pixels.dtype.itemsize * 8 == allocated:
            pixels = (pixels << unused) >> unused  # with its sign, where the numbers have one
        yield pixels


def _padding(dataset: Dataset, file_name: str) -> tuple[float, float] | None:
    """The stored numbers, from and to, that stand for the outside of the scanner's circle."""
    value = number_of(dataset, "PixelPaddingValue", file_name, field=Field.CTA)
    if value is None:
        return None
    limit = number_of(dataset, "PixelPaddingRangeLimit", file_name, field=Field.CTA)
    return (value, value) if limit is None else (min(value, limit), max(value, limit))


def _wide_enough(voxels: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`voxels`, of a wider type if `values` need one: most CTs fit into 16 bits, and are half as large then."""
    for dtype in (np.int16, np.int32):
        if voxels.dtype == dtype and not (np.iinfo(dtype).min <= values.min() and values.max() <= np.iinfo(dtype).max):
            voxels = voxels.astype(np.int32 if dtype == np.int16 else np.float32)
    return voxels


def _undecodable(source: Path) -> InputError:
    if source.is_dir():
        return InputError(
            "A slice in the folder {file} is truncated or cannot be decoded; export the series again.",
            field=Field.CTA,
            file=source,
        )
    return InputError(
        "{file} has pixel data that are truncated or cannot be decoded; export it again, uncompressed if need be.",
        field=Field.CTA,
        file=source,
    )
