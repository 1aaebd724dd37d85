"""What the network's tensors are called and how large they are: a ResNet18 (He et al. 2016) as MONAI builds it.

Known without PyTorch, because a checkpoint is checked and applied without it. `network.py` builds the same network of
MONAI's parts; `forward.py` computes it with numpy.
"""

from __future__ import annotations

from typing import NamedTuple

ARCHITECTURE = "monai-resnet18-2d-2in-6out"
"""Changes with anything that makes another network's tensors mean something else."""

CHANNELS = 2
"""Input images: the moving veins and the fixed ones."""

OUTPUT_SCALE = (0.1, 0.1, 0.1, 20.0, 20.0, 0.03)
"""What an output of 1 means: rad about the window's u, v, n; mm along u and v; logarithm of the ratio of depths."""

PREFIX = "backbone."
"""Of every tensor's name, as `CorrectionNetwork.state_dict()` has them."""

BATCH_NORM_EPSILON = 1e-5
"""Added to a variance before its root is taken; PyTorch's default."""


class Block(NamedTuple):
    """Two 3 x 3 convolutions with a shortcut around them; a 1 x 1 convolution in it where the size changes."""

    name: str
    channels_in: int
    channels: int
    stride: int

    @property
    def has_projection(self) -> bool:
        return self.stride != 1 or self.channels_in != self.channels


STEM_CHANNELS, STEM_KERNEL = 64, 7

BLOCKS = (
    Block("layer1.0", 64, 64, 1),
    Block("layer1.1", 64, 64, 1),
    Block("layer2.0", 64, 128, 2),
    Block("layer2.1", 128, 128, 1),
    Block("layer3.0", 128, 256, 2),
    Block("layer3.1", 256, 256, 1),
    Block("layer4.0", 256, 512, 2),
    Block("layer4.1", 512, 512, 1),
)


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the network, its names beginning with `PREFIX`."""
    shapes: dict[str, tuple[int, ...]] = {}

    def batch_norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{PREFIX}{name}.{part}"] = (channels,)

    shapes[f"{PREFIX}conv1.weight"] = (STEM_CHANNELS, CHANNELS, STEM_KERNEL, STEM_KERNEL)
    batch_norm("bn1", STEM_CHANNELS)
    for block in BLOCKS:
        shapes[f"{PREFIX}{block.name}.conv1.weight"] = (block.channels, block.channels_in, 3, 3)
        batch_norm(f"{block.name}.bn1", block.channels)
        shapes[f"{PREFIX}{block.name}.conv2.weight"] = (block.channels, block.channels, 3, 3)
        batch_norm(f"{block.name}.bn2", block.channels)
        if block.has_projection:
            # MONAI gives this convolution a bias although batch normalisation follows.
            shapes[f"{PREFIX}{block.name}.downsample.0.weight"] = (block.channels, block.channels_in, 1, 1)
            shapes[f"{PREFIX}{block.name}.downsample.0.bias"] = (block.channels,)
            batch_norm(f"{block.name}.downsample.1", block.channels)
    shapes[f"{PREFIX}fc.weight"] = (len(OUTPUT_SCALE), BLOCKS[-1].channels)
    shapes[f"{PREFIX}fc.bias"] = (len(OUTPUT_SCALE),)
    return shapes
