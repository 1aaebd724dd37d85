"""Images as a scene's file holds them, compressed while the registration runs.

MRML compresses with one core while it holds the interpreter's lock, from a copy of its own: 3 s and 0.3 GB for a CTA.
zlib lets the lock go, so the same is done beside preparing and registering, of the arrays that are there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.aside import aside
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.volume import Volume

if TYPE_CHECKING:  # It loads scipy, which the application does without.
    from DeepIterRegLib.registration.images import PatientImages

GZIP_WINDOW = zlib.MAX_WBITS + 16
"""Of zlib: with gzip's header, as NRRD has it."""
PIECE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class PackedVoxels:
    """The voxels of an NRRD file."""

    sizes: tuple[int, ...]
    """The fastest axis first."""
    file: IO[bytes]
    """One gzip stream, in a file without a name: 0.1 GB that the memory has not to hold."""

    def __len__(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def copy_to(self, target: IO[bytes]) -> None:
        self.file.seek(0)
        shutil.copyfileobj(self.file, target)


def pack(voxels: npt.NDArray[Any], sizes: tuple[int, ...]) -> PackedVoxels:
    """Compress an array of the machine's byte order.

    Repeats of a byte are all that is looked for: a CT's noise holds no longer ones. That takes two thirds of the time
    of zlib's fastest level and makes a scene 7 % larger. Raises OSError where the disk is full.
    """
    compressor = zlib.compressobj(1, zlib.DEFLATED, GZIP_WINDOW, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    bytes_of = np.ascontiguousarray(voxels).reshape(-1).data.cast("B")
    file = tempfile.TemporaryFile()  # noqa: SIM115 closed when nobody holds the voxels any more
    for begin in range(0, len(bytes_of), PIECE_BYTES):
        file.write(compressor.compress(bytes_of[begin : begin + PIECE_BYTES]))
    file.write(compressor.flush())
    return PackedVoxels(sizes, file)


def pack_volume(volume: Volume) -> PackedVoxels:
    """As a scalar volume node writes it."""
    return pack(volume.voxels, volume.voxels.shape[::-1])


def pack_run(angiogram: Angiogram) -> PackedVoxels:
    """As a sequence of slices is written: frame after frame."""
    count, rows, columns = angiogram.frames.shape
    return pack(angiogram.frames, (columns, rows, 1, count))


class Packing:
    """Images that are compressed in a thread of its own, one after the other."""

    def __init__(self, images: Iterable[Volume | Angiogram]) -> None:
        self._images = tuple(images)
        self._packed: Future[list[PackedVoxels]] = aside(lambda: [_pack(image) for image in self._images])

    @classmethod
    def of_patient(cls, images: PatientImages) -> Packing:
        """Of what `write_registration_scene` asks for, as far as it was read already."""
        runs = [run for run in images.angiograms if isinstance(run, Angiogram) and run.shows_contrast]
        volume = images.volume
        return cls([volume, *runs] if isinstance(volume, Volume) and volume.kind != "3dra" else runs)

    def of(self, image: Volume | Angiogram) -> PackedVoxels:
        """Waits for an image, and compresses one that was not asked for in the beginning."""
        array = _array(image)
        for index, known in enumerate(self._images):
            if _array(known) is array:
                return self._packed.result()[index]
        return _pack(image)


def _array(image: Volume | Angiogram) -> npt.NDArray[Any]:
    return image.voxels if isinstance(image, Volume) else image.frames


def _pack(image: Volume | Angiogram) -> PackedVoxels:
    return pack_volume(image) if isinstance(image, Volume) else pack_run(image)
