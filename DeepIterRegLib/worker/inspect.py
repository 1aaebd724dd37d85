"""The worker's `inspect` command: what the images of a registration are read as, without anything of the patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from DeepIterRegLib.registration.inspect import inspect_images
from DeepIterRegLib.registration.inspect_page import page_lines
from DeepIterRegLib.worker.images import images_of
from DeepIterRegLib.worker.reply import Reply


def inspect(payload: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    """Read the images as a registration does; payload: `RegistrationRequest.payload()`.

    Returns the page as text, and what it is made of (schemas/inspect.schema.json, but for the names).
    """
    found = inspect_images(images_of(payload, reply))
    return {"page": "\n".join(page_lines(found)), "images": [one.to_json() for one in found]}
