"""Where a DSA run comes from, before it is read: cheap to make in the application, read in the worker or at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import HEAD_FIRST_SUPINE
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.geometry_options import NUMBERS, GeometryOptions
from DeepIterRegLib.images.native_image import NativeImage

if TYPE_CHECKING:
    from DeepIterRegLib.images.run import RawRun

NAME = "The DSA"
"""In messages; a node's or file's own name may be the patient's."""


@dataclass(frozen=True, eq=False)
class ReadyRun:
    """An angiogram that was read before, all but its frames. The fields are those of `Angiogram`."""

    carm: CArm
    valid: BoolArray
    frame_times_s: npt.NDArray[np.float64] | None = None
    patient_position: str = HEAD_FIRST_SUPINE
    name: str = "DSA"
    warnings: tuple[str, ...] = ()
    native: NativeImage | None = None
    head_motion: FloatArray | None = None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class DsaSource:
    """A run that was read before, a DICOM file, or the frames of some other file with what is known about them."""

    geometry: GeometryOptions
    """What the user says, over what the run itself says."""
    frames: tuple[npt.NDArray[Any], ...] = ()
    """(n, rows, columns) each, in their order; not copied, and not looked at where the file can be decoded. None where
    a run that was read before shows no contrast."""
    ready: ReadyRun | None = None
    file: Path | None = None
    """The DICOM file whose tags describe the run."""
    file_is_whole: bool = False
    """Whether that file holds all of the run, so that its pixels and all of its tags count."""


def read_source(source: DsaSource) -> Angiogram:
    """The run of a source. Raises InputError for one that cannot be registered, UndecodableError for a file that needs
    `frames` because no decoder for it is installed. No message contains the file's name."""
    if source.ready is not None:
        return _read_before(source, source.ready)
    if source.file is None:
        return _from_frames(source)
    try:
        return _from_file(source, source.file)
    except InputError as error:
        # Slicer's DICOM database names its files by UIDs, other places by patients.
        raise error.about(NAME) from error


def overridden(carm: CArm, options: GeometryOptions) -> CArm:
    """A C-arm with what the user gave in place of its own numbers. Raises InputError where they make no C-arm."""
    if not options.says_something:
        return carm
    given = {name: value for name in NUMBERS if (value := getattr(options, name)) is not None}
    own = {} if options.carm is not None else {name: getattr(carm, name) for name in NUMBERS}
    complete = GeometryOptions(**{"carm": options.carm, "image_turn": options.image_turn, **own, **given})
    turn = carm.image_turn
    if turn is None:
        return complete.carm_without_tags(carm.rows, carm.columns, NAME)
    # Where the isocentre falls, and how the image was turned, no typed number says: they stay.
    return complete.carm_without_tags(carm.rows, carm.columns, NAME, carm.principal_point_px, turn)


def _read_before(source: DsaSource, ready: ReadyRun) -> Angiogram:
    none = np.zeros((0, *ready.valid.shape), dtype=np.float32)
    frames = np.concatenate((none, *source.frames), dtype=np.float32)
    carm = overridden(ready.carm, source.geometry)
    return Angiogram(
        frames, carm, ready.valid, ready.frame_times_s, ready.patient_position, ready.name, ready.warnings,
        ready.native, ready.head_motion, ready.assumed,
    )  # fmt: skip


def _from_frames(source: DsaSource) -> Angiogram:
    rows, columns = source.frames[0].shape[1:]
    run = _subtracted(source, source.geometry.carm_without_tags(rows, columns, NAME))
    return replace(run, assumed=source.geometry.assumed_of_preset())


def _from_file(source: DsaSource, file: Path) -> Angiogram:
    from DeepIterRegLib.images.dicom_file import read_header
    from DeepIterRegLib.images.xa import pixels_of_header, read_xa
    from DeepIterRegLib.images.xa_geometry import carm_from_tags
    from DeepIterRegLib.images.xa_motion import StillFrames

    if source.file_is_whole:
        frames = np.concatenate(source.frames) if source.frames else None
        read = read_xa(file, source.geometry, frames)
        return replace(read, warnings=tuple(warning.replace(file.name, NAME) for warning in read.warnings))
    if not source.frames:
        raise InputError("The DSA has no frames; select a loaded angiographic run for {dsa}.", field=Field.DSA)
    header, still = read_header(file), StillFrames(0, sum(len(part) for part in source.frames))
    tagged = carm_from_tags(header, source.geometry, NAME, still)
    told = pixels_of_header(header, NAME, still, None)
    return replace(_subtracted(source, tagged.carm, tagged.warnings, told), assumed=tagged.assumed)


def _subtracted(source: DsaSource, carm: CArm, warnings: Sequence[str] = (), told: RawRun | None = None) -> Angiogram:
    """Frames of which nothing is known but the geometry, and what a header says of such pixels (`told`)."""
    from DeepIterRegLib.images.run import RawRun, subtracted_run

    frames = np.concatenate(source.frames)
    if frames.shape[1:] != (carm.rows, carm.columns):
        raise InputError(
            "The DSA has {rows} rows x {columns} columns, but its DICOM file says {file_rows} x "
            "{file_columns}; load the run again, and leave its size as it is.",
            field=Field.DSA,
            rows=frames.shape[1],
            columns=frames.shape[2],
            file_rows=carm.rows,
            file_columns=carm.columns,
        )
    brightest = 255.0 if frames.dtype == np.uint8 else None
    shown = np.ones(frames.shape[1:], dtype=bool)
    pixels = frames.astype(np.float32)
    raw = RawRun(pixels, shown, brightest=brightest) if told is None else replace(told, pixels=pixels)
    run = subtracted_run(raw, NAME)
    return Angiogram(
        run.frames, carm, run.valid, warnings=(*warnings, *run.warnings), native=run.native, head_motion=run.head_motion
    )
