"""Puts compressed voxels into a scene's file, in the place of those of a node that holds one voxel for all."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import unquote
from xml.etree import ElementTree

from DeepIterRegLib.mrml.nodes.packed_voxels import PackedVoxels

END_OF_HEADER = b"\n\n"
SIZES = re.compile(rb"^sizes:.*$", re.MULTILINE)


def copy_with_voxels(bundle: IO[bytes], target: IO[bytes], packed: Mapping[str, PackedVoxels]) -> None:
    """Write an MRB file again, to `target`.

    packed: by the id of a volume's or sequence's node, what its NRRD file is to hold; the rest of its header stays.
    Raises OSError where such a file is not in the bundle.
    """
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        entries = _entries_of(source, packed)
        for entry in source.infolist():
            voxels = entries.get(entry.filename)
            content = source.read(entry) if voxels is None else _header(source.read(entry), voxels)
            entry.compress_type = zipfile.ZIP_STORED
            entry.file_size = len(content) + (0 if voxels is None else len(voxels))
            with archive.open(entry, "w") as file:
                file.write(content)
                if voxels is not None:
                    voxels.copy_to(file)


def _entries_of(source: zipfile.ZipFile, packed: Mapping[str, PackedVoxels]) -> dict[str, PackedVoxels]:
    """By name in the archive: the scene says which file a node's storage writes."""
    (scene,) = (name for name in source.namelist() if name.endswith(".mrml"))
    elements = {element.get("id"): element for element in ElementTree.fromstring(source.read(scene)).iter()}
    found = {}
    for node_id, voxels in packed.items():
        references = re.findall(r"storage(?:NodeRef)?:(\S+?);", elements[node_id].get("references", ""))
        names = [unquote(elements[storage].get("fileName", "")) for storage in references if storage in elements]
        entries = [str(PurePosixPath(scene).parent / name) for name in names]
        if len(entries) != 1 or entries[0] not in source.namelist():
            raise OSError(f"{node_id} has no file in the bundle")
        found[entries[0]] = voxels
    return found


def _header(file: bytes, voxels: PackedVoxels) -> bytes:
    header = file[: file.index(END_OF_HEADER) + len(END_OF_HEADER)]
    if b"encoding: gzip" not in header:
        raise OSError("the voxels were not compressed")
    return SIZES.sub(b"sizes: " + " ".join(map(str, voxels.sizes)).encode(), header, count=1)
