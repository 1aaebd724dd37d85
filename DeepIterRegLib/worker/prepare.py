"""The worker's `prepare` command: the images of a registration that is likely to come are segmented beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from DeepIterRegLib.worker.register import prepared_images
from DeepIterRegLib.worker.reply import Reply


def prepare(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Prepare and remember the images; payload and progress as of `register`. Returns nothing."""
    prepared_images(payload, reply)
    return {}
