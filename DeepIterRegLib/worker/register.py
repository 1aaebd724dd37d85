"""The worker's commands about a registration: images that were prepared before are not prepared, nor sent, again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm_json import carm_to_json
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.registration import prepare as preparation
from DeepIterRegLib.registration.cache import PreparationCache
from DeepIterRegLib.registration.carry import carry_images
from DeepIterRegLib.registration.comparison import compare_views
from DeepIterRegLib.registration.options import options_from_json
from DeepIterRegLib.registration.register import register_images
from DeepIterRegLib.registration.report import build_report
from DeepIterRegLib.registration.result import CarriedFrom, Registration, bones_for_scene, views_of
from DeepIterRegLib.registration.what_is_shown import shows_vessels
from DeepIterRegLib.worker.images import images_of
from DeepIterRegLib.worker.payload import PreparedPreview, write_preview
from DeepIterRegLib.worker.reply import Reply

CACHE = PreparationCache()
"""What the worker remembers."""


def register(payload: Mapping[str, Any], reply: Reply, *, by_hand: bool = False) -> dict[str, Any]:
    """Register as `DeepIterRegLib.register` does; payload: `RegistrationRequest.payload()`.

    Sends `progress`, and `prepared` with what an overlay is drawn from. Returns pose, initial pose, report and the
    C-arms, one of which may have turned out to be a mirror image. by_hand: the result is the starting pose, without
    registering.
    """

    options = options_from_json(payload["options"])
    registration = register_images(
        images_of(payload, reply), options, reply.progress, CACHE, on_prepared=_preview_to(reply), by_hand=by_hand
    )
    return _result(registration)


def start_by_hand(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """The CTA at the starting pose, to be moved by hand: the way in where a registration fails. As `register`."""
    return register(payload, reply, by_hand=True)


def carry(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """The options' initial pose as the result on these images, with a verdict of theirs. As `register`; payload also:
    `carried_from`, the fields of `CarriedFrom`."""
    pose = options_from_json(payload["options"]).given_pose
    if pose is None:
        raise ValueError("no pose to carry")
    origin = CarriedFrom(**payload["carried_from"])
    images = images_of(payload, reply)
    return _result(carry_images(images, pose, origin, reply.progress, CACHE, on_prepared=_preview_to(reply)))


def prepare(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Prepare and remember the images of a registration that is likely to come. Returns nothing."""
    preparation.prepare(images_of(payload, reply), reply.progress, CACHE)
    return {}


def _preview_to(reply: Reply) -> Callable[[PreparedImages, FloatArray], None]:
    def on_prepared(prepared: PreparedImages, start: FloatArray) -> None:
        volume = prepared.volume
        preview = PreparedPreview(
            volume.cloud_for_scene, views_of(prepared), start, bones_for_scene(volume), not shows_vessels(prepared)
        )
        reply("prepared", **write_preview(reply.folder, preview))

    return on_prepared


def _result(registration: Registration) -> dict[str, Any]:
    report = build_report(registration, compare_views(registration))
    return {
        "pose": registration.pose.tolist(),
        "initial_pose": registration.initial_pose.tolist(),
        "carms": [carm_to_json(run.angiogram.carm) for run in registration.angiograms],
        "report": report,
    }
