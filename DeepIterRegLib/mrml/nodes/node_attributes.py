"""The names by which this project finds its own nodes in a scene again. Documented in docs/mrml.md."""

from __future__ import annotations

from typing import Any

PREFIX = "DeepIterReg."
ROLE = PREFIX + "role"
"""Attribute: "pose" on the transform node, "plane" and "drr" on the images, "valid", "report", "cloud"."""
KIND = PREFIX + "kind"
"""Attribute of a CTA's node: "cta", "vessels" or "3dra"."""
CARM = PREFIX + "carm"
"""Attribute of a DSA's node that we loaded, and of every image plane: its C-arm as JSON, the same as a C-arm file."""
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
"""Reference from a DSA's node that we loaded, from its native image and from its image plane, to the label map of the
pixels that count; absent where all do."""
NATIVE_REFERENCE = PREFIX + "native"
"""Reference from a DSA's node that we loaded to the volume with the head without contrast; absent where there is
none."""
NATIVE_SOURCE = PREFIX + "native-source"
"""Attribute of that volume: "mask frame" or "native image"."""
SIGN_IS_KNOWN = PREFIX + "sign-is-known"
"""Attribute of that volume: "no" where it may be the negative."""
WITHOUT_CONTRAST = PREFIX + "without-contrast"
"""Attribute of a DSA's node that we loaded: "yes" where it is an X-ray of the head, which its one frame shows."""
ASSUMED = PREFIX + "assumed"
"""Attribute of a DSA's node that we loaded: what of its geometry no tag says, a JSON list of sentences; absent where
there is none."""
HEAD_MOTION = PREFIX + "head-motion"
"""Attribute of a DSA's node that we loaded: how the head lay in each frame before that was moved back, a JSON list of
px down, px right and degrees; absent where unknown."""
REPORT_REFERENCE = PREFIX + "report"
"""Reference from the pose to the text node with the report."""
CTA_REFERENCE = PREFIX + "cta"
"""Reference from the pose to the CTA's node."""
POSE_REFERENCE = PREFIX + "pose"
"""Reference from the CTA's node to its pose, which it need not be shown under."""
DSA_REFERENCE = PREFIX + "dsa"
"""References from the pose to the DSAs' nodes, in their order."""
CLOUD_REFERENCE = PREFIX + "cloud"
"""Reference from the pose to the model node with the CTA's vessels as points; the skull's of a CT without contrast."""
BONES_REFERENCE = PREFIX + "bones"
"""Reference from the pose to such a node with the CTA's skull, where the other one has vessels."""
CELL_MM = PREFIX + "cell-mm"
"""Attribute of that model node: edge of the cell that a point stands for."""
CENTRE_MM = PREFIX + "centre-mm"
"""Attribute of the pose: the CTA's centre as JSON. The node's centre of transformation follows the user's handles."""
AUTOMATIC_POSE = PREFIX + "automatic-pose"
"""Attribute of the pose: what the last computation found, as JSON."""
INITIAL_POSE = PREFIX + "initial-pose"
"""Attribute of the pose: where that computation started."""


def role(node: Any) -> str | None:
    """What a node is for, or None for a node that is not this project's."""
    return node.GetAttribute(ROLE)


def is_pose_node(node: Any) -> bool:
    return role(node) == "pose"
