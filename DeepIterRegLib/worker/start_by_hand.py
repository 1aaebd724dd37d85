"""The worker's `start_by_hand` command: the CTA at the starting pose, for somebody who will move it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.registration.result import Registration, Stage
from DeepIterRegLib.worker.register import begun, result
from DeepIterRegLib.worker.reply import Reply

NOT_REGISTERED = "The CTA was not registered: it is at the starting pose, to be moved by hand."


def start_by_hand(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """As `register`, without registering: the way in where a registration fails. Payload and result as there."""
    images = begun(payload, reply)
    noted = [*images.volume.warnings, *(line for run in images.runs for line in run.warnings), NOT_REGISTERED]
    registration = Registration(
        pose=images.start,
        initial_pose=images.start,
        stages=(Stage(stage_names.STARTING_POSE, images.start, None, None, None, 0.0),),
        method="by hand",
        device="cpu",
        volume=images.volume,
        angiograms=tuple(images.runs),
        warnings=tuple(dict.fromkeys(noted)),
        preparation_seconds=images.preparation_s,
        seconds=0.0,
    )
    return result(registration, images.preparation_s, payload["seed"])
