"""What the application asks of the worker: images by reference, each with a key that says whether they changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.images.dsa_source import DsaSource
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.images.volume_source import VolumeSource
from DeepIterRegLib.mrml.nodes.angiogram_node import native_nodes_of
from DeepIterRegLib.mrml.nodes.content_key import content_key
from DeepIterRegLib.mrml.nodes.dsa_node import FileOfInstance, dsa_source_of, sources_of
from DeepIterRegLib.mrml.nodes.volume_node import volume_source_of
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.worker import payload as names
from DeepIterRegLib.worker.payload import dsa_to_json, key_of, volume_to_json

ArrayMaker = Callable[[], npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class GivenMask:
    """A mask that replaces a segmentation of ours."""

    key: str
    array: ArrayMaker
    """Makes it, of the shape of its image; called only where the worker does not have it yet."""


@dataclass(frozen=True, eq=False)
class RegistrationRequest:
    """One registration, ready to be sent. A key is equal exactly if what it stands for is."""

    cta: VolumeSource
    cta_key: str
    dsas: tuple[DsaSource, ...]
    dsa_keys: tuple[str, ...]
    cta_vessels: GivenMask | None = None
    cta_veins: GivenMask | None = None
    dsa_vessels: tuple[GivenMask | None, ...] = ()
    """One for each DSA, or none at all."""
    dsa_veins: tuple[GivenMask | None, ...] = ()
    options: Options = field(default_factory=Options)

    def payload(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON values."""
        masks: dict[str, Any] = {
            which: None if given is None else given.key
            for which, given in (("cta_vessels", self.cta_vessels), ("cta_veins", self.cta_veins))
        }
        for which, given_masks in (("dsa_vessels", self.dsa_vessels), ("dsa_veins", self.dsa_veins)):
            masks[which] = [None if given is None else given.key for given in self._per_dsa(given_masks)]
        return {
            "cta": {"key": self.cta_key, **volume_to_json(self.cta)},
            "dsas": [
                {"key": key, "has_frames": bool(source.frames), **dsa_to_json(source)}
                for key, source in zip(self.dsa_keys, self.dsas, strict=True)
            ],
            "masks": masks,
            "options": self.options.to_json(),
        }

    def arrays(self) -> dict[str, ArrayMaker]:
        """What the worker may ask for, by name."""
        makers: dict[str, ArrayMaker] = {names.CTA: lambda: self.cta.voxels}
        for which, given in (("cta_vessels", self.cta_vessels), ("cta_veins", self.cta_veins)):
            if given is not None:
                makers[names.mask(which)] = given.array
        for index, source in enumerate(self.dsas):
            if source.frames:
                makers[names.dsa_frames(index)] = lambda frames=source.frames: np.concatenate(frames)  # type: ignore[misc]
            if source.ready is not None:
                makers[names.dsa_valid(index)] = lambda valid=source.ready.valid: valid  # type: ignore[misc]
                if source.ready.native is not None:
                    native = source.ready.native
                    makers[names.dsa_native(index)] = lambda image=native.attenuation: image  # type: ignore[misc]
                    makers[names.dsa_native_valid(index)] = lambda valid=native.valid: valid  # type: ignore[misc]
        for which, given_masks in (("dsa_vessels", self.dsa_vessels), ("dsa_veins", self.dsa_veins)):
            for index, given in enumerate(given_masks):
                if given is not None:
                    makers[names.mask(which, index)] = given.array
        return makers

    def _per_dsa(self, given: tuple[GivenMask | None, ...]) -> tuple[GivenMask | None, ...]:
        return given or (None,) * len(self.dsas)


def request_of(
    cta: Any,
    dsas: Sequence[Any],
    geometries: Sequence[GeometryOptions | None],
    file_of_instance: FileOfInstance,
    *,
    cta_vessels: GivenMask | None = None,
    cta_veins: GivenMask | None = None,
    dsa_vessels: tuple[GivenMask | None, ...] = (),
    dsa_veins: tuple[GivenMask | None, ...] = (),
    options: Options | None = None,
) -> RegistrationRequest:
    """The request for nodes. Cheap: voxels are neither copied nor looked at.

    cta, dsas: as `DeepIterRegLogic.register` takes them. geometries: what was typed in, one for each DSA. The masks
    are made by `segmentation_masks`. Raises InputError for nodes that cannot be registered, as far as that can be told
    without looking at their voxels.
    """
    held = sources_of(dsas)
    volume = volume_source_of(cta)
    sources = tuple(
        dsa_source_of(node, geometry, file_of_instance) for node, geometry in zip(dsas, geometries, strict=True)
    )
    return RegistrationRequest(
        cta=volume,
        cta_key=key_of(content_key(cta), volume_to_json(volume)),
        dsas=sources,
        dsa_keys=tuple(_dsa_key(node, source) for node, source in zip(held, sources, strict=True)),
        cta_vessels=cta_vessels,
        cta_veins=cta_veins,
        dsa_vessels=dsa_vessels,
        dsa_veins=dsa_veins,
        options=options or Options(),
    )


def _dsa_key(held: Any, source: DsaSource) -> str:
    status = None if source.file is None else source.file.stat()
    frames: list[Any] = []
    if source.frames and held.IsA("vtkMRMLSequenceNode"):
        frames = [held.GetNthDataNode(n) for n in range(held.GetNumberOfDataNodes())]
    elif source.frames:
        frames = [held]
    natives = [] if source.ready is None else native_nodes_of(held)
    contents = [content_key(node) for node in (*frames, *natives)]
    return key_of(
        held.GetID(), contents, None if status is None else [status.st_mtime_ns, status.st_size], dsa_to_json(source)
    )
