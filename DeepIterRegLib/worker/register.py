"""The worker's `register` command: images that were prepared before are not prepared, nor even sent, again."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_source import read_source
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_source import read_volume_source
from DeepIterRegLib.images.xa import UndecodableError
from DeepIterRegLib.preparation.cta import prepare_volume
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.outcome import OutcomeView
from DeepIterRegLib.registration.register import PREPARATION_SHARE, register_prepared, start_poses
from DeepIterRegLib.registration.report import build_report
from DeepIterRegLib.registration.result import Progress, Registration
from DeepIterRegLib.render.choose import warm_up
from DeepIterRegLib.worker import payload as names
from DeepIterRegLib.worker.memory import RecentlyUsed
from DeepIterRegLib.worker.payload import (
    PreparedPreview,
    dsa_from_json,
    key_of,
    pose_of,
    volume_from_json,
    write_preview,
)
from DeepIterRegLib.worker.reply import Reply

VOLUMES: RecentlyUsed[Volume] = RecentlyUsed(2)
PREPARED_VOLUMES: RecentlyUsed[PreparedVolume] = RecentlyUsed(2)
RUNS: RecentlyUsed[Angiogram] = RecentlyUsed(4)
PREPARED_RUNS: RecentlyUsed[PreparedAngiogram] = RecentlyUsed(4)

CTA_MASKS, DSA_MASKS = ("cta_vessels", "cta_veins"), ("dsa_vessels", "dsa_veins")


def register(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Register as `DeepIterRegLib.register` does; payload: `RegistrationRequest.payload()`.

    Sends `progress`, and `prepared` with what an overlay is drawn from. Returns pose, initial pose and report.
    """
    images = begun(payload, reply)
    registration = register_prepared(
        images.volume,
        images.runs,
        method=payload["method"],
        initial_pose=images.start if images.start_is_given else None,
        device=payload["device"],
        seed=payload["seed"],
        progress=lambda step: reply.progress(replace(step, fraction=images.share + (1 - images.share) * step.fraction)),
    )
    return result(registration, images.preparation_s, payload["seed"])


@dataclass(frozen=True, eq=False)
class Images:
    """The prepared images of a request, and where its registration starts."""

    volume: PreparedVolume
    runs: list[PreparedAngiogram]
    start: FloatArray
    start_is_given: bool
    preparation_s: float
    share: float
    """Of the progress bar that the preparation took."""


def begun(payload: Mapping[str, Any], reply: Reply) -> Images:
    """Prepare the images, and send `prepared`."""
    began = time.perf_counter()
    reply.progress(Progress("Reading the images", 0.0))
    threading.Thread(target=warm_up, args=(payload["device"],), daemon=True).start()
    given = None if payload["initial_pose"] is None else pose_of(payload["initial_pose"])
    share = 0.0 if _remembers(payload) else PREPARATION_SHARE
    volume, runs = prepared_images(payload, reply)
    start = start_poses(volume, runs)[0] if given is None else given
    reply("prepared", **write_preview(reply.folder, _preview(volume, runs, start)))
    return Images(volume, runs, start, given is not None, time.perf_counter() - began, share)


def result(registration: Registration, preparation_s: float, seed: int) -> dict[str, Any]:
    """The fields of a registration's result."""
    seconds = {"prepare": preparation_s, "register": registration.seconds}
    report = build_report(registration, compare_views(registration), seconds, seed)
    return {"pose": registration.pose.tolist(), "initial_pose": registration.initial_pose.tolist(), "report": report}


def prepared_images(payload: Mapping[str, Any], reply: Reply) -> tuple[PreparedVolume, list[PreparedAngiogram]]:
    """The CTA and the DSAs of a request, segmented now or remembered."""
    # The runs first: they are quick, and more likely to be refused.
    runs = _prepared_runs(payload, reply)
    return _prepared_volume(payload, reply), runs


def _run_key(payload: Mapping[str, Any], index: int) -> str:
    return key_of(payload["dsas"][index]["key"], [payload["masks"][which][index] for which in DSA_MASKS])


def _volume_key(payload: Mapping[str, Any]) -> str:
    return key_of(payload["cta"]["key"], [payload["masks"][which] for which in CTA_MASKS])


def _remembers(payload: Mapping[str, Any]) -> bool:
    """Whether all images of a request are prepared."""
    runs = (PREPARED_RUNS.get(_run_key(payload, index)) for index in range(len(payload["dsas"])))
    return PREPARED_VOLUMES.get(_volume_key(payload)) is not None and None not in runs


def _preview(volume: PreparedVolume, runs: Sequence[PreparedAngiogram], start: FloatArray) -> PreparedPreview:
    views = (OutcomeView(run.angiogram.carm, run.minip, run.angiogram.valid) for run in runs)
    return PreparedPreview(volume.cloud, tuple(views), start)


def _prepared_runs(payload: Mapping[str, Any], reply: Reply) -> list[PreparedAngiogram]:
    prepared = []
    for index, content in enumerate(payload["dsas"]):
        mask_keys = [payload["masks"][which][index] for which in DSA_MASKS]
        key = _run_key(payload, index)
        found = PREPARED_RUNS.get(key)
        if found is None:
            angiogram = RUNS.get(content["key"])
            asked = [] if angiogram is not None else _arrays_of_run(content, index)
            masks = [
                None if mask_key is None else names.mask(which, index)
                for which, mask_key in zip(DSA_MASKS, mask_keys, strict=True)
            ]
            files = reply.ask([*asked, *filter(None, masks)])
            share = 0.05 + 0.25 * index / len(payload["dsas"])
            if angiogram is None:
                reply.progress(Progress("Reading the images", PREPARATION_SHARE * share))
                angiogram = RUNS.put(content["key"], _read_run(content, index, files, reply))
            reply.progress(Progress("Segmenting the DSA", PREPARATION_SHARE * share))
            vessels, veins = (_mask(files, name) for name in masks)
            found = PREPARED_RUNS.put(key, prepare_angiogram(angiogram, vessels, veins))
        prepared.append(found)
    return prepared


def _arrays_of_run(content: Mapping[str, Any], index: int) -> list[str]:
    """The frames, but for a file that holds them all."""
    if content["file_is_whole"]:
        return []
    valid = [names.dsa_valid(index)] if content["ready"] is not None else []
    return [names.dsa_frames(index), *valid]


def _read_run(content: Mapping[str, Any], index: int, files: Mapping[str, Path], reply: Reply) -> Angiogram:
    frames = [_load(path) for name, path in files.items() if name == names.dsa_frames(index)]
    valid = [_load(path) for name, path in files.items() if name == names.dsa_valid(index)]
    source = dsa_from_json(content, frames, valid[0] if valid else None)
    try:
        return read_source(source)
    except UndecodableError:
        # Slicer's own reader has decoders that its Python lacks.
        if not content["has_frames"]:
            raise
        found = reply.ask([names.dsa_frames(index)])
        return read_source(replace(source, frames=(_load(found[names.dsa_frames(index)]),)))


def _prepared_volume(payload: Mapping[str, Any], reply: Reply) -> PreparedVolume:
    content = payload["cta"]
    mask_keys = [payload["masks"][which] for which in CTA_MASKS]
    key = _volume_key(payload)
    found = PREPARED_VOLUMES.get(key)
    if found is not None:
        return found
    volume = VOLUMES.get(content["key"])
    masks = [
        None if mask_key is None else names.mask(which) for which, mask_key in zip(CTA_MASKS, mask_keys, strict=True)
    ]
    files = reply.ask([*([names.CTA] if volume is None else []), *filter(None, masks)])
    if volume is None:
        reply.progress(Progress("Reading the images", PREPARATION_SHARE * 0.3))
        volume = read_volume_source(volume_from_json(content, _load(files[names.CTA])))
        VOLUMES.put(content["key"], volume)

    def progress(stage: str, fraction: float) -> None:
        reply.progress(Progress(stage, PREPARATION_SHARE * (0.3 + 0.7 * fraction)))

    vessels, veins = (_mask(files, name) for name in masks)
    return PREPARED_VOLUMES.put(key, prepare_volume(volume, vessels, veins, progress))


def _mask(files: Mapping[str, Path], name: str | None) -> BoolArray | None:
    return None if name is None else _load(files[name]) != 0


def _load(path: Path) -> Any:
    """The array in a file, which is then removed: it holds a patient, and is not needed again."""
    array = np.load(path, allow_pickle=False)
    path.unlink(missing_ok=True)
    return array
