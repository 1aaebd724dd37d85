"""A pose that was carried to another run: a registration of the CTA beside the one that it comes from.

A CTA has one registration in use, and keeps the others: each has its own pose node, DSAs and report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from DeepIterRegLib.mrml.nodes.node_attributes import DSA_REFERENCE, POSE_REFERENCE
from DeepIterRegLib.mrml.nodes.registered_case import pose_node_of, pose_nodes_of
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.nodes.volume_node import top_below_pose
from DeepIterRegLib.registration.result import Outcome
from DeepIterRegLib.render.vessel_images import Detail


def show_carried(scene: Any, cta: Any, dsas: Sequence[Any], outcome: Outcome, detail: Detail = "fine") -> Any:
    """`show_registration` of a carried pose: the registration that it comes from stays as it is, out of use.

    A pose that was carried to the same DSAs before is replaced. If anything fails, the scene is as it was.
    """
    with SceneTransaction(scene) as transaction:
        transaction.remember(cta)
        top = transaction.remember(top_below_pose(cta))
        known = registration_of(cta, dsas)
        if known is not None:
            cta.SetNodeReferenceID(POSE_REFERENCE, known.GetID())
        else:
            # Without a pose the CTA gets a new one.
            cta.RemoveNodeReferenceIDs(POSE_REFERENCE)
            top.SetAndObserveTransformNodeID(None)
        return show_registration(scene, cta, dsas, outcome, detail)


def registration_of(cta: Any, dsas: Sequence[Any]) -> Any | None:
    """The pose's node of a CTA's registration to exactly these DSAs, in their order; None where there is none."""
    wanted = [dsa.GetID() for dsa in dsas]
    return next((node for node in pose_nodes_of(cta) if wanted and _dsa_ids(node) == wanted), None)


def use_registration_of(cta: Any, dsas: Sequence[Any]) -> bool:
    """Put a CTA's registration to exactly these DSAs to use, the CTA under its pose; False where it is in use already,
    or there is none."""
    node = registration_of(cta, dsas)
    now = pose_node_of(cta)
    if node is None or node is now or (now is not None and _dsa_ids(now) == _dsa_ids(node)):
        return False
    top = top_below_pose(cta)
    cta.SetNodeReferenceID(POSE_REFERENCE, node.GetID())
    top.SetAndObserveTransformNodeID(node.GetID())
    return True


def _dsa_ids(pose_node: Any) -> list[str]:
    count = pose_node.GetNumberOfNodeReferences(DSA_REFERENCE)
    return [pose_node.GetNthNodeReferenceID(DSA_REFERENCE, index) for index in range(count)]
