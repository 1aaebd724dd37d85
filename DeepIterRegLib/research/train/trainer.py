"""Training in plain PyTorch: AdamW, warm-up and cosine, an average of the weights, half precision, resumable.

Slicer never loads this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.initializer.network import CorrectionNetwork
from DeepIterRegLib.research.train.anatomy_source import AnatomySource
from DeepIterRegLib.research.train.average import Average
from DeepIterRegLib.research.train.batch import Batch
from DeepIterRegLib.research.train.loss import loss_terms
from DeepIterRegLib.research.train.precision import autocast, usable_precision
from DeepIterRegLib.research.train.recipe import Recipe
from DeepIterRegLib.research.train.schedule import learning_rate
from DeepIterRegLib.research.train.state import Progress, State
from DeepIterRegLib.research.train.validation import Validation, validate, weighted_terms

HOPELESS_BATCHES = 50
"""In a row whose gradient is not finite: training has diverged."""
ABSURD = 50.0
"""Times `OUTPUT_SCALE`, five radians or a metre: so has a network that says this, or a number that is none."""


class Trainer:
    """A network in training, and what is needed to go on with it.

    network, average, progress: what there is to look at and to export.
    """

    def __init__(
        self,
        recipe: Recipe,
        source: AnatomySource,
        device: str = "cpu",
        weights: Mapping[str, torch.Tensor] | None = None,
        began_with: str = "",
    ) -> None:
        """weights: of a checkpoint to begin with (a network's state), whose digest is `began_with`."""
        self.source, self.device = source, device
        self.precision = usable_precision(recipe.precision, device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.network = CorrectionNetwork()
            # The first answer is "no correction" rather than a random one.
            for value in self.network.backbone.get_submodule("fc").parameters():
                torch.nn.init.zeros_(value)
        if weights is not None:
            self.network.load_state_dict(dict(weights))
        self.network.train().to(device)
        _lay_out(self.network)
        self.average = Average(self.network, recipe.ema_decay)
        self._named = dict(self.network.named_parameters())
        kernels = [value for value in self._named.values() if value.ndim > 1]
        others = [value for value in self._named.values() if value.ndim <= 1]
        self._optimizer = torch.optim.AdamW(
            [{"params": kernels, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=recipe.learning_rate, fused=True,
        )  # fmt: skip
        self._scaler = torch.amp.GradScaler(device, enabled=self.precision == "float16")
        self.progress = Progress(recipe, source.name, began_with, 0, 0.0, -1, {})
        self._hopeless = 0

    @property
    def recipe(self) -> Recipe:
        return self.progress.recipe

    def step(self, batch: Batch, share_done: float) -> torch.Tensor:
        """Train on a batch: (5,) as of `weighted_terms`. Raises InputError when training has diverged."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.progress.samples, share_done)
        images, target, points, volume, source = batch.tensors(self.device)
        with autocast(self.precision, self.device):
            predicted = self.network(images.contiguous(memory_format=torch.channels_last))
        if not bool((predicted.detach().abs() < ABSURD * self.network.output_scale).all()):
            raise self._diverged()
        terms = loss_terms(predicted, target, points, volume, source)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(terms.total(self.recipe.loss_weight_per_mm, self.recipe.corners_weight_per_mm)).backward()
        self._scaler.unscale_(self._optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self._named.values(), self.recipe.gradient_norm)
        if math.isfinite(float(norm)):
            self._scaler.step(self._optimizer)
            self._hopeless = 0
        else:
            self._hopeless += 1
        self._scaler.update()
        if self._hopeless >= HOPELESS_BATCHES:
            raise self._diverged()
        samples = self.progress.samples + len(batch)
        self.progress = replace(self.progress, samples=samples)
        self.average.follow(self.network, samples // self.recipe.batch_size)
        return weighted_terms(terms, self.recipe, len(batch))

    def _diverged(self) -> InputError:
        return InputError(
            f"Training has diverged after {self.progress.samples} samples; begin again in a new folder with a lower"
            " --learning-rate."
        )

    def validate(self, samples: Batch) -> Validation:
        """Of the averaged weights."""
        self.progress = replace(self.progress, validated=self.progress.samples)
        return validate(self.average.network, samples, self.recipe, self.device, self.precision)

    def state(self) -> State:
        progress = replace(self.progress, scaler=self._scaler.state_dict())
        moments = {name: dict(self._optimizer.state[value]) for name, value in self._named.items()}
        return State(progress, self.network.state_dict(), self.average.network.state_dict(), moments)

    def restore(self, state: State) -> None:
        """Go on where `state` was taken. Raises InputError for that of another training."""
        self.require_same(state.progress)
        try:
            self.network.load_state_dict(state.network)
            self.average.network.load_state_dict(state.average)
        except RuntimeError as error:
            raise InputError(
                "The state is that of another network; train into a new folder with --output DIR."
            ) from error
        for name, value in self._named.items():
            if name in state.moments:
                # The first batch of a training makes them; their format is that of the weights.
                self._optimizer.state[value] = {
                    moment: tensor.to(self.device) if moment == "step" else torch.empty_like(value).copy_(tensor)
                    for moment, tensor in state.moments[name].items()
                }
        if state.progress.scaler and self._scaler.is_enabled():
            self._scaler.load_state_dict(state.progress.scaler)
        self.progress = replace(state.progress, recipe=self.recipe)

    def require_same(self, progress: Progress) -> None:
        """Raise InputError where `progress` is that of another training than this."""
        if different := progress.recipe.differences(self.recipe):
            raise InputError(
                f"The folder holds a training by another recipe ({', '.join(different)}); train into a new one with"
                " --output DIR."
            )
        if progress.source != self.progress.source or progress.began_with != self.progress.began_with:
            raise InputError(
                f"The folder holds a training on other anatomy ({progress.source}) or from another checkpoint; train"
                " into a new one with --output DIR."
            )


def _lay_out(network: torch.nn.Module) -> None:
    """Store kernels with their channels last: a tenth to a fifth faster on a CPU, more on a GPU."""
    for value in network.parameters():
        if value.ndim == 4:
            value.data = value.data.contiguous(memory_format=torch.channels_last)
