"""How good a network is on samples that it was not trained on. Slicer never loads this."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from DeepIterRegLib.research.evaluate.results import MM_PER_PX
from DeepIterRegLib.research.train.batch import Batch
from DeepIterRegLib.research.train.loss import SDD_MM, LossTerms, loss_terms, projected_corners_mm, rigid_of_correction
from DeepIterRegLib.research.train.precision import autocast
from DeepIterRegLib.research.train.recipe import Precision, Recipe

BATCH = 128


@dataclass(frozen=True)
class Scores:
    """Mean terms of the loss over some samples; what a network's output is compared by while it trains."""

    loss: float
    dice: float
    """1 - Dice overlap."""
    double_geodesic_mm: float
    geodesic_mm: float
    corners_mm: float

    @classmethod
    def of(cls, sums: torch.Tensor, samples: int) -> Scores:
        """sums: (5,) as of `weighted_terms`, added up."""
        return cls(*(float(value) / samples for value in sums.tolist()))


@dataclass(frozen=True)
class Validation:
    """One pass of the network over the samples of validation."""

    scores: Scores
    mpe_before_median_px: float
    """Mean projection error of the poses that the samples start from, on an average detector ..."""
    mpe_before_p95_px: float
    mpe_after_median_px: float
    """... and after the network's correction."""
    mpe_after_p95_px: float


def weighted_terms(terms: LossTerms, recipe: Recipe, samples: int) -> torch.Tensor:
    """(5,) the loss and its terms, detached, times the number of samples they are the mean over."""
    parts = (terms.dice, terms.double_geodesic_mm, terms.geodesic_mm, terms.corners_mm)
    return (
        samples
        * torch.stack([terms.total(recipe.loss_weight_per_mm, recipe.corners_weight_per_mm), *parts]).detach().float()
    )


@torch.no_grad()
def validate(network: torch.nn.Module, samples: Batch, recipe: Recipe, device: str, precision: Precision) -> Validation:
    """Scores of a network in evaluation mode."""
    sums, before, after = torch.zeros(5, device=device), [], []
    for begin in range(0, len(samples), BATCH):
        part = samples.taken(slice(begin, begin + BATCH))
        images, target, points, volume, source = part.tensors(device)
        with autocast(precision, device):
            predicted = network(images)
        sums += weighted_terms(loss_terms(predicted, target, points, volume, source), recipe, len(part))
        after.append(projection_error_px(predicted, target, source))
        before.append(projection_error_px(torch.zeros_like(target), target, source))
    spread = [
        torch.cat(errors).quantile(torch.tensor([0.5, 0.95], device=device)).tolist() for errors in (before, after)
    ]
    return Validation(Scores.of(sums, len(samples)), *spread[0], *spread[1])


def projection_error_px(predicted: torch.Tensor, target: torch.Tensor, source_mm: torch.Tensor) -> torch.Tensor:
    """(B,) mean projection error between corrections (B, 6), on a detector at `SDD_MM` with pixels of `MM_PER_PX`.

    The cube lies along the window's axes. source_mm: (B, 3).
    """
    places = [projected_corners_mm(rigid_of_correction(each, source_mm), source_mm) for each in (predicted, target)]
    magnification = SDD_MM / -source_mm[:, 2]
    return (places[0] - places[1]).norm(dim=-1).mean(dim=-1) * magnification / MM_PER_PX
