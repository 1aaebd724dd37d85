"""Reads an angiographic run from NRRD, NIfTI or PNG, which carry no C-arm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.itk_files import read_image
from DeepIterRegLib.images.paths import nameless, natural_order
from DeepIterRegLib.images.run import RawRun, subtracted_run

FRAME_SUFFIXES = {".png"}
MIN_VOLUME_SLICES = 60
"""A DSA run of a minute has 60 frames or more too, but they have no place in the patient (see `_looks_like_volume`)."""


def read_frames(path: Path, options: GeometryOptions) -> Angiogram:
    """Read a run without geometry.

    path: a file whose first axis is columns, second rows, third time; or a folder of PNG files, one frame each, in the
    order of the numbers in their names. Raw frames are taken as logarithmic. Raises InputError.
    """
    pixels, brightest = _folder_pixels(path) if path.is_dir() else _file_pixels(path)
    _, rows, columns = pixels.shape
    carm = options.carm_without_tags(rows, columns, path.name)
    raw = RawRun(pixels.astype(np.float32), np.ones((rows, columns), dtype=bool), brightest=brightest)
    run = subtracted_run(raw, path.name)
    return Angiogram(
        run.frames, carm, run.valid, warnings=nameless(run.warnings, path, "The DSA"), native=run.native,
        head_motion=run.head_motion, assumed=options.assumed_of_preset(),
    )  # fmt: skip


def _file_pixels(path: Path) -> tuple[npt.NDArray[np.generic], float | None]:
    import SimpleITK as sitk

    image = read_image(path, Field.DSA)
    array = sitk.GetArrayFromImage(image)
    if image.GetNumberOfComponentsPerPixel() > 1:
        if path.suffix.lower() in FRAME_SUFFIXES:
            array = _grey(array, path.name)
        elif image.GetDimension() == 2 or image.GetSize()[2] == 1:
            # Slicer saves a sequence of slices as one slice with a list of values per pixel.
            return np.moveaxis(array.reshape(*array.shape[-3:]), -1, 0), _brightest(array)
        else:
            raise InputError(
                "{file} has several values per voxel; give frames whose third axis is time for {dsa}.",
                field=Field.DSA,
                file=path,
            )
    if image.GetDimension() == 4 and image.GetSize()[2] == 1:
        array = array[:, 0]
    if image.GetDimension() == 2:
        array = array[None]
    if array.ndim != 3:
        raise InputError(
            "{file} is {dimensions}D; give frames whose third axis is time for {dsa}.",
            field=Field.DSA,
            file=path,
            dimensions=array.ndim,
        )
    if image.GetDimension() == 3 and _looks_like_volume(array, image.GetSpacing(), image.GetOrigin()):
        raise InputError(
            "{file}, given for {dsa}, is a 3D volume; give a 2D run, and if this is the CTA, swap {cta} and {dsa}.",
            field=Field.DSA,
            file=path,
        )
    return array, _brightest(array)


def _brightest(array: npt.NDArray[np.generic]) -> float | None:
    return 255.0 if array.dtype == np.uint8 else None


def _looks_like_volume(
    array: npt.NDArray[np.generic], spacing_mm: tuple[float, ...], origin_mm: tuple[float, ...]
) -> bool:
    """Hounsfield units, or so many slices with a place in the patient that they fill a head."""
    if array.min() <= -900 and array.max() >= 300 and len(array) >= 10:
        return True
    placed = any(abs(x) > 1e-6 for x in origin_mm)
    extent_mm = len(array) * spacing_mm[2]
    return placed and len(array) >= MIN_VOLUME_SLICES and 60 <= extent_mm <= 600


def _folder_pixels(folder: Path) -> tuple[npt.NDArray[np.generic], float | None]:
    files = [
        file for file in folder.iterdir() if file.suffix.lower() in FRAME_SUFFIXES and not file.name.startswith(".")
    ]
    frames = [_file_pixels(file)[0] for file in sorted(files, key=natural_order)]
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1:
        raise InputError(
            "The frames in the folder {file} differ in size; give the frames of one run for {dsa}.",
            field=Field.DSA,
            file=folder,
        )
    array = np.concatenate(frames)
    return array, _brightest(array)


def _grey(array: npt.NDArray[np.generic], file_name: str) -> npt.NDArray[np.generic]:
    """One channel of a picture whose colours are equal (transparency aside)."""
    colours = array[..., :3] if array.shape[-1] in (3, 4) else array[..., :1]
    if (colours != colours[..., :1]).any():
        raise InputError("{file} is in colour; give grey X-ray frames for {dsa}.", field=Field.DSA, file=file_name)
    return colours[..., 0]
