"""A pose as text, so that a scene holds more than one of them."""

from __future__ import annotations

import json

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.rigid import require_rigid


def pose_to_json(pose: FloatArray) -> str:
    """All digits of a (4, 4) pose."""
    return json.dumps(np.asarray(pose, dtype=np.float64).tolist())


def pose_from_json(text: str, what: str) -> FloatArray:
    """The (4, 4) pose that `pose_to_json` wrote. what: names it in the error. Raises InputError for anything else."""
    try:
        return require_rigid(np.array(json.loads(text), dtype=np.float64), what)
    except (TypeError, ValueError) as error:
        raise InputError("{what} cannot be read from the scene; register again.", what=what) from error
