"""The worker's `centreline` command: the centrelines of vessels that the scene has as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from DeepIterRegLib.worker.payload import centreline_to_json
from DeepIterRegLib.worker.reply import Reply
from DeepIterRegLib.worker.sent_cloud import received_cloud


def centreline(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Trace the vessels; payload: `cloud_fields`. Returns `centreline_to_json`."""
    from DeepIterRegLib.guidance.trace import traced

    return centreline_to_json(traced(received_cloud(payload, reply)))
