"""From a training to a checkpoint: the averaged weights, and how they came about. Slicer never loads this."""

from __future__ import annotations

import datetime
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from DeepIterRegLib.initializer.checkpoint import CheckpointHeader, write_checkpoint
from DeepIterRegLib.initializer.network import weights_of
from DeepIterRegLib.research.train.trainer import Trainer
from DeepIterRegLib.research.train.validation import Validation

CHECKPOINT_FILE = "initializer.safetensors"


def export(trainer: Trainer, folder: Path, validation: Validation) -> CheckpointHeader:
    """Write `CHECKPOINT_FILE`. validation: of the weights as they are now. Raises OSError, CheckpointError."""
    header = CheckpointHeader(recipe=account(trainer, validation))
    return write_checkpoint(folder / CHECKPOINT_FILE, weights_of(trainer.average.network), header)


def account(trainer: Trainer, validation: Validation) -> dict[str, Any]:
    """How the weights came about, of what JSON can hold."""
    progress = trainer.progress
    return {
        "recipe": progress.recipe.as_json(),
        "anatomy": progress.source,
        "began_with_sha256": progress.began_with,
        "samples": progress.samples,
        "hours": round(progress.seconds / 3600, 4),
        "hardware": hardware(trainer.device),
        "precision": trainer.precision,
        "torch": torch.__version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "validation": asdict(validation),
    }


def hardware(device: str) -> str:
    """The processor or GPU that trains, for people."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    processor = f"{count} cores of {_processor_name()}"
    return f"{torch.cuda.get_device_name()}, {processor}" if device == "cuda" else processor


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
