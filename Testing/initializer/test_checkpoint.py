"""The initializer's checkpoint: what is written comes back, and what is not ours, whole or current gets a sentence."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.initializer.architecture import tensor_shapes
from DeepIterRegLib.initializer.checkpoint import (
    DEFAULT_CHECKPOINT,
    FORMAT_VERSION,
    Checkpoint,
    CheckpointError,
    CheckpointHeader,
    digest,
    read_checkpoint,
    write_checkpoint,
)
from DeepIterRegLib.initializer.safetensors_reader import parse_safetensors
from Testing.support.paths import ROOT

pytest.importorskip("safetensors")

Weights = dict[str, np.ndarray]
RECIPE = {"seeds": [1, 2], "samples": 1_000_000, "offsets": {"p95_px": 55.0}, "licence": "MIT"}
VARIANCE = "backbone.layer4.1.bn2.running_var"
KERNEL = "backbone.layer1.0.conv1.weight"


@pytest.fixture(scope="module")
def weights() -> Weights:
    rng = np.random.default_rng(5)
    return {name: rng.standard_normal(shape, np.float32) for name, shape in tensor_shapes().items()}


@pytest.fixture(scope="module")
def written(weights, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "trained.safetensors"
    write_checkpoint(path, weights, CheckpointHeader(RECIPE))
    return path


def header_of(path: Path) -> tuple[dict, bytes]:
    """The JSON of a safetensors file, and what follows it."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def with_header(path: Path, target: Path, change: Callable[[dict], None]) -> Path:
    header, rest = header_of(path)
    change(header)
    text = json.dumps(header).encode()
    target.write_bytes(len(text).to_bytes(8, "little") + text + rest)
    return target


def sentence(path: Path) -> str:
    """What reading it says; one sentence that names the file and not its folder."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert path.name in message
    assert str(path.parent) not in message
    assert message.endswith(".")
    assert not re.search(r"[.] [A-Z]|\n", message)
    return message


def test_what_was_written_comes_back_in_half_precision(weights, written):
    checkpoint = read_checkpoint(written)
    assert dict(checkpoint.header.recipe) == RECIPE
    assert checkpoint.weights.keys() == weights.keys()
    for name, value in checkpoint.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, weights[name], rtol=2**-11, atol=2**-25)


def test_file_is_small_enough_to_be_shipped(written):
    assert written.stat().st_size <= 25e6


def test_variances_too_small_for_half_precision_survive(weights, tmp_path):
    path = tmp_path / "small.safetensors"
    write_checkpoint(path, weights | {VARIANCE: np.full(512, 1e-12, np.float32)}, CheckpointHeader())
    assert (read_checkpoint(path).weights[VARIANCE] == np.float32(1e-12)).all()


def test_writing_what_was_read_gives_the_same_tensors(written, tmp_path):
    checkpoint = read_checkpoint(written)
    again = write_checkpoint(tmp_path / "again.safetensors", checkpoint.weights, checkpoint.header)
    assert again == checkpoint.header


def test_digest_is_of_names_types_shapes_and_bytes_in_the_order_of_names():
    one = {"b": np.zeros(2, np.float16), "a": np.ones((1, 2), np.float32)}
    assert digest(one) == digest(dict(reversed(one.items())))
    others = [
        {**one, "b": np.zeros(2, np.float32)},
        {**one, "a": np.ones((2, 1), np.float32)},
        {**one, "a": -one["a"]},
        {"b": one["b"], "c": one["a"]},
    ]
    assert len({digest(one), *map(digest, others)}) == 5
    # Little-endian bytes, as in the file, on any computer.
    assert digest({"a": np.arange(3, dtype=">f4")}) == digest({"a": np.arange(3, dtype="<f4")})


def test_failed_write_leaves_the_old_checkpoint_and_nothing_else(weights, written, tmp_path, monkeypatch):
    path = tmp_path / "kept.safetensors"
    path.write_bytes(written.read_bytes())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(path, weights, CheckpointHeader())
    assert path.read_bytes() == written.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_diverged_network_is_not_written(weights, tmp_path, value):
    """1e6 is more than half precision can hold."""
    diverged = weights | {KERNEL: np.full(tensor_shapes()[KERNEL], value, np.float32)}
    with pytest.raises(CheckpointError, match=KERNEL):
        write_checkpoint(tmp_path / "diverged.safetensors", diverged, CheckpointHeader())
    assert not list(tmp_path.iterdir())


def test_network_of_another_shape_is_not_written(weights, tmp_path):
    with pytest.raises(CheckpointError, match=r"fc\.weight"):
        write_checkpoint(tmp_path / "x", weights | {"backbone.fc.weight": np.zeros((7, 512))}, CheckpointHeader())


def test_missing_file_and_folder(tmp_path):
    assert "not there" in sentence(tmp_path / "missing.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    assert "cannot be read" in sentence(tmp_path / "folder.safetensors")


def test_pytorch_files_are_refused_unread(tmp_path):
    named = tmp_path / "model.pth"
    named.write_bytes(b"anything")
    with zipfile.ZipFile(tmp_path / "renamed.safetensors", "w") as archive:
        archive.writestr("data.pkl", b"")
    old = tmp_path / "old.safetensors"
    old.write_bytes(b"\x80\x02\x8a\nl\xfc")
    for path in (named, tmp_path / "renamed.safetensors", old):
        assert "PyTorch file" in sentence(path)


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 100, b"\x04" + bytes(7) + b"[[]]", b"<html>" * 100])
def test_file_that_is_no_safetensors(tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert "damaged or not a checkpoint" in sentence(path)


def test_truncated_download(written, tmp_path):
    path = tmp_path / "half.safetensors"
    path.write_bytes(written.read_bytes()[:-1000])
    assert "damaged" in sentence(path)


def test_one_flipped_bit(written, tmp_path):
    content = bytearray(written.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    assert "SHA-256" in sentence(path)


def test_safetensors_of_others(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3)}, tmp_path / "llm.safetensors")
    assert "not one of DeepIterReg" in sentence(tmp_path / "llm.safetensors")


def test_newer_format_asks_for_an_update(written, tmp_path):
    def newer(header: dict) -> None:
        header["__metadata__"] |= {"format_version": str(FORMAT_VERSION + 1), "deepiterreg_version": "9.1"}

    message = sentence(with_header(written, tmp_path / "newer.safetensors", newer))
    assert "newer DeepIterReg (9.1)" in message
    assert "update the extension" in message


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("architecture", "unet", "holds the network unet"),
        ("size_px", "128", "windows of 128 pixels"),
        ("field_mm", "300.0", "300 mm"),
        ("size_px", "many", "damaged"),
        ("format_version", "nan", "damaged"),
        ("recipe", "[1]", "damaged"),
        ("sha256", "0" * 64, "SHA-256"),
    ],
)
def test_header_that_does_not_fit(written, tmp_path, entry, value, said):
    def changed(header: dict) -> None:
        header["__metadata__"][entry] = value

    assert said in sentence(with_header(written, tmp_path / "other.safetensors", changed))


def test_header_without_an_entry(written, tmp_path):
    path = with_header(written, tmp_path / "bare.safetensors", lambda header: header["__metadata__"].pop("sha256"))
    assert "damaged" in sentence(path)


def test_renamed_tensor_is_another_network(written, tmp_path):
    def renamed(header: dict) -> None:
        header["module.fc.bias"] = header.pop("backbone.fc.bias")

    assert "another network" in sentence(with_header(written, tmp_path / "renamed.safetensors", renamed))


def test_reading_needs_no_package(weights, written, monkeypatch):
    for name in ("safetensors", "safetensors.numpy", "torch"):
        monkeypatch.setitem(sys.modules, name, None)
    again = read_checkpoint(written)
    assert again.weights.keys() == weights.keys()
    np.testing.assert_array_equal(again.weights[VARIANCE], weights[VARIANCE])


def test_our_reader_and_the_package_read_the_same():
    from safetensors.numpy import save

    tensors = {
        "half": np.arange(6, dtype=np.float16).reshape(2, 3),
        "single": np.float32(np.pi) * np.ones((2, 1, 2), np.float32),
        "double": np.array(np.e),
        "nothing": np.zeros((0, 4), np.float32),
    }
    found = parse_safetensors(save(tensors, metadata={"a": "é"}))
    assert found.metadata == {"a": "é"}
    assert found.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found.tensors[name], tensor)


def entry(begin: int, end: int, shape: object = None, dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": [(end - begin) // 4] if shape is None else shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"a": entry(0, 8)}, 12),  # goes on
        ({"a": entry(0, 8)}, 4),  # cut short
        ({"a": entry(4, 8)}, 8),  # a gap
        ({"a": entry(0, 8), "b": entry(4, 12)}, 12),  # an overlap
        ({"a": entry(0, 8), "b": entry(0, 8)}, 8),  # the same bytes twice
        ({"a": entry(0, 8, [3])}, 8),
        ({"a": entry(0, 8, [-1, -2])}, 8),
        ({"a": entry(0, 8, [True, 2])}, 8),
        ({"a": entry(0, 8, [2.0])}, 8),
        ({"a": entry(0, 8, "2")}, 8),
        ({"a": entry(0, 8, dtype="I32")}, 8),
        ({"a": entry(0, 8, dtype=["F32"])}, 8),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]}}, 8),
        ({"a": {"dtype": "F32", "shape": [2]}}, 8),
        ({"a": "F32"}, 8),
        ({"__metadata__": {"a": 1}}, 0),
        ({"__metadata__": ["a"]}, 0),
        ([], 0),
    ],
)
def test_what_is_not_exactly_the_format_is_refused(header, size):
    text = json.dumps(header).encode()
    with pytest.raises(ValueError):
        parse_safetensors(len(text).to_bytes(8, "little") + text + bytes(size))


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 16, (2).to_bytes(8, "little") + b"{", b"{}" * 9])
def test_what_is_no_header_is_refused(content):
    with pytest.raises(ValueError):
        parse_safetensors(content)


def test_a_name_that_is_there_twice_is_refused():
    text = (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    )
    with pytest.raises(ValueError):
        parse_safetensors(len(text).to_bytes(8, "little") + text + bytes(4))


def test_default_lies_beside_the_library_where_slicers_package_has_it():
    resources = DEFAULT_CHECKPOINT.parents[1]
    assert resources == ROOT / "Resources"
    assert resources.is_dir()


def test_torch_network_makes_and_takes_a_checkpoint(tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("monai")
    from DeepIterRegLib.initializer.network import CorrectionNetwork, network_from, weights_of

    torch.manual_seed(3)
    network = CorrectionNetwork().train()
    network(torch.rand(4, 2, 96, 96))  # moves the statistics
    path = tmp_path / "net.safetensors"
    write_checkpoint(path, weights_of(network), CheckpointHeader())
    again = network_from(read_checkpoint(path))
    assert not again.training
    images = torch.rand(2, 2, 96, 96)
    with torch.inference_mode():
        expected = network.eval()(images)
        # Of the order of what half precision rounds, 5e-4.
        assert (again(images) - expected).abs().max() < 3e-3 * expected.abs().max()
    exact = network_from(Checkpoint(weights_of(network), CheckpointHeader()))
    with torch.inference_mode():
        assert torch.equal(exact(images), expected)
