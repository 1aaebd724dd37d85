"""The initializer's network in torch, to be trained: the paper's network D with a head for rotation and translation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.initializer.architecture import CHANNELS, OUTPUT_SCALE, tensor_shapes

if TYPE_CHECKING:
    from DeepIterRegLib.initializer.checkpoint import Checkpoint


class CorrectionNetwork(torch.nn.Module):
    """MONAI's ResNet18 on two images of veins, and six numbers that say how the moving one has to be corrected.

    `backbone` is the whole network, its last layer (`backbone.fc`) the head. MONAI draws the initial weights, so
    `torch.manual_seed` decides them.
    """

    output_scale: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        from monai.networks.nets.resnet import resnet18

        self.backbone: torch.nn.Module = resnet18(
            spatial_dims=2, n_input_channels=CHANNELS, num_classes=len(OUTPUT_SCALE), conv1_t_stride=2
        )
        # Not persistent: a constant of the architecture, which a checkpoint must not be able to change.
        self.register_buffer("output_scale", torch.tensor(OUTPUT_SCALE), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Corrections (B, 6) in rad, mm and log depth (`initializer/correction.py`) for images (B, 2, rows, columns):
        moving, fixed. float32 even where the backbone runs in half precision."""
        outputs: torch.Tensor = self.backbone(images)
        return outputs.float() * self.output_scale


def weights_of(network: CorrectionNetwork) -> dict[str, FloatArray]:
    """The tensors of `architecture.tensor_shapes`, float32, as `write_checkpoint` takes them; copies.

    PyTorch's counters of batches are left out: a network that is only applied has no use for them.
    """
    tensors = network.state_dict()
    return {name: tensors[name].detach().to("cpu", torch.float32).numpy().copy() for name in tensor_shapes()}


def network_from(checkpoint: Checkpoint) -> CorrectionNetwork:
    """The checkpoint's network on the CPU, in evaluation mode. A checkpoint that was read has all its tensors."""
    network = CorrectionNetwork()
    tensors = {name: torch.from_numpy(np.array(checkpoint.weights[name], np.float32)) for name in tensor_shapes()}
    counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict({**tensors, **counters}, strict=True)
    return network.eval()
