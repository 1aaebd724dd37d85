"""A C-arm as text, so that a scene holds the geometry of its DSAs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import PLANE_VECTORS, CArm

OTHERS = ("pixel_spacing_mm", "rows", "columns", "primary_angle_deg", "secondary_angle_deg")


def carm_to_json(carm: CArm) -> str:
    """All of a CArm, to the last digit: the keys of a C-arm's file, and the angles."""
    fields = {name: getattr(carm, name).tolist() for name in PLANE_VECTORS} | {
        name: getattr(carm, name) for name in OTHERS
    }
    return json.dumps(fields)


def carm_from_json(text: str, what: str) -> CArm:
    """The CArm that `carm_to_json` wrote. what: names the node in the error. Raises InputError for anything else."""
    try:
        fields: dict[str, Any] = json.loads(text)
        fields |= {name: np.array(fields[name], dtype=np.float64) for name in PLANE_VECTORS}
        fields["pixel_spacing_mm"] = tuple(fields["pixel_spacing_mm"])
        return CArm(**fields)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "{what} has a C-arm geometry that cannot be read; load the DSA again.", field=Field.DSA, what=what
        ) from error
