"""The names by which this project finds its own nodes in a scene again. Documented in docs/mrml.md."""

from __future__ import annotations

from typing import Any

PREFIX = "DeepIterReg."
ROLE = PREFIX + "role"
"""Attribute: "pose" on the transform node, "plane" and "drr" on the images, "valid", "report"."""
KIND = PREFIX + "kind"
"""Attribute of a CTA's node: "cta" or "3dra"."""
CARM = PREFIX + "carm"
"""Attribute of a DSA's node: its C-arm as JSON, the same as --carm reads."""
PATIENT_POSITION = PREFIX + "patient-position"
WARNINGS = PREFIX + "warnings"
"""Attribute of a CTA's or DSA's node: what its reader had to say, a JSON list; of the pose: the registration's."""
FULL_RED_MM = PREFIX + "full-red-mm"
"""Attribute of a DRR: the length of vessel along a ray from which on its red is opaque."""
PLANE_REFERENCE = PREFIX + "plane"
"""Reference from the DSA's node to its image plane."""
DRR_REFERENCE = PREFIX + "drr"
"""Reference from the image plane to the DRR over it."""
VALID_REFERENCE = PREFIX + "valid"
"""Reference from the DSA's node to the label map of pixels that no shutter covers; absent where there is no shutter."""
REPORT_REFERENCE = PREFIX + "report"
"""Reference from the pose to the text node with the report."""


def role(node: Any) -> str | None:
    """What a node is for, or None for a node that is not this project's."""
    return node.GetAttribute(ROLE)


def is_pose_node(node: Any) -> bool:
    return role(node) == "pose"
