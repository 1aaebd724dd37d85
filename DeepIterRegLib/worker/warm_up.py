"""Loads what the first registration would wait for, while the user still selects images."""

from __future__ import annotations

from contextlib import suppress

from DeepIterRegLib.worker.device import cpu_description


def warm_up() -> str:
    """Import what registers, compile or load the renderer, read the checkpoint; returns the device in words.

    What fails here the registration meets again, where it can be told.
    """
    words = cpu_description()
    with suppress(Exception):
        import DeepIterRegLib.registration.comparison
        import DeepIterRegLib.registration.register
        import DeepIterRegLib.registration.report  # noqa: F401
        from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT
        from DeepIterRegLib.initializer.predictor import load_network
        from DeepIterRegLib.render.choose import choose_device, warm_up

        device, _ = choose_device("auto")
        if device != "cpu":
            import torch

            words = torch.cuda.get_device_name(device)
        warm_up(device)
        load_network(DEFAULT_CHECKPOINT, device)
    return words
