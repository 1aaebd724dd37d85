"""The file that holds the trained network: safetensors, which holds tensors and text but no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib import __version__
from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.initializer.architecture import ARCHITECTURE, tensor_shapes
from DeepIterRegLib.initializer.safetensors_reader import parse_safetensors
from DeepIterRegLib.initializer.window import FIELD_MM, SIZE_PX

FORMAT = "deepiterreg-initializer"
FORMAT_VERSION = 1
"""Raised when code that reads the version before would misread the file."""

DEFAULT_CHECKPOINT = Path(__file__).resolve().parents[2] / "Resources" / "checkpoints" / "initializer.safetensors"
"""The one we ship. `Resources` lies beside `DeepIterRegLib` in the source tree and in Slicer's package alike."""


class CheckpointError(InputError):
    """The checkpoint cannot be used; the registration can go on without it."""


@dataclass(frozen=True)
class CheckpointHeader:
    """What a checkpoint says about itself. All but `recipe` has a default: what this code makes."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, of what JSON can hold: seeds, samples seen, offsets, loss, schedule, hardware, hours, date,
    licence. For people; nothing is decided by it."""
    architecture: str = ARCHITECTURE
    size_px: int = SIZE_PX
    field_mm: float = FIELD_MM
    format_version: int = FORMAT_VERSION
    deepiterreg_version: str = __version__
    sha256: str = ""
    """Of the tensors as they lie in the file, see `digest`; `write_checkpoint` fills it in."""


@dataclass(frozen=True)
class Checkpoint:
    """A network ready to be applied. weights: the tensors of `architecture.tensor_shapes`, float32."""

    weights: Mapping[str, FloatArray]
    header: CheckpointHeader


def write_checkpoint(path: Path, weights: Mapping[str, FloatArray], header: CheckpointHeader) -> CheckpointHeader:
    """Write `path` at once or not at all, and give back the header with its SHA-256.

    Kernels and the head's matrix are rounded to half precision. Biases and the statistics of batch normalisation, 0.2 %
    of the numbers, stay in single: variances come close to zero, where half precision has hardly any digits.
    Raises CheckpointError for tensors that are not those of the network or not finite, TypeError or ValueError for a
    recipe that JSON cannot hold, OSError where the file cannot be written.
    """
    from safetensors.numpy import save

    _check_shapes(path, {name: value.shape for name, value in weights.items()})
    with np.errstate(over="ignore"):
        stored = {
            name: np.ascontiguousarray(weights[name], _stored_type(shape)) for name, shape in tensor_shapes().items()
        }
    _check_finite(path, stored)
    header = replace(header, sha256=digest(stored))
    content = save(stored, metadata=_to_metadata(header))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(content)
    return header


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`, or a CheckpointError that says in one sentence why it cannot be used."""
    content = _content(path)
    try:
        found = parse_safetensors(content)
        header, stored = _header(path, found.metadata), found.tensors
    except CheckpointError:
        raise
    # Whatever a header that is not ours may hold in place of text and numbers.
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise CheckpointError(
            "{file} is damaged or not a checkpoint of DeepIterReg; choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
        ) from error
    _check_shapes(path, {name: value.shape for name, value in stored.items()})
    if digest(stored) != header.sha256:
        raise CheckpointError(
            "{file} is damaged: its tensors do not have the SHA-256 in its header; copy it again, or choose "
            "another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
        )
    _check_finite(path, stored)
    return Checkpoint({name: value.astype(np.float32) for name, value in stored.items()}, header)


def digest(tensors: Mapping[str, FloatArray]) -> str:
    """SHA-256 over name, type, shape and little-endian bytes of each tensor, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        total.update(f"{name} {tensor.dtype.name} {tensor.shape}\n".encode())
        total.update(tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes())
    return total.hexdigest()


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            "The checkpoint {file} is not there; choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
        ) from error
    except OSError as error:
        raise CheckpointError(
            "{file} cannot be read ({reason}); choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
            reason=error.strerror,
        ) from error
    # A PyTorch file is a ZIP archive or, an old one, a bare pickle.
    if path.suffix in {".pt", ".pth", ".ckpt", ".pkl"} or content.startswith((b"PK\x03\x04", b"\x80\x02")):
        raise CheckpointError(
            "{file} is a PyTorch file, which may run code when it is read; give a .safetensors file that "
            "`deepiterreg train` has written.",
            field=Field.INITIALIZER,
            file=path,
        )
    return content


def _to_metadata(header: CheckpointHeader) -> dict[str, str]:
    return {
        "format": FORMAT,
        "format_version": str(header.format_version),
        "deepiterreg_version": header.deepiterreg_version,
        "architecture": header.architecture,
        "size_px": str(header.size_px),
        "field_mm": repr(float(header.field_mm)),
        "sha256": header.sha256,
        "recipe": json.dumps(header.recipe, allow_nan=False, sort_keys=True),
    }


def _header(path: Path, metadata: Mapping[str, str]) -> CheckpointHeader:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            "{file} is a safetensors file, but not one of DeepIterReg; choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
        )
    version = int(metadata["format_version"])
    if version > FORMAT_VERSION:
        raise CheckpointError(
            "{file} was made by a newer DeepIterReg ({version}); update the extension.",
            field=Field.INITIALIZER,
            file=path,
            version=metadata["deepiterreg_version"],
        )
    if metadata["architecture"] != ARCHITECTURE:
        raise CheckpointError(
            "{file} holds the network {network}, this DeepIterReg knows {known}; choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
            network=metadata["architecture"],
            known=ARCHITECTURE,
        )
    size_px, field_mm = int(metadata["size_px"]), float(metadata["field_mm"])
    if (size_px, field_mm) != (SIZE_PX, FIELD_MM):
        raise CheckpointError(
            "{file} was trained on windows of {size_px} pixels and {field_mm:g} mm, this DeepIterReg makes "
            "them of {own_px} pixels and {own_mm:g} mm; choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
            size_px=size_px,
            field_mm=field_mm,
            own_px=SIZE_PX,
            own_mm=FIELD_MM,
        )
    return CheckpointHeader(
        recipe=dict(json.loads(metadata["recipe"]).items()),
        architecture=metadata["architecture"],
        size_px=size_px,
        field_mm=field_mm,
        format_version=version,
        deepiterreg_version=metadata["deepiterreg_version"],
        sha256=metadata["sha256"],
    )


def _stored_type(shape: tuple[int, ...]) -> type[np.floating[Any]]:
    return np.float16 if len(shape) > 1 else np.float32


def _check_shapes(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    expected = tensor_shapes()
    wrong = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
    if wrong:
        raise CheckpointError(
            "{file} holds another network: {count} tensors differ in name or shape, the first is {first}; "
            "choose another checkpoint, or none.",
            field=Field.INITIALIZER,
            file=path,
            count=len(wrong),
            first=wrong[0],
        )


def _check_finite(path: Path, stored: Mapping[str, FloatArray]) -> None:
    bad = sorted(name for name, value in stored.items() if not np.isfinite(value).all())
    if bad:
        raise CheckpointError(
            "{file} holds numbers that are not finite, the first in {first}; train it again.",
            field=Field.INITIALIZER,
            file=path,
            first=bad[0],
        )
