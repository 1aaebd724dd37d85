"""The endless stream of training samples, and the fixed ones of validation: sample number k is always the same.

Samples come in *blocks*, one head each. Every sample has a random stream of its own, named by the recipe's seed, the
block and its place therein, so what it is depends neither on the number of workers nor on where a training was taken up
again.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from DeepIterRegLib.research.train.anatomy_source import AnatomySource
from DeepIterRegLib.research.train.batch import Batch
from DeepIterRegLib.research.train.recipe import RECIPES, Recipe
from DeepIterRegLib.research.train.sample import SampleOptions, draw_sample
from DeepIterRegLib.research.train.vein_anatomy import FIRST_TRAINING_SEED

T = TypeVar("T")
R = TypeVar("R")

InOrder = Callable[[Callable[[T], R], Iterable[T]], Iterator[R]]
"""`map`, or one that computes ahead."""

SEEDS = 2**40
"""Heads that a training draws from; those of validation have the seeds behind them."""
FIRST_VALIDATION_SEED = FIRST_TRAINING_SEED + SEEDS
VALIDATION_SAMPLES_PER_ANATOMY = 16


@dataclass(frozen=True)
class Block:
    """The samples `first` to `last - 1` of one head: all that a worker needs to draw them."""

    source: AnatomySource
    options: SampleOptions
    anatomy_seed: int
    entropy: tuple[int, ...]
    """Of the samples' random streams, beside the sample's place."""
    first: int
    last: int

    def draw(self) -> Batch:
        anatomy = self.source.draw(self.anatomy_seed)
        streams = (np.random.SeedSequence(self.entropy, spawn_key=(place,)) for place in range(self.first, self.last))
        return Batch.of([draw_sample(anatomy, np.random.default_rng(stream), self.options) for stream in streams])


def training_batches(
    source: AnatomySource, recipe: Recipe, first_sample: int = 0, in_order: InOrder[Block, Batch] = map
) -> Iterator[Batch]:
    """The batches from sample number `first_sample` on, without end; a multiple of the recipe's batch size.

    Each `anatomies_at_once` heads take turns sample by sample. The heads before `first_sample` are never grown.
    """
    heads = recipe.anatomies_at_once
    group, within = divmod(first_sample, heads * recipe.samples_per_anatomy)
    begun, skipped = within // heads, within % heads
    numbers = itertools.count(group * heads)
    blocks = (
        training_block(source, recipe, number, begun if number < (group + 1) * heads else 0) for number in numbers
    )
    drawn = in_order(Block.draw, blocks)
    while True:
        samples = Batch.interleaved([next(drawn) for _ in range(heads)])
        for begin in range(skipped, len(samples), recipe.batch_size):
            yield samples.taken(slice(begin, begin + recipe.batch_size))
        skipped = 0


def training_block(source: AnatomySource, recipe: Recipe, number: int, first: int = 0) -> Block:
    """Block `number` of a training, from its sample `first` on."""
    entropy = (recipe.seed, zlib.crc32(b"training block"), number)
    anatomy_seed = FIRST_TRAINING_SEED + int(np.random.default_rng(entropy).integers(SEEDS))
    return Block(source, recipe.sample_options, anatomy_seed, entropy, first, recipe.samples_per_anatomy)


def validation_batch(source: AnatomySource, count: int, in_order: InOrder[Block, Batch] = map) -> Batch:
    """`count` samples to validate on, the same ones for every recipe and seed: drawn as the default recipe draws them.

    So the curves of two trainings can be compared, and fewer samples are the first of more.
    """
    per_head = VALIDATION_SAMPLES_PER_ANATOMY
    options = RECIPES["default"].sample_options
    blocks = (
        Block(source, options, FIRST_VALIDATION_SEED + number, (number, zlib.crc32(b"validation block")), 0, per_head)
        for number in range(-(-count // per_head))
    )
    return Batch.joined(list(in_order(Block.draw, blocks))).taken(slice(count))
