"""Experiments with the initializer: its column, its own experiment, several checkpoints in one table."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.initializer.checkpoint import CheckpointError
from DeepIterRegLib.initializer.correction import correction_between
from DeepIterRegLib.parallel import fingerprint
from DeepIterRegLib.research.commands import evaluate as evaluate_command
from DeepIterRegLib.research.evaluate import outputs
from DeepIterRegLib.research.evaluate.case import Case
from DeepIterRegLib.research.evaluate.case_file import read_case
from DeepIterRegLib.research.evaluate.experiments import experiment_named
from DeepIterRegLib.research.evaluate.initialization import initialization
from DeepIterRegLib.research.evaluate.methods import METHODS
from DeepIterRegLib.research.evaluate.page import html_page
from DeepIterRegLib.research.evaluate.plots import draw_plots
from DeepIterRegLib.research.evaluate.result_log import ROWS_FILE
from DeepIterRegLib.research.evaluate.results import Row, read_rows
from DeepIterRegLib.research.evaluate.statistics import summarise
from DeepIterRegLib.research.evaluate.tasks import prepare_patient, register_start
from DeepIterRegLib.research.evaluate.variants import NamedCheckpoint, Variant, variants_of
from Testing.research.evaluate.test_evaluate import AtOnce, study
from Testing.support.constant_network import write_constant_network
from Testing.support.tiny_cohort import TinyCohort

pytest.importorskip("safetensors")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(scope="module")
def case(prepared: Path) -> Case:
    assert not prepare_patient(study(prepared), "1").error
    return read_case(next(prepared.glob("1-*.npz")))


@pytest.fixture(scope="module")
def knows(case: Case, tmp_path_factory: pytest.TempPathFactory) -> NamedCheckpoint:
    """A network that knows how far the radiological pose of the first tiny patient is off."""
    path = tmp_path_factory.mktemp("checkpoints") / "knows.safetensors"
    write_constant_network(path, correction_between(case.radiological_pose, case.pose, case.centre_mm, case.carm))
    return NamedCheckpoint.of(path)


@pytest.fixture(scope="module")
def does_nothing(tmp_path_factory: pytest.TempPathFactory) -> NamedCheckpoint:
    path = tmp_path_factory.mktemp("checkpoints") / "knows.safetensors"
    write_constant_network(path, np.zeros(6))
    return NamedCheckpoint.of(path)


# Rows


def test_row_tells_where_the_initializer_brought_the_head(case: Case, knows: NamedCheckpoint) -> None:
    start = case.radiological_pose
    alone = register_start(case, "initializer", Variant("initializer-one-pass", knows), 0, start, 128).row
    refined = register_start(case, "testset", Variant("published-one-pass", knows), 0, start, 128).row
    for row in (alone, refined):
        assert (row.error, row.initializer) == ("", knows.name)
        assert row.mpe_start_px == row.mpe_radiological_px > 5
        assert row.mpe_initialized_px < 0.1
    assert alone.success
    assert alone.mpe_final_px == alone.mpe_initialized_px
    assert 0 < refined.mpe_final_px != refined.mpe_initialized_px


def test_initializer_alone_ends_where_the_registration_would_begin(
    case: Case, does_nothing: NamedCheckpoint
) -> None:  # fmt: skip
    variant = Variant("initializer-one-start", does_nothing)
    row = register_start(case, "initializer", variant, 0, case.radiological_pose, 128).row
    assert row.mpe_final_px == pytest.approx(row.mpe_start_px) == row.mpe_initialized_px


def test_checkpoint_that_a_worker_does_not_have_is_an_error_of_the_row(case: Case, tmp_path: Path) -> None:
    variant = Variant("default", NamedCheckpoint("elsewhere-00000000", tmp_path / "elsewhere.safetensors"))
    row = register_start(case, "testset", variant, 0, case.radiological_pose, 128).row
    assert "elsewhere.safetensors is not there" in row.error
    assert row.mpe_start_px > 0
    assert math.isnan(row.mpe_initialized_px)
    assert not row.success


# Which methods, which starts


def test_methods_run_without_and_with_each_checkpoint(knows: NamedCheckpoint, does_nothing: NamedCheckpoint) -> None:
    assert knows.name.startswith("knows-")
    assert knows.name != does_nothing.name
    methods, both = ("published", "initializer"), [knows, does_nothing, knows]
    with_each = [Variant("published", knows), Variant("published", does_nothing)]
    alone = [Variant("initializer", knows), Variant("initializer", does_nothing)]
    assert variants_of(methods, "both", both) == (Variant("published"), *with_each, *alone)
    assert variants_of(methods, "with", both) == (*with_each, *alone)
    assert variants_of(["published"], "without", []) == (Variant("published"),)
    with pytest.raises(InputError, match="initializer is about the initializer; let it use one, or leave out"):
        variants_of(methods, "without", [])


def test_experiment_refuses_a_checkpoint_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors at all")
    with pytest.raises(CheckpointError, match=r"broken\.safetensors is damaged"):
        NamedCheckpoint.of(tmp_path / "broken.safetensors")


def test_initializer_is_tried_from_the_radiological_pose_or_from_up_to_150_px(case: Case) -> None:
    experiment = experiment_named("initializer")
    assert (experiment.patients, experiment.initializer) == (200, "with")
    (only,) = experiment.starts(case, 1)
    np.testing.assert_array_equal(only, case.radiological_pose)
    errors_px = [case.error_of(pose).mpe_px for pose in experiment.starts(case, 6)]
    assert [int(error // 25) for error in errors_px] == list(range(6))


def test_results_depend_on_the_code_of_the_initializer(monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()
    path_of = fingerprint._path

    def remembering(module: str) -> Path | None:
        read.add(module)
        return path_of(module)

    monkeypatch.setattr(fingerprint, "_path", remembering)
    fingerprint.code_fingerprint.__wrapped__(*evaluate_command.REGISTERING)
    wanted = {"search", "window", "correction", "forward", "stage", "checkpoint"}
    assert {f"DeepIterRegLib.initializer.{name}" for name in wanted} <= read


# Summary, page, plots


def row(patient: int, start: int, start_px: float, initialized_px: float, initializer: str = "net-12345678") -> Row:
    error = "The disk is full." if math.isnan(initialized_px) else ""
    final_px = math.nan if error else initialized_px / 2
    return Row(
        patient=str(patient),
        experiment="initializer",
        method="published",
        initializer=initializer,
        start=start,
        mpe_radiological_px=20.0,
        mpe_start_px=start_px,
        mpe_initialized_px=initialized_px,
        mpe_final_px=final_px,
        mpe_final_mm=final_px * 0.87,
        tre_mm=final_px,
        success=not error and final_px * 0.87 < 5,
        seconds=0.5,
        error=error,
        error_along_beam_mm=final_px,
        error_across_beam_mm=final_px,
    )


def test_summary_tells_how_near_and_from_where() -> None:
    start_px = np.arange(100) * 1.5
    after = np.where(start_px < 75, 3.0, 30.0)
    after[0] = np.nan
    found = initialization([str(number) for number in range(100)], start_px, after, seed=0)
    assert (found["count"], found["median"]["value"], found["percentile95"]["value"]) == (100, 30.0, 30.0)
    # A patient on whom it did not run is infinitely far off.
    assert found["mean"]["value"] is found["mean"]["high"] is None
    six, twenty = found["near"]
    assert (six["below_px"], six["value"], twenty["value"]) == (6, 0.49, 0.49)
    assert six["low"] < 0.49 < six["high"]
    assert [part["count"] for part in found["bins"]] == [10] * 10
    assert found["bins"][0]["percentile95"] is None
    assert found["bins"][4] == {
        "count": 10, "start_from": 60.0, "start": 66.75, "start_to": 73.5, "median": 3.0, "mean": 3.0,
        "percentile95": 3.0, "near": [1.0, 1.0],
    }  # fmt: skip
    assert found["bins"][5]["near"] == [0.0, 0.0]


def test_interval_is_the_bootstraps_over_patients_and_shrinks_with_them() -> None:
    rng = np.random.default_rng(3)

    def width(patients: int, starts: int) -> float:
        names = [str(number) for number in range(patients) for _ in range(starts)]
        after = np.repeat(rng.gamma(2, 4, patients), starts)
        median = initialization(names, np.full(len(after), 20.0), after, seed=0)["median"]
        assert median["low"] <= median["value"] <= median["high"]
        return median["high"] - median["low"]

    assert width(400, 1) < width(25, 1) / 2
    # Sixteen starts of the same patient are not sixteen patients.
    assert width(25, 16) > 2 * width(400, 1)
    assert initialization(["1"], np.ones(1), np.ones(1), seed=0)["median"]["low"] is None


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    rng = np.random.default_rng(0)
    found = []
    for patient in range(50):
        start_px = rng.uniform(2, 150)
        found.append(row(patient, 0, start_px, start_px, initializer="none"))
        found.append(row(patient, 0, start_px, math.nan if patient == 7 else rng.gamma(2, 3)))
    return found


@pytest.mark.usefixtures("few_resamples")
def test_summary_with_initializer_fits_its_schema(rows: list[Row]) -> None:
    schema = json.loads(files("DeepIterRegLib").joinpath("schemas/evaluate_summary.schema.json").read_text())
    summary = json.loads(json.dumps(summarise(rows), allow_nan=False))
    jsonschema.Draft202012Validator(schema).validate(summary)
    without, with_it = summary["experiments"][0]["methods"]
    assert without["initialized"] is None
    assert with_it["initialized"]["count"] == 50
    assert (without["label"], with_it["label"]) == ("published", "published + net-12345678")


@pytest.mark.usefixtures("few_resamples")
def test_page_shows_both_side_by_side_and_the_table_of_the_initializer(rows: list[Row], tmp_path: Path) -> None:
    plots = draw_plots(rows, tmp_path)
    assert {"initializer_before_after.png", "initializer_initialized.png"} <= set(plots)
    page = html_page("t", rows, summarise(rows), {tmp_path / name: text for name, text in plots.items()}, {})
    assert "published + net-12345678" in page
    assert "MPE after the initializer alone" in page
    assert "by MPE before, ten bins of equal count" in page
    assert "below 6 px" in page
    plain = [one for one in rows if one.initializer == "none"]
    assert "after the initializer alone" not in html_page("t", plain, summarise(plain), {}, {})
    assert "initializer_initialized.png" not in draw_plots(plain, tmp_path)


# The command


@pytest.mark.usefixtures("few_resamples")
def test_command_compares_with_and_without_and_goes_on(
    prepared: Path, case: Case, knows: NamedCheckpoint, does_nothing: NamedCheckpoint, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    workers: list[AtOnce] = []

    @contextmanager
    def pool(args: object) -> Iterator[AtOnce]:
        workers.append(AtOnce())
        yield workers[-1]

    monkeypatch.setattr(evaluate_command, "_worker_pool", pool)
    monkeypatch.setattr(evaluate_command, "_cohort", lambda args: TinyCohort())
    monkeypatch.setattr(evaluate_command, "_settings", lambda args, study: {"experiment": study.experiment})
    monkeypatch.setattr(evaluate_command, "preparation_fingerprint", lambda: "code")
    monkeypatch.setattr(outputs, "draw_plots", lambda rows, folder: {})
    one_pass = replace(METHODS["published-one-pass"], name="published", needs_initializer=False)
    monkeypatch.setitem(METHODS, "published", one_pass)
    words = ["evaluate", "testset", "--patients", "1", "--method", "published", "--size-px", "128"]
    words += ["--output", str(tmp_path), "--prepared", str(prepared)]

    def initializers(*options: str) -> list[str]:
        assert main([*words, *options]) == 0
        return [one.initializer for one in read_rows(tmp_path / ROWS_FILE)]

    assert initializers("--no-initializer") == ["none"]
    assert initializers("--checkpoint", str(knows.path)) == ["none", knows.name]
    said = capsys.readouterr().out
    assert f"Initializer of published + {knows.name}: median " in said
    settings = (tmp_path / "index.html").read_text()
    assert f"none, {knows.name}" in settings
    # The other network has the same file name and other weights: its rows are its own.
    names = initializers("--checkpoint", str(does_nothing.path), "--initializer", "with")
    assert names == ["none", knows.name, does_nothing.name]
    registrations = [sum(not isinstance(tag, str) for tag in one.given) for one in workers]
    assert registrations == [1, 1, 1]
