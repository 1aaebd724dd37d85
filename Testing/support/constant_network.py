"""A checkpoint whose network says the same whatever it sees: all weights are zero but the last bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.initializer.architecture import OUTPUT_SCALE, PREFIX, tensor_shapes
from DeepIterRegLib.initializer.checkpoint import CheckpointHeader, write_checkpoint


def write_constant_network(path: Path, correction: FloatArray) -> str:
    """Write it, and return its SHA-256. correction: (6,) as `initializer/correction.py` has it."""
    weights = {name: np.zeros(shape, np.float32) for name, shape in tensor_shapes().items()}
    for name in weights:
        if name.endswith("running_var"):
            weights[name][:] = 1
    weights[f"{PREFIX}fc.bias"][:] = correction / np.array(OUTPUT_SCALE)
    return write_checkpoint(path, weights, CheckpointHeader({"note": "always says the same"})).sha256
