"""Reads the safetensors format with numpy alone, because Slicer does not have the package: 8 bytes with the length of a
JSON object, the object with the place of each tensor, then the tensors' bytes without gap or overlap."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_HEADER_BYTES = 100_000_000
"""The package's own limit."""
TYPE_OF: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""The number types that a network of ours is stored in; others are refused."""


@dataclass(frozen=True)
class SafetensorsContent:
    """What is in a file."""

    tensors: Mapping[str, npt.NDArray[Any]]
    """Read-only views of the file's bytes."""
    metadata: Mapping[str, str]


def parse_safetensors(content: bytes) -> SafetensorsContent:
    """Tensors and text of a file's bytes. Raises ValueError for bytes that are not exactly such a file."""
    length = int.from_bytes(content[:8], "little")
    if not 2 <= length <= min(len(content) - 8, MOST_HEADER_BYTES):
        raise ValueError("the header's length is wrong")
    header = json.loads(content[8 : 8 + length], object_pairs_hook=_without_repetition)
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("the metadata are not text")
    places = {name: _place(entry) for name, entry in header.items()}
    data = memoryview(content)[8 + length :]
    _require_gapless([(begin, end) for _, _, begin, end in places.values()], len(data))
    tensors = {
        name: np.frombuffer(data[begin:end], dtype).reshape(shape)
        for name, (dtype, shape, begin, end) in places.items()
    }
    return SafetensorsContent(tensors, metadata)


def _place(entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    """Type, shape and first and last byte of a tensor, which fit each other."""
    try:
        dtype, shape, (begin, end) = TYPE_OF[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
    except (KeyError, TypeError) as error:
        raise ValueError("a tensor's entry is incomplete, or of a type that is not known") from error
    numbers = (*shape, begin, end)
    if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers):
        raise ValueError("a tensor's shape or place is no whole number")
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError("a tensor's size does not fit its shape")
    return dtype, shape, begin, end


def _require_gapless(spans: list[tuple[int, int]], size: int) -> None:
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            raise ValueError("the tensors overlap, or leave a gap")
        reached = end
    if reached != size:
        raise ValueError("the file was cut short, or goes on after the last tensor")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice in the header")
    return found
