"""The predicting function of a checkpoint's file, read once per process and computed with the packages there are."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.initializer.checkpoint import Checkpoint, read_checkpoint
from DeepIterRegLib.initializer.forward import NumpyNetwork
from DeepIterRegLib.initializer.search import Predict

REMEMBERED = 4
"""Networks kept in memory, 45 MB each: an experiment may compare several."""


@dataclass(frozen=True, eq=False)
class Network:
    """A checkpoint ready to predict."""

    predict: Predict
    name: str
    """The file's name without its ending."""
    sha256: str
    """Of its weights, as in the checkpoint's header."""


def load_network(path: Path, device: str = "cpu") -> Network:
    """The network in `path`, read again only after the file changed. device: "cpu", or a CUDA device.

    Raises CheckpointError with a sentence for the user where it cannot be used.
    """
    changed = 0, 0
    # What is not there, `read_checkpoint` says.
    with suppress(OSError):
        status = path.stat()
        changed = status.st_mtime_ns, status.st_size
    return _loaded(path.absolute(), changed, device)


def predictor(checkpoint: Checkpoint, device: str) -> Predict:
    """numpy on the CPU; PyTorch on a CUDA device where MONAI is installed too, which has the network's layers."""
    if device.startswith("cuda") and all(importlib.util.find_spec(name) for name in ("torch", "monai")):
        return _torch_predictor(checkpoint, device)
    return NumpyNetwork(checkpoint)


@lru_cache(maxsize=REMEMBERED)
def _loaded(path: Path, changed: tuple[int, int], device: str) -> Network:
    checkpoint = read_checkpoint(path)
    return Network(predictor(checkpoint, device), path.stem, checkpoint.header.sha256)


def _torch_predictor(checkpoint: Checkpoint, device: str) -> Predict:
    import torch

    from DeepIterRegLib.initializer.network import network_from

    network = network_from(checkpoint).to(device)

    def predict(images: npt.NDArray[np.float32]) -> FloatArray:
        with torch.inference_mode():
            corrections: FloatArray = network(torch.from_numpy(images).to(device)).cpu().numpy()
        return corrections

    return predict
