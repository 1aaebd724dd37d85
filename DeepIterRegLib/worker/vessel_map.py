"""The worker's `vessel_map` command: what the runs fill of the CTA's vessels at a pose, for the colours in 3D."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.progress import Progress, part_of
from DeepIterRegLib.common.threads import one_blas_thread
from DeepIterRegLib.filling.branch_map import branch_map
from DeepIterRegLib.filling.vessel_map import vessel_map as map_of
from DeepIterRegLib.registration.options import options_from_json
from DeepIterRegLib.registration.prepare import prepare
from DeepIterRegLib.registration.what_is_shown import require_vessels
from DeepIterRegLib.worker.images import images_of
from DeepIterRegLib.worker.payload import write_branch_map
from DeepIterRegLib.worker.register import CACHE
from DeepIterRegLib.worker.reply import Reply

PREPARATION_SHARE = 0.7
"""Of the progress bar."""


@one_blas_thread
def vessel_map(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """At the options' initial pose. payload: `RegistrationRequest.payload()`.

    Writes the map into a file of the reply's folder; returns the rest. Raises InputError where CTA and DSA do not both
    show vessels.
    """
    pose = options_from_json(payload["options"]).given_pose
    if pose is None:
        raise ValueError("no pose to look at the vessels at")
    prepared = prepare(images_of(payload, reply), part_of(reply.progress, 0.0, PREPARATION_SHARE), CACHE)
    require_vessels(prepared)
    reply.progress(Progress(stage_names.WHAT_FILLED, PREPARATION_SHARE))
    cloud = prepared.volume.cloud
    return write_branch_map(reply.folder, branch_map(map_of(cloud, prepared.angiograms, pose), cloud))
