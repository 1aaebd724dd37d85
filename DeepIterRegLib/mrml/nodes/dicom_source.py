"""The DICOM instances that a node was loaded from, as Slicer's DICOM module has left them on the node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.dicom_file import read_header
from DeepIterRegLib.mrml.nodes.dsa_node import INSTANCE_UIDS, FileOfInstance, sequence_of

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class DicomSource:
    """One series, or the part of it that was loaded."""

    header: Dataset
    """Of one instance, without its pixels: patient, study, series and frame of reference are the same in all."""
    instance_uids: tuple[str, ...]

    def text(self, keyword: str) -> str:
        """A tag of the header as text, "" where it is missing or empty."""
        return str(self.header.get(keyword, "") or "")


def dicom_source(node: Any, what: str, file_of_instance: FileOfInstance) -> DicomSource:
    """Where a volume, or a sequence or a volume that shows one, came from.

    what: names it in the error, as "The CTA". Raises InputError where it did not come from DICOM, or its files are
    gone.
    """
    known = False
    for candidate in _with_frames_and_proxies(node):
        uids = (candidate.GetAttribute(INSTANCE_UIDS) or "").split()
        known = known or bool(uids)
        for uid in uids:
            path = file_of_instance(uid)
            if path and os.path.isfile(path):
                return DicomSource(_header(Path(path), what), tuple(uids))
    if known:
        raise InputError("{what}'s DICOM files are not in Slicer's DICOM database; import them again.", what=what)
    raise InputError(
        "{what} did not come from DICOM; load it with Slicer's DICOM module, register, and save it then.", what=what
    )


def _header(path: Path, what: str) -> Dataset:
    try:
        header = read_header(path)
    except InputError as error:
        raise InputError("{what}'s DICOM file is damaged and cannot be read; import it again.", what=what) from error
    missing = [
        keyword
        for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
        if not header.get(keyword)
    ]
    if missing:
        raise InputError(
            "{what}'s DICOM file has no {tag}; export it from the archive again.", what=what, tag=missing[0]
        )
    return header


def _with_frames_and_proxies(node: Any) -> Iterator[Any]:
    """A node and, of a sequence, its first frame and the volumes that show it: any of them may have the attribute."""
    yield node
    scene = node.GetScene()
    sequence = sequence_of(node)
    if sequence is None:
        return
    yield sequence
    if sequence.GetNumberOfDataNodes():
        yield sequence.GetNthDataNode(0)
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode")):
        browser = scene.GetNthNodeByClass(index, "vtkMRMLSequenceBrowserNode")
        proxy = browser.GetProxyNode(sequence) if browser.IsSynchronizedSequenceNode(sequence, True) else None
        if proxy is not None:
            yield proxy
