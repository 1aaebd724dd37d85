"""Loads what a registration will need while its images are still read and segmented."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from DeepIterRegLib.initializer.predictor import load_network
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.render.choose import choose_device, warm_up

_begun: set[tuple[str, Path | None]] = set()
_lock = threading.Lock()


def begin_to_warm_up(options: Options) -> None:
    """Compile or load the renderer and read the checkpoint, each in a thread of its own; returns at once.

    Once for each device and checkpoint of a process: whoever reads images begins, and registering finds it begun. What
    fails here the registration meets again, where it can be told.
    """
    wanted = options.device, options.checkpoint
    with _lock:
        if wanted in _begun:
            return
        _begun.add(wanted)
    threading.Thread(target=warm_up, args=(options.device,), daemon=True).start()
    threading.Thread(target=_read_checkpoint, args=(options,), daemon=True).start()


def _read_checkpoint(options: Options) -> None:
    with suppress(Exception):
        if options.checkpoint is not None:
            load_network(options.checkpoint, choose_device(options.device)[0])
