"""Training the initializer: its samples, its state, that it learns, and the command."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import os
import signal
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pytest

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.train.anatomy_source import GeneratedAnatomies
from DeepIterRegLib.research.train.batch import Batch
from DeepIterRegLib.research.train.recipe import RECIPES, Recipe
from DeepIterRegLib.research.train.schedule import Budget, learning_rate
from DeepIterRegLib.research.train.stream import (
    FIRST_VALIDATION_SEED,
    SEEDS,
    training_batches,
    training_block,
    validation_batch,
)
from DeepIterRegLib.research.train.vein_anatomy import FIRST_TRAINING_SEED, TrainingAnatomy
from DeepIterRegLib.research.train.workers import sample_workers
from Testing.support.training_heads import training_head

torch = pytest.importorskip("torch")
pytest.importorskip("monai")
pytest.importorskip("roma")

from DeepIterRegLib.initializer.architecture import CHANNELS, OUTPUT_SCALE  # noqa: E402
from DeepIterRegLib.initializer.checkpoint import read_checkpoint  # noqa: E402
from DeepIterRegLib.initializer.network import CorrectionNetwork  # noqa: E402
from DeepIterRegLib.research.train import trainer  # noqa: E402
from DeepIterRegLib.research.train.log import COLUMNS  # noqa: E402
from DeepIterRegLib.research.train.loop import run_training  # noqa: E402
from DeepIterRegLib.research.train.state import STATE_FILE, load_state  # noqa: E402
from DeepIterRegLib.research.train.trainer import Trainer  # noqa: E402

TINY = Recipe(
    samples=16, batch_size=4, warmup_samples=8, samples_per_anatomy=4, anatomies_at_once=2, validation_samples=4,
    validate_every=8, precision="float32",
)  # fmt: skip


@dataclass(frozen=True)
class FewHeads:
    """`count` heads, whatever the seed."""

    count: int = 1
    name: str = "few"

    def draw(self, seed: int) -> TrainingAnatomy:
        return training_head(seed % self.count)


class ThinNetwork(CorrectionNetwork):
    """The network with a quarter of its channels and half of its blocks, on images of a quarter of the edge.

    For tests of the training, to which it is all the same what learns: this does so in a fraction of the time.
    """

    def __init__(self) -> None:
        from monai.networks.nets.resnet import ResNet

        super().__init__()
        self.backbone = ResNet(
            "basic", [1] * 4, [16, 32, 64, 128], spatial_dims=2, n_input_channels=CHANNELS,
            num_classes=len(OUTPUT_SCALE), conv1_t_stride=2,
        )  # fmt: skip

    def forward(self, images):
        return super().forward(torch.nn.functional.avg_pool2d(images, 4))


@pytest.fixture
def thin(monkeypatch):
    monkeypatch.setattr(trainer, "CorrectionNetwork", ThinNetwork)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def taken(batches, count: int) -> Batch:
    return Batch.joined([next(batches) for _ in range(count)])


def assert_same(one: Batch, other: Batch) -> None:
    for field in dataclasses.fields(Batch):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def digest_of(path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def log_rows(folder) -> list[dict[str, str]]:
    with (folder / "logs.csv").open() as file:
        return list(csv.DictReader(file))


# Samples


def test_samples_are_the_same_however_many_workers_draw_them():
    alone = taken(training_batches(GeneratedAnatomies(), TINY), 2)
    with sample_workers(2) as in_order:
        assert_same(taken(training_batches(GeneratedAnatomies(), TINY, 0, in_order), 2), alone)


def test_samples_are_the_same_wherever_one_begins():
    whole = taken(training_batches(FewHeads(), TINY), 6)
    for first in (4, 8, 20):
        assert_same(next(training_batches(FewHeads(), TINY, first)), whole.taken(slice(first, first + 4)))


def test_skipped_heads_are_not_grown():
    asked: list[int] = []

    class Watched(FewHeads):
        def draw(self, seed):
            asked.append(seed)
            return super().draw(seed)

    next(training_batches(Watched(), TINY, 8_000))
    assert asked == [training_block(Watched(), TINY, number).anatomy_seed for number in (2_000, 2_001)]


def test_a_batch_has_as_many_samples_of_each_head_and_no_two_alike():
    samples = taken(training_batches(FewHeads(), TINY), 2)
    assert len(np.unique(samples.correction, axis=0)) == 8
    heads = [training_block(FewHeads(), TINY, number).draw() for number in (0, 1)]
    for number, head in enumerate(heads):
        assert_same(samples.taken(slice(number, None, 2)), head)


def test_other_seeds_give_other_samples_and_validation_stays():
    one = next(training_batches(FewHeads(), TINY))
    other = next(training_batches(FewHeads(), dataclasses.replace(TINY, seed=1)))
    assert not np.isclose(one.correction, other.correction).any()
    more, fewer = validation_batch(FewHeads(), 18), validation_batch(FewHeads(), 4)
    assert (len(more), len(fewer)) == (18, 4)
    assert_same(more.taken(slice(4)), fewer)


def test_no_head_is_trained_on_and_validated_on():
    seeds = [training_block(FewHeads(), dataclasses.replace(TINY, seed=seed), 5).anatomy_seed for seed in range(200)]
    assert len(set(seeds)) == 200
    assert all(FIRST_TRAINING_SEED <= seed < FIRST_TRAINING_SEED + SEEDS <= FIRST_VALIDATION_SEED for seed in seeds)


def test_worker_that_dies_is_told_in_a_sentence():
    with sample_workers(1) as in_order, pytest.raises(InputError, match="with fewer workers"):
        list(in_order(os._exit, [1]))


# Schedule and recipe


def test_learning_rate_rises_over_the_warm_up_and_falls_to_a_hundredth():
    recipe = dataclasses.replace(TINY, learning_rate=1.0, warmup_samples=40)
    rates = [learning_rate(recipe, samples, samples / 4000) for samples in range(0, 4001, 4)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3], rel=1e-3)
    assert int(np.argmax(rates)) == 9
    assert (np.diff(rates[9:]) < 0).all()
    assert rates[500] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01)


def test_budget_counts_samples_or_hours():
    assert Budget(100).share_done(25, 1e6) == 0.25
    assert Budget(100).seconds_left(25, 0, 5.0) == 15.0
    assert Budget(100, 60.0).share_done(1_000, 15.0) == 0.25
    assert Budget(100, 60.0).seconds_left(0, 15.0, 0.0) == 45.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 5}, "no multiple of its batch_size"),
        ({"samples": 0}, "samples of the recipe is 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"offsets": "none"}, "choose from measured, uniform"),
        ({"precision": "half"}, "choose from auto"),
    ],
)
def test_recipe_refuses_what_makes_no_sense(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        dataclasses.replace(TINY, **changes)


def test_recipe_survives_json_and_the_papers_differs_where_the_issue_says():
    assert Recipe.from_json(RECIPES["smoke"].as_json()) == RECIPES["smoke"]
    assert RECIPES["paper"].differences(RECIPES["default"]) == [
        "offsets", "cta_defects", "dsa_defects", "corners_weight_per_mm",
    ]  # fmt: skip
    assert not TINY.differences(dataclasses.replace(TINY, samples=99))


# Training


def test_training_improves_on_its_start(thin, tmp_path):
    """On samples that it has not seen, of one head without the segmentations' defects: what little work can learn."""
    recipe = dataclasses.replace(
        TINY, samples=640, batch_size=8, warmup_samples=64, ema_decay=0.8, samples_per_anatomy=64, anatomies_at_once=1,
        validate_every=10_000, learning_rate=2e-3, offsets="uniform", cta_defects=0.0, dsa_defects=0.0,
    )  # fmt: skip
    training = Trainer(recipe, FewHeads())
    unseen = taken(training_batches(FewHeads(), recipe, recipe.samples), 8)
    start = training.validate(unseen)
    # An untrained network corrects nothing.
    assert start.mpe_after_median_px == start.mpe_before_median_px
    run_training(training, tmp_path, Budget(recipe.samples))
    end = training.validate(unseen)
    assert end.scores.loss < 0.9 * start.scores.loss
    assert end.mpe_after_median_px < 0.75 * start.mpe_after_median_px


def test_resumed_training_is_the_uninterrupted_one_to_the_bit(thin, tmp_path):
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    whole.mkdir()
    parted.mkdir()
    run_training(Trainer(TINY, FewHeads()), whole, Budget(16))
    seen: list[int] = []
    stopped = run_training(
        Trainer(TINY, FewHeads()), parted, Budget(16),
        report=lambda report: seen.append(report.samples),
        requests=lambda: nullcontext(lambda: seen[-1] >= 12),
    )  # fmt: skip
    assert stopped is None
    state = load_state(parted)
    assert state.progress.samples == 12
    again = Trainer(TINY, FewHeads())
    again.restore(state)
    run_training(again, parted, Budget(16))
    one, other = load_state(whole), load_state(parted)
    assert one.network.keys() == other.network.keys()
    for name, value in one.network.items():
        assert torch.equal(value, other.network[name])
        assert torch.equal(one.average[name], other.average[name])
    for name, moments in one.moments.items():
        assert all(torch.equal(value, other.moments[name][moment]) for moment, value in moments.items())
    kinds = [[(row["kind"], row["samples"]) for row in log_rows(folder)] for folder in (whole, parted)]
    assert kinds[0] == [(kind, str(samples)) for samples in (0, 8, 16) for kind in ("training", "validation")][1:]
    assert kinds[1] == [*kinds[0][:3], ("training", "12"), *kinds[0][3:]]
    validations = [
        [row["loss"] for row in log_rows(folder) if row["kind"] == "validation"] for folder in (whole, parted)
    ]
    assert validations[0] == validations[1]


def test_average_follows_the_weights():
    from DeepIterRegLib.research.train.average import Average

    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 0.0)
    average = Average(network, 0.9)
    torch.nn.init.constant_(network.weight, 1.0)
    average.follow(network, 1)
    assert average.network.weight.item() == pytest.approx(10 / 11)
    average.follow(network, 10_000)
    assert average.network.weight.item() == pytest.approx(10 / 11 + 0.1 / 11)
    assert not average.network.weight.requires_grad


def test_damaged_or_foreign_state_is_told_in_a_sentence(tmp_path):
    from safetensors.torch import save_file

    assert load_state(tmp_path) is None
    (tmp_path / STATE_FILE).write_bytes(b"\x08" + bytes(40))
    with pytest.raises(InputError, match="is damaged; delete it"):
        load_state(tmp_path)
    save_file({"x": torch.zeros(1)}, tmp_path / STATE_FILE)
    with pytest.raises(InputError, match="no state of a training"):
        load_state(tmp_path)


def test_training_that_diverges_ends_with_a_sentence(thin, monkeypatch):
    monkeypatch.setattr(trainer, "HOPELESS_BATCHES", 2)
    training = Trainer(TINY, FewHeads())
    batch = next(training_batches(FewHeads(), TINY))
    before = {name: value.clone() for name, value in training.network.named_parameters()}
    broken = dataclasses.replace(batch, volume_mm3=np.full_like(batch.volume_mm3, np.nan))
    training.step(broken, 0.0)
    assert all(torch.equal(value, before[name]) for name, value in training.network.named_parameters())
    with pytest.raises(InputError, match="has diverged after"):
        training.step(broken, 0.0)
    torch.nn.init.constant_(training.network.backbone.fc.weight, np.nan)
    with pytest.raises(InputError, match="has diverged after"):
        training.step(batch, 0.0)


# The command


@pytest.fixture
def quick(monkeypatch):
    """The smoke recipe, of little; on one head."""
    from DeepIterRegLib.research.commands import train

    monkeypatch.setitem(RECIPES, "smoke", TINY)
    monkeypatch.setattr(train, "_source", lambda args: FewHeads())


def train_command(*words: object) -> int:
    return main(["train", "--recipe", "smoke", "--workers", "0", "--threads", "1", "--device", "cpu", *map(str, words)])


def test_interrupted_command_goes_on_and_writes_a_checkpoint(quick, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "out"
    step, steps = Trainer.step, []

    def interrupted(self, batch, share_done):
        steps.append(self.progress.samples)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batch, share_done)

    monkeypatch.setattr(Trainer, "step", interrupted)
    assert train_command("--output", folder) == 130
    said = capsys.readouterr().err
    assert "cancelled, the training is saved up to 8 samples and goes on by the same command" in said
    assert not (folder / "initializer.safetensors").exists()

    assert train_command("--output", folder, "--seed", 3) == 2
    assert "another recipe (seed); train into a new one with --output DIR." in capsys.readouterr().err

    assert train_command("--output", folder) == 0
    assert steps == [0, 4, 8, 12]
    said = capsys.readouterr()
    assert "Going on after 8 samples" in said.err
    assert "mean projection error, median: " in said.out
    header = read_checkpoint(folder / "initializer.safetensors").header
    assert header.recipe["recipe"] == TINY.as_json()
    assert (header.recipe["samples"], header.recipe["anatomy"]) == (16, "few")
    assert header.recipe["validation"]["scores"]["loss"] > 0
    rows = log_rows(folder)
    assert tuple(rows[0]) == COLUMNS
    assert [row["samples"] for row in rows if row["kind"] == "validation"] == ["0", "8", "16"]

    # Done is done, and says so again; a longer one goes on.
    assert train_command("--output", folder) == 0
    assert len(steps) == 4
    assert [row["samples"] for row in log_rows(folder)] == [row["samples"] for row in rows]
    assert train_command("--output", folder, "--samples", 20) == 0
    assert steps[4:] == [16]


def test_training_begins_with_a_checkpoint(quick, tmp_path, capsys):
    assert train_command("--output", tmp_path / "a", "--samples", 4) == 0
    first = read_checkpoint(tmp_path / "a" / "initializer.safetensors")
    words = ["--output", tmp_path / "b", "--samples", 4, "--from", tmp_path / "a" / "initializer.safetensors"]
    assert train_command(*words, "--learning-rate", 1e-12) == 0
    second = read_checkpoint(tmp_path / "b" / "initializer.safetensors")
    assert second.header.recipe["began_with_sha256"] == first.header.sha256
    head = "backbone.fc.weight"
    np.testing.assert_allclose(second.weights[head], first.weights[head], atol=1e-6)
    assert np.abs(first.weights[head]).max() > 1e-5
    assert train_command("--output", tmp_path / "b", "--samples", 4, "--learning-rate", 1e-12) == 2
    assert "from another checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "--output"),
        (["--output", "{}/out", "--samples", "0"], "'0' is not an integer of at least 1"),
        (["--output", "{}/out", "--samples", "5", "--hours", "1"], "not allowed with"),
        (["--output", "{}/out", "--hours", "-1"], "is not a number above 0"),
        (["--output", "{}/out", "--recipe", "other"], "choose from"),
        (
            ["--output", "{}/out", "--from", "{}/none.safetensors"],
            "none.safetensors is not there; give another one",
        ),
        (["--output", "{}/file"], "file cannot be written"),
    ],
)
def test_bad_options_are_one_sentence_and_nothing_is_written(quick, tmp_path, capsys, words, sentence):
    (tmp_path / "file").touch()
    assert train_command(*(word.format(tmp_path) for word in words)) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
    assert len(said) == 1
    assert sentence in said[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_full_disk_is_told_and_the_last_state_stays(quick, tmp_path, monkeypatch, capsys):
    import errno

    assert train_command("--output", tmp_path, "--samples", 4) == 0
    before = digest_of(tmp_path / STATE_FILE)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    capsys.readouterr()
    assert train_command("--output", tmp_path, "--samples", 8) == 2
    said = capsys.readouterr().err
    assert "is full; free some space" in said
    assert digest_of(tmp_path / STATE_FILE) == before
    assert not list(tmp_path.glob(".*"))
