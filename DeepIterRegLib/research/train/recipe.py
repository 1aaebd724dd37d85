"""How a checkpoint is trained, in one record: with it and the code, the samples and the schedule are the same again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.train.offsets import OffsetLaw
from DeepIterRegLib.research.train.sample import SampleOptions

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Recipe:
    """Every choice that changes the result of training, but for the machine.

    Raises InputError for values that make no sense.
    """

    seed: int = 0
    """Of the initial weights, the heads and the samples."""
    samples: int = 450_000
    """To train on; two hours on two cores at 63 a second."""
    batch_size: int = 32
    learning_rate: float = 6e-4
    """At its highest: after the warm-up, from where it falls as a cosine."""
    warmup_samples: int = 10_000
    """Over which the learning rate rises from 0."""
    weight_decay: float = 0.01
    """Of matrices and kernels; biases and batch normalisation have none."""
    gradient_norm: float = 1.0
    """Longer gradients are shortened to this."""
    ema_decay: float = 0.998
    """Per batch, of the moving average of the weights: what is validated and exported."""
    offsets: OffsetLaw = "measured"
    cta_defects: float = 1.0
    """Amount, 0 to 1, of what goes wrong in a CTA's vein segmentation."""
    dsa_defects: float = 1.0
    """... and in a DSA's."""
    loss_weight_per_mm: float = 0.01
    """λ of equation 1."""
    corners_weight_per_mm: float = 0.06
    """Of the mean projection error, which is added to equation 1."""
    precision: Precision = "auto"
    """Of the network's forward and backward pass; the weights are float32. auto: bfloat16 where the machine has it."""
    samples_per_anatomy: int = 96
    """A head takes a hundred times longer to grow than to project."""
    anatomies_at_once: int = 16
    """Heads that the samples of a batch come from."""
    validation_samples: int = 1024
    validate_every: int = 20_000
    """Samples between two validations."""

    def __post_init__(self) -> None:
        counts = ("samples", "batch_size", "samples_per_anatomy", "anatomies_at_once", "validation_samples")
        for name in (*counts, "validate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of the recipe is {getattr(self, name)}; give at least 1.")
        if self.samples_per_anatomy * self.anatomies_at_once % self.batch_size:
            raise InputError("samples_per_anatomy x anatomies_at_once of the recipe is no multiple of its batch_size.")
        for name in ("learning_rate", "gradient_norm"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"{name} of the recipe is {getattr(self, name)}; give a number above 0.")
        if not 0 <= self.ema_decay < 1:
            raise InputError(f"ema_decay of the recipe is {self.ema_decay}; give a number from 0 to below 1.")
        for name, choices in (("offsets", get_args(OffsetLaw)), ("precision", get_args(Precision))):
            if getattr(self, name) not in choices:
                raise InputError(f"{name} of the recipe is {getattr(self, name)!r}; choose from {', '.join(choices)}.")

    @property
    def sample_options(self) -> SampleOptions:
        return SampleOptions(self.offsets, self.cta_defects, self.dsa_defects)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recipe:
        """Inverse of `as_json`. Raises InputError for what no version like this one wrote."""
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError("The recipe has other entries than this version's; train into a new folder.") from error

    def differences(self, other: Recipe) -> list[str]:
        """Names of the choices that differ, without `samples`: how long to train may be decided anew."""
        names = [field.name for field in dataclasses.fields(self) if field.name != "samples"]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


RECIPES: Mapping[str, Recipe] = {
    "default": Recipe(),
    "paper": Recipe(offsets="uniform", cta_defects=0.0, dsa_defects=0.0, corners_weight_per_mm=0.0),
    "smoke": Recipe(
        samples=4_608,
        batch_size=32,
        learning_rate=1e-3,
        warmup_samples=256,
        ema_decay=0.95,
        samples_per_anatomy=64,
        anatomies_at_once=8,
        validation_samples=128,
        validate_every=1_536,
    ),
    "patient": Recipe(
        samples=12_800,
        batch_size=32,
        learning_rate=1e-4,
        warmup_samples=640,
        ema_decay=0.98,
        samples_per_anatomy=32,
        anatomies_at_once=8,
        validation_samples=256,
        validate_every=3_200,
    ),
    "population": Recipe(
        samples=100_000,
        learning_rate=2e-4,
        warmup_samples=2_000,
        ema_decay=0.995,
        validation_samples=512,
        validate_every=10_000,
    ),
}
"""default: what is shipped. paper: uniform offsets and clean veins, equation 1 alone. smoke: a minute on two cores.
patient, population: to adapt a checkpoint to CTAs, hence the low learning rates."""
