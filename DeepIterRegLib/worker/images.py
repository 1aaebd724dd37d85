"""Get images in the worker: the application is asked for what nobody remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import read_source
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_source import read_volume_source
from DeepIterRegLib.images.xa import UndecodableError
from DeepIterRegLib.registration.images import Deferred, Masks, PatientImages
from DeepIterRegLib.worker import payload as names
from DeepIterRegLib.worker.payload import dsa_from_json, volume_from_json
from DeepIterRegLib.worker.reply import Reply


def images_of(payload: Mapping[str, Any], reply: Reply) -> PatientImages:
    """The images of a request, each fetched from the application when it is needed. payload:
    `RegistrationRequest.payload()`."""
    count, keys = len(payload["dsas"]), payload["masks"]

    def mask(which: str, key: str | None, index: int | None = None) -> Deferred[BoolArray] | None:
        return None if key is None else Deferred(key, lambda: _mask(names.mask(which, index), reply))

    masks = Masks(
        cta_vessels=mask("cta_vessels", keys["cta_vessels"]),
        cta_veins=mask("cta_veins", keys["cta_veins"]),
        dsa_vessels=tuple(mask("dsa_vessels", keys["dsa_vessels"][index], index) for index in range(count)),
        dsa_veins=tuple(mask("dsa_veins", keys["dsa_veins"][index], index) for index in range(count)),
    )
    angiograms = tuple(
        Deferred(content["key"], _angiogram_fetcher(content, index, reply))
        for index, content in enumerate(payload["dsas"])
    )
    cta = payload["cta"]
    # Where masks tell the vessels, values are read that would be refused without.
    key = f"{cta['key']} for masks" if masks.tell_cta else cta["key"]
    return PatientImages(Deferred(key, lambda: _volume(cta, reply, masks.tell_cta)), angiograms, masks)


def _angiogram_fetcher(content: Mapping[str, Any], index: int, reply: Reply) -> Callable[[], Angiogram]:
    return lambda: _angiogram(content, index, reply)


def _angiogram(content: Mapping[str, Any], index: int, reply: Reply) -> Angiogram:
    frames_name, ready = names.dsa_frames(index), content["ready"]
    beside_frames = [names.dsa_valid(index), names.dsa_native(index), names.dsa_native_valid(index)]
    wanted = [frames_name] if content["has_frames"] and not content["file_is_whole"] else []
    if ready is not None:
        wanted += beside_frames if ready["native"] is not None else beside_frames[:1]
    arrays = {name: _load(path) for name, path in reply.ask(wanted).items()}
    frames = [arrays[frames_name]] if frames_name in arrays else []
    source = dsa_from_json(content, frames, *(arrays.get(name) for name in beside_frames))
    try:
        return read_source(source)
    except UndecodableError:
        # Slicer's own reader has decoders that its Python lacks.
        if not content["has_frames"]:
            raise
        return read_source(replace(source, frames=(_load(reply.ask([frames_name])[frames_name]),)))


def _volume(content: Mapping[str, Any], reply: Reply, vessels_given: bool) -> Volume:
    return read_volume_source(volume_from_json(content, _load(reply.ask([names.CTA])[names.CTA])), vessels_given)


def _mask(name: str, reply: Reply) -> BoolArray:
    return _load(reply.ask([name])[name]) != 0


def _load(path: Path) -> Any:
    """The array in a file, which is then removed: it holds a patient, and is not needed again."""
    array = np.load(path, allow_pickle=False)
    path.unlink(missing_ok=True)
    return array
