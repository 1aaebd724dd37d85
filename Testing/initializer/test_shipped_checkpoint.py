"""The checkpoint that we ship: what its card says, and that it does find heads it was not trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT, read_checkpoint
from DeepIterRegLib.initializer.forward import NumpyNetwork
from DeepIterRegLib.initializer.search import initialize
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.dsa import prepare_angiogram
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.tube_points import tube_points
from Testing.support.cases import CASES, needs_cases
from Testing.support.vessel_tree_case import prepared_volume

pytest.importorskip("safetensors")

CARD = DEFAULT_CHECKPOINT.parent / "model_card.md"
MOST_BYTES = 25_000_000


def test_is_the_one_of_the_card_and_small_enough() -> None:
    checkpoint = read_checkpoint(DEFAULT_CHECKPOINT)
    assert checkpoint.header.sha256 in Path(CARD).read_text(encoding="utf-8")
    assert DEFAULT_CHECKPOINT.stat().st_size <= MOST_BYTES
    assert checkpoint.header.recipe["anatomy"] == "generated"


def test_brings_unseen_heads_nearer_in_one_pass() -> None:
    torch = pytest.importorskip("torch")
    from DeepIterRegLib.research.train.anatomy_source import GeneratedAnatomies
    from DeepIterRegLib.research.train.stream import validation_batch
    from DeepIterRegLib.research.train.validation import projection_error_px

    batch = validation_batch(GeneratedAnatomies(), 64)
    predicted = torch.from_numpy(NumpyNetwork(read_checkpoint(DEFAULT_CHECKPOINT))(batch.images))
    target, source = torch.from_numpy(batch.correction), torch.from_numpy(batch.source_mm)
    nothing = torch.zeros_like(predicted)
    before, after = (projection_error_px(each, target, source).numpy() for each in (nothing, predicted))
    assert np.median(after) < 0.65 * np.median(before)
    assert (after < before).mean() > 0.75


@needs_cases
def test_lays_anybodys_sinuses_over_those_of_a_real_run() -> None:
    """A real lateral run, of which neither geometry nor truth is known, and generated veins of another person."""
    geometry = GeometryOptions(90.0, 0.0, 1100.0, 750.0, 0.34)
    run = prepare_angiogram(read_angiogram(CASES / "venous-sequence", geometry))
    for seed in (1, 2):
        veins, _ = grow_veins(HeadShape.random(np.random.default_rng(seed)), np.random.default_rng(seed), 0)
        points = np.concatenate([tube_points(vein, 1.5)[0] for vein in veins if vein.follows_skull])
        volumes = np.concatenate([tube_points(vein, 1.5)[1] for vein in veins if vein.follows_skull])
        centre_mm = np.array([0.0, 0.0, -15.0])
        cloud = VesselCloud(
            points.astype(np.float32), volumes.astype(np.float32), np.ones(len(points), bool), 1.5, centre_mm
        )
        found = initialize(
            replace(prepared_volume(), cloud=cloud), [run], [radiological_pose(centre_mm)],
            NumpyNetwork(read_checkpoint(DEFAULT_CHECKPOINT)),
        )  # fmt: skip
        assert found.similarity_before < 0.3
        assert found.hypotheses[0].similarity > 0.4
