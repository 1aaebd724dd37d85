"""The worker's `centreline` command: the centrelines of vessels that the scene has as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.worker.payload import centreline_to_json
from DeepIterRegLib.worker.reply import Reply

POSITIONS, IS_VEIN, WEIGHTS = "positions_mm", "is_vein", "weights_mm3"
"""Names of the arrays that the application is asked for."""


def centreline(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Trace the vessels; payload: `cell_mm` and `centre_mm` of their cloud. Returns `centreline_to_json`."""
    from DeepIterRegLib.guidance.trace import traced

    arrays = {}
    for name, path in reply.ask([POSITIONS, WEIGHTS, IS_VEIN]).items():
        arrays[name] = np.load(path, allow_pickle=False)
        path.unlink(missing_ok=True)
    cloud = VesselCloud(
        arrays[POSITIONS], arrays[WEIGHTS], arrays[IS_VEIN].astype(bool), float(payload["cell_mm"]),
        np.array(payload["centre_mm"], dtype=np.float64),
    )  # fmt: skip
    return centreline_to_json(traced(cloud))
