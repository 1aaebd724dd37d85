"""The moving average of a network's weights: steadier than the weights of any one batch. Slicer never loads this."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch

Network = TypeVar("Network", bound=torch.nn.Module)


class Average(Generic[Network]):
    """`network` is a copy, in evaluation mode, whose weights and statistics follow those of the one in training."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = copy.deepcopy(network)
        self.network.eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def follow(self, network: Network, batches: int) -> None:
        """After batch number `batches` (from 1): early on the average is over few, so that it forgets the beginning."""
        share = 1 - min(self._decay, batches / (batches + 10))
        for mine, its in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(its, share)
            else:
                mine.copy_(its)
