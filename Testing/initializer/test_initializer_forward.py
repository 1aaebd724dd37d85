"""The network in numpy: each part against scipy, the whole against PyTorch, and none of it needs PyTorch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from DeepIterRegLib.initializer.architecture import OUTPUT_SCALE, tensor_shapes
from DeepIterRegLib.initializer.checkpoint import Checkpoint, CheckpointHeader
from DeepIterRegLib.initializer.convolution import Convolution, TiledConvolution, max_pooled
from DeepIterRegLib.initializer.forward import NumpyNetwork
from Testing.support.paths import ROOT


def random_checkpoint(seed: int) -> Checkpoint:
    """Kernels that keep the values' size, and statistics of batch normalisation far from those of a new network."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in tensor_shapes().items():
        if name.endswith("running_var"):
            value = rng.uniform(0.2, 3.0, shape)
        elif len(shape) > 1:
            value = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith("weight"):
            value = rng.uniform(0.5, 1.5, shape)
        else:
            value = rng.normal(0, 0.3, shape)
        weights[name] = value.astype(np.float32)
    return Checkpoint(weights, CheckpointHeader())


def images_of_veins(count: int, seed: int) -> np.ndarray:
    """(count, 2, 96, 96): channels with the values of the real ones, -1 where a detector saw nothing."""
    images = np.random.default_rng(seed).random((count, 2, 96, 96), np.float32)
    images[:, 1, :20] = -1
    return images


def correlated(images: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolution as networks have it, with stride 1 and zeros around, written down again with scipy in double."""
    result = np.zeros((*images.shape[:3], len(weight)))
    for image, into in zip(images.astype(np.float64), result, strict=True):
        for out, kernels in enumerate(weight.astype(np.float64)):
            parts = [ndimage.correlate(image[..., i], kernel, mode="constant") for i, kernel in enumerate(kernels)]
            into[..., out] = sum(parts) + bias[out]
    return result


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (12, 6)])
def test_convolution_by_tiles_is_a_convolution(rows, columns):
    rng = np.random.default_rng(1)
    images = rng.normal(size=(2, rows, columns, 5)).astype(np.float32)
    weight, bias = rng.normal(size=(4, 5, 3, 3)), rng.normal(size=4)
    expected = correlated(images, weight, bias)
    assert np.abs(TiledConvolution(weight, bias)(images) - expected).max() < 3e-6 * np.abs(expected).max()


@pytest.mark.parametrize(("size", "stride"), [(7, 2), (3, 2), (1, 2), (3, 1)])
def test_strided_convolution_is_every_second_pixel_of_a_convolution(size, stride):
    rng = np.random.default_rng(2)
    images = rng.normal(size=(2, 8, 6, 3)).astype(np.float32)
    weight, bias = rng.normal(size=(4, 3, size, size)), rng.normal(size=4)
    expected = correlated(images, weight, bias)[:, ::stride, ::stride]
    assert np.abs(Convolution(weight, bias, stride)(images) - expected).max() < 1e-6 * np.abs(expected).max()


def test_maximum_of_three_by_three_at_every_second_pixel():
    images = np.random.default_rng(3).random((2, 8, 6, 3), np.float32)
    expected = ndimage.maximum_filter(images, size=(1, 3, 3, 1), mode="constant")[:, ::2, ::2]
    assert (max_pooled(images) == expected).all()


def test_numpy_computes_what_torch_does():
    torch = pytest.importorskip("torch")
    pytest.importorskip("monai")
    from DeepIterRegLib.initializer.network import network_from

    checkpoint, images = random_checkpoint(7), images_of_veins(6, 8)
    with torch.inference_mode():
        expected = network_from(checkpoint)(torch.from_numpy(images)).numpy()
    found = NumpyNetwork(checkpoint)(images)
    assert found.dtype == np.float32
    # Each output against its largest value: one that happens to be near zero has no relative error to speak of.
    assert (np.abs(found - expected).max(axis=0) <= 1e-4 * np.abs(expected).max(axis=0)).all()
    # The comparison means something only if the images matter.
    assert (np.ptp(expected, axis=0) > 1e-3 * np.abs(expected).max(axis=0)).all()


def test_an_image_is_computed_alike_alone_and_in_company():
    network, images = NumpyNetwork(random_checkpoint(9)), images_of_veins(5, 10)
    together = network(images)
    alone = np.concatenate([network(image[None]) for image in images])
    assert (np.abs(alone - together).max(axis=0) <= 1e-4 * np.abs(together).max(axis=0)).all()
    assert (network(images) == together).all()
    assert network(images[:0]).shape == (0, 6)


def test_input_is_left_as_it_was():
    images = images_of_veins(2, 11)
    before = images.copy()
    NumpyNetwork(random_checkpoint(12))(images)
    assert (images == before).all()


def test_outputs_are_in_rad_mm_and_log_depth():
    """A head that answers its bias whatever it sees: the scale is all that is left."""
    checkpoint = random_checkpoint(13)
    constant = {
        "backbone.fc.weight": np.zeros((6, 512), np.float32),
        "backbone.fc.bias": np.arange(1, 7, dtype=np.float32),
    }
    network = NumpyNetwork(Checkpoint({**checkpoint.weights, **constant}, checkpoint.header))
    expected = np.arange(1, 7) * OUTPUT_SCALE
    np.testing.assert_allclose(network(images_of_veins(2, 14)), [expected, expected], rtol=1e-6)


def test_neither_torch_nor_monai_is_needed():
    code = (
        "import sys; sys.modules.update(torch=None, monai=None, safetensors=None)\n"
        "import numpy as np\n"
        "from DeepIterRegLib.initializer.checkpoint import Checkpoint, CheckpointHeader\n"
        "from DeepIterRegLib.initializer.architecture import tensor_shapes\n"
        "from DeepIterRegLib.initializer.forward import NumpyNetwork\n"
        "ones = {name: np.full(shape, 0.01, np.float32) for name, shape in tensor_shapes().items()}\n"
        "print(NumpyNetwork(Checkpoint(ones, CheckpointHeader()))(np.ones((1, 2, 96, 96), np.float32)).shape)\n"
    )
    root = ROOT
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 6)", done.stderr
