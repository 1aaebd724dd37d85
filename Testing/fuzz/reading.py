"""Reads a file as the command, the library or a scene does, and says how that ended."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.geometry.carm_json import carm_from_json
from DeepIterRegLib.geometry.transform_file import read_transform
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.masks import read_detector_mask, read_volume_mask
from DeepIterRegLib.images.paths import is_dicom
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.images.xa_values import header_values
from Testing.fuzz.originals import What

READ, REFUSED = "read", "refused"
LONGEST = 700
"""Characters of a sentence: what a file holds may be told in part, never poured out."""
OUT_OF_MEMORY = ("bad_alloc", "Failed to allocate", "llocation failed", "Unable to allocate", "not enough memory")
"""How ITK, VTK, numpy and the codecs say it."""
NO_TAGS = GeometryOptions(30.0, -10.0, 1200.0, 800.0, 1.6)
"""For runs whose format has none."""


@dataclass(frozen=True)
class Ending:
    """How reading one file ended."""

    kind: str
    """READ, REFUSED, or the kind of a fault."""
    where: str = ""
    """Of a fault: the module and function of ours that it left."""
    text: str = ""
    """What was said."""


def read(what: What, path: Path) -> Any:
    """Read a file or folder for what it is. Raises InputError, and nothing else that is not a fault."""
    if what == "volume":
        return read_volume(path)
    if what == "run":
        dicom = path.is_file() and path.suffix == ".dcm"
        if dicom and is_dicom(path):
            header_values(read_header(path), path.name)
        return read_angiogram(path, None if dicom else NO_TAGS)
    if what == "volume mask":
        return read_volume_mask(path, _volume())
    if what == "detector mask":
        return read_detector_mask(path, _angiogram())
    if what == "transform":
        return read_transform(path)
    if what == "C-arm":
        return read_carm(path, 50, 60)
    return carm_from_json(path.read_text(encoding="utf-8", errors="surrogateescape"), "The DSA")


def ending_of(what: What, path: Path) -> Ending:
    """Read it, and say how that ended."""
    try:
        read(what, path)
    except InputError as error:
        memory = _short_of_memory(error)
        if memory:
            return Ending("memory", _ours(error), memory)
        sentence = str(error)
        return Ending(REFUSED, text=sentence) if _can_be_shown(sentence) else Ending("sentence", _ours(error), sentence)
    except MemoryError as error:
        return Ending("memory", _ours(error), str(error))
    except Exception as error:
        return Ending(type(error).__name__, _ours(error), str(error))
    return Ending(READ)


def _short_of_memory(error: BaseException | None) -> str:
    """What an error that led to this one said of memory: a refusal for the limit's sake is none for the file's."""
    while error is not None:
        text = str(error)
        if isinstance(error, MemoryError) or any(word in text for word in OUT_OF_MEMORY):
            return f"{type(error).__name__}: {text[-300:]}"
        error = error.__cause__ or error.__context__
    return ""


def _can_be_shown(sentence: str) -> bool:
    return sentence.isprintable() and len(sentence) <= LONGEST


def _ours(error: BaseException) -> str:
    """Module and function of ours that the error passed last."""
    place = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        if "DeepIterRegLib" in frame.filename:
            parts = PurePath(frame.filename).parts
            inside = "/".join(parts[parts.index("DeepIterRegLib") + 1 :])
            place = f"{inside}:{frame.name}"
    return place


@cache
def _volume() -> Volume:
    return _undamaged("NRRD")


@cache
def _angiogram() -> Angiogram:
    return _undamaged("run NRRD")


def _undamaged(name: str) -> Any:
    import tempfile

    from Testing.fuzz.originals import original_of

    original = original_of(name)
    with tempfile.TemporaryDirectory() as folder:
        for file, content in original.files.items():
            (Path(folder) / file).write_bytes(content)
        return read(original.what, Path(folder) / original.entry)
