"""The checkpoint that we ship: what its card says, and that it does find heads it was not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("safetensors")

from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT, read_checkpoint
from DeepIterRegLib.initializer.forward import NumpyNetwork

CARD = DEFAULT_CHECKPOINT.parent / "model_card.md"
MOST_BYTES = 25_000_000


def test_is_the_one_of_the_card_and_small_enough() -> None:
    checkpoint = read_checkpoint(DEFAULT_CHECKPOINT)
    assert checkpoint.header.sha256 in Path(CARD).read_text(encoding="utf-8")
    assert DEFAULT_CHECKPOINT.stat().st_size <= MOST_BYTES
    assert checkpoint.header.recipe["anatomy"] == "generated"


def test_brings_unseen_heads_nearer_in_one_pass() -> None:
    torch = pytest.importorskip("torch")
    from DeepIterRegLib.train.anatomy_source import GeneratedAnatomies
    from DeepIterRegLib.train.stream import validation_batch
    from DeepIterRegLib.train.validation import projection_error_px

    batch = validation_batch(GeneratedAnatomies(), 64)
    predicted = torch.from_numpy(NumpyNetwork(read_checkpoint(DEFAULT_CHECKPOINT))(batch.images))
    target, source = torch.from_numpy(batch.correction), torch.from_numpy(batch.source_mm)
    nothing = torch.zeros_like(predicted)
    before, after = (projection_error_px(each, target, source).numpy() for each in (nothing, predicted))
    assert np.median(after) < 0.65 * np.median(before)
    assert (after < before).mean() > 0.75
