"""The vessel cloud of a scene on its way to the worker, which holds images and none of what a scene keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.worker.reply import Reply

POSITIONS, WEIGHTS, IS_VEIN = "positions_mm", "weights_mm3", "is_vein"
"""Names of the arrays that the application is asked for."""


def cloud_fields(cloud: VesselCloud) -> dict[str, Any]:
    """What a payload says of a cloud, beside its arrays."""
    return {"cell_mm": float(cloud.cell_mm), "centre_mm": cloud.centre_mm.tolist()}


def cloud_arrays(cloud: VesselCloud) -> dict[str, Callable[[], npt.NDArray[Any]]]:
    """The arrays, by the names that the worker asks for."""
    return {
        POSITIONS: lambda: cloud.positions_mm,
        WEIGHTS: lambda: cloud.weights_mm3,
        IS_VEIN: lambda: cloud.is_vein,
    }


def received_cloud(payload: Mapping[str, Any], reply: Reply) -> VesselCloud:
    """In the worker: the cloud of `cloud_fields` and `cloud_arrays`."""
    arrays = {}
    for name, path in reply.ask([POSITIONS, WEIGHTS, IS_VEIN]).items():
        arrays[name] = np.load(path, allow_pickle=False)
        path.unlink(missing_ok=True)
    return VesselCloud(
        arrays[POSITIONS], arrays[WEIGHTS], arrays[IS_VEIN].astype(bool), float(payload["cell_mm"]),
        np.array(payload["centre_mm"], dtype=np.float64),
    )  # fmt: skip
