"""The initializer within a registration: what it changes, when it is left out, and that nothing of it can stop one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from DeepIterRegLib.cli.main import build_parser
from DeepIterRegLib.cli.options import options_of
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.progress import Progress, Stage
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.initializer import checkpoint, predictor
from DeepIterRegLib.initializer.correction import correction_between
from DeepIterRegLib.initializer.search import SearchOptions
from DeepIterRegLib.initializer.stage import LOST
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.refinement.readings import Reading
from DeepIterRegLib.registration import register as registering
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.registration.register import register
from DeepIterRegLib.registration.result import Registration
from Testing.support.constant_network import write_constant_network
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL, prepared_angiogram, prepared_volume, tree_cloud

pytest.importorskip("safetensors")

START = radiological_pose(CENTRE_MM)
TRUTH = PivotedCorrection.about_patient_point(START, CENTRE_MM).pose(np.array([0.15, 0.1, -0.1, 12.0, -40.0, 28.0]))
ONCE = SearchOptions(starts=1, passes=1, rotated_starts=0)
"""One window: what the tests' networks say is then where the search ends."""


def run_with_veins() -> PreparedAngiogram:
    veins = prepared_angiogram(TRUTH, shown=[tree_cloud().veins], noise=0).vessels
    return replace(prepared_angiogram(TRUTH), veins=binary_dilation(veins, iterations=2))


@pytest.fixture(scope="module")
def angiogram() -> PreparedAngiogram:
    return run_with_veins()


@pytest.fixture(scope="module")
def knows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A network that knows where this head is, and its SHA-256."""
    path = tmp_path_factory.mktemp("checkpoint") / "knows.safetensors"
    return path, write_constant_network(path, correction_between(START, TRUTH, CENTRE_MM, LATERAL))


@pytest.fixture
def no_refinement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refinement that there is where only its start matters: it stays there."""

    def stay(volume: Any, angiograms: Any, pose: Any, **options: Any) -> list[Stage]:
        return [Stage("Nothing", pose, None, None, None, 0.0)]

    monkeypatch.setattr(registering, "refine_published", stay)
    monkeypatch.setattr(registering, "agreements", lambda *arguments: ())


def registered(angiogram: PreparedAngiogram, method: Any = "published", **options: Any) -> Registration:
    progress = options.pop("progress", None)
    chosen = Options(method=method, device="cpu", **{"search": ONCE, **options})
    return register(PreparedImages(prepared_volume(), (angiogram,)), chosen, progress)


def error_mm(pose: np.ndarray) -> float:
    return mean_projection_error_mm(pose, TRUTH, CENTRE_MM, LATERAL)


def names(stages: Sequence[Stage]) -> list[str]:
    return [stage.name for stage in stages]


@pytest.mark.parametrize("method", ["published", "default"])
def test_both_methods_go_on_from_where_the_initializer_found_the_head(method, angiogram, knows):
    path, sha256 = knows
    steps: list[Progress] = []
    result = registered(angiogram, method, initializer=path, progress=steps.append)
    start, initializer, *refinement = result.stages
    assert (start.name, initializer.name) == ("Starting pose", "Initializer")
    assert error_mm(start.pose) > 40
    assert error_mm(initializer.pose) < 0.1
    assert error_mm(result.pose) < 1
    assert initializer.similarity_name == "NCC of veins"
    assert initializer.similarity > 0.3 > initializer.similarity_before
    assert (initializer.evaluations, result.initializer_sha256, result.warnings) == (2, sha256, ())
    np.testing.assert_array_equal(result.initial_pose, START)
    if method == "published":
        # A climb from the truth, not from 40 mm away.
        assert refinement[0].similarity_before > 0.3
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert "Initializer" in {step.stage for step in steps}


def test_left_out_it_is_as_if_there_were_none(angiogram, knows):
    poses: list[Any] = []

    def remember(volume: Any, angiograms: Any, *starts: Any, **options: Any) -> list[Stage]:
        poses.append(starts)
        return [Stage("Nothing", START, None, None, None, 0.0)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registering, "refine_published", remember)
        patch.setattr(registering, "refine_default", remember)
        patch.setattr(registering, "agreements", lambda *arguments: ())
        patch.setattr(registering, "load_network", None)
        results = [registered(angiogram, method, initializer=False) for method in ("published", "default")]
    for result in results:
        assert (names(result.stages), result.warnings) == (["Starting pose", "Nothing"], ())
        assert result.initializer_sha256 is None
    np.testing.assert_array_equal(poses[0][0], START)
    (starts, hypotheses) = poses[1]
    np.testing.assert_array_equal(starts, [START])
    assert not len(hypotheses)


def test_a_given_pose_is_a_start_and_leaves_it_out_unless_a_checkpoint_is_named(
    angiogram, knows, no_refinement, monkeypatch
):
    monkeypatch.setattr(checkpoint, "DEFAULT_CHECKPOINT", knows[0])
    assert "Initializer" in names(registered(angiogram).stages)
    given = registered(angiogram, initial_pose=TRUTH)
    assert (names(given.stages), given.warnings) == (["Starting pose", "Nothing"], ())
    for named in (knows[0], str(knows[0]), True):
        assert "Initializer" in names(registered(angiogram, initial_pose=START, initializer=named).stages)


def missing(path: Path, whole: bytes) -> None: ...


def truncated(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[:-1000])


def altered(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[:-4] + b"\0\0\0\1")


def foreign(path: Path, whole: bytes) -> None:
    from safetensors.numpy import save

    path.write_bytes(save({"weight": np.zeros(3, np.float32)}))


def newer(path: Path, whole: bytes) -> None:
    path.write_bytes(whole.replace(b'"format_version":"1"', b'"format_version":"9"'))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, "is not there"),
        (truncated, "is damaged"),
        (altered, "is damaged"),
        (foreign, "not one of DeepIterReg"),
        (newer, "newer DeepIterReg"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_a_warning_and_the_registration_goes_on(
    spoil, words, angiogram, knows, no_refinement, tmp_path
):
    path = tmp_path / "spoilt.safetensors"
    spoil(path, knows[0].read_bytes())
    result = registered(angiogram, initializer=path)
    (warning,) = result.warnings
    assert warning.startswith(("spoilt.safetensors", "The checkpoint spoilt.safetensors"))
    assert words in warning
    assert warning.endswith(". The registration went on from the radiological pose.")
    assert names(result.stages) == ["Starting pose", "Nothing"]
    assert result.initializer_sha256 is None
    np.testing.assert_array_equal(result.pose, START)


@pytest.mark.parametrize(
    "correction",
    [
        np.array([0, 0, 0, 4000.0, 0, 0]),  # off the detector
        np.array([0, 0, 0, 0, 0, 50.0]),  # beyond it
        np.array([0, 0, 0, 3e38, 0, 0]),  # no number any more
    ],
)
def test_a_network_that_loses_the_head_does_no_harm(correction, angiogram, no_refinement, tmp_path):
    path = tmp_path / "wild.safetensors"
    write_constant_network(path, correction)
    result = registered(angiogram, initializer=path, search=SearchOptions(starts=1, passes=2))
    assert result.warnings == (LOST,)
    np.testing.assert_array_equal(result.pose, START)
    assert result.initializer_sha256 is None


def test_a_cta_without_veins_to_go_by_leaves_the_start_as_it_is(angiogram, knows, no_refinement):
    images = PreparedImages(prepared_volume(tree_cloud().arteries), (angiogram,))
    result = register(images, Options(method="published", device="cpu", search=ONCE, initializer=knows[0]))
    assert names(result.stages) == ["Starting pose", "Nothing"]
    assert len(result.warnings) == 1
    np.testing.assert_array_equal(result.pose, START)


def test_a_checkpoint_is_read_once_until_it_changes(knows, tmp_path, monkeypatch):
    reads: list[Path] = []
    read = predictor.read_checkpoint
    monkeypatch.setattr(predictor, "read_checkpoint", lambda path: (reads.append(path), read(path))[1])
    path = tmp_path / "mine.safetensors"
    path.write_bytes(knows[0].read_bytes())
    first = predictor.load_network(path)
    assert predictor.load_network(path) is first
    assert (first.name, first.sha256, len(reads)) == ("mine", knows[1], 1)
    other = write_constant_network(path, np.full(6, 0.01))
    assert predictor.load_network(path).sha256 == other != knows[1]


def test_the_commands_say_which_checkpoint(tmp_path):
    words = ["register", "--cta", str(tmp_path), "--dsa", str(tmp_path), "--output", str(tmp_path / "output")]

    def asked(*options: str) -> Any:
        return options_of(build_parser().parse_args([*words, *options])).initializer

    mine = tmp_path / "mine.safetensors"
    with pytest.raises(InputError, match=r"mine\.safetensors does not exist; give an existing file with --checkpoint"):
        asked("--checkpoint", str(mine))
    mine.touch()
    assert asked() is None
    assert asked("--no-initializer") is False
    assert asked("--checkpoint", str(mine)) == mine
    assert options_of(build_parser().parse_args(["demo", "--no-initializer"])).initializer is False
    with pytest.raises(InputError, match="not allowed with"):
        asked("--no-initializer", "--checkpoint", str(mine))


def test_where_the_skull_is_clearly_seen_its_search_takes_the_place_of_the_network(angiogram, monkeypatch):
    shape = angiogram.vessels.shape
    skull = SkullImage(np.zeros(shape, np.float32), False, np.ones(shape, dtype=bool), "mask frame")
    seen, volume = replace(angiogram, skull=skull), replace(prepared_volume(), skull=tree_cloud())
    given: list[Any] = []

    def remember(volume: Any, angiograms: Any, *starts: Any, **options: Any) -> list[Stage]:
        given.append((*starts, options["proposals"]))
        return [Stage("Nothing", START, None, None, None, 0.0)]

    monkeypatch.setattr(registering, "load_network", None)
    monkeypatch.setattr(
        registering, "read_by_the_skull", lambda *images, **options: Reading((seen,), TRUTH[None], ("Mirrored.",))
    )
    monkeypatch.setattr(registering, "refine_default", remember)
    monkeypatch.setattr(registering, "agreements", lambda *arguments: ())
    result = register(PreparedImages(volume, (seen,)), Options(device="cpu"))
    assert (names(result.stages), result.warnings) == (["Starting pose", "Nothing"], ("Mirrored.",))
    ((starts, hypotheses, proposals),) = given
    np.testing.assert_array_equal(starts, [START])
    assert not len(hypotheses)
    np.testing.assert_array_equal(proposals, TRUTH[None])
