"""Training on CTAs: scanned heads, the samples they give, the folder of a hospital, and the command."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.cli.main import main
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.research.train import scanned_source, scans
from DeepIterRegLib.research.train.cta_veins import cta_veins
from DeepIterRegLib.research.train.dsa_veins import opacified_vessels
from DeepIterRegLib.research.train.head_fit import fit_head
from DeepIterRegLib.research.train.recipe import RECIPES, Recipe
from DeepIterRegLib.research.train.sample import draw_sample
from DeepIterRegLib.research.train.scanned_anatomy import FITTED, ScannedHead, scanned_anatomy
from DeepIterRegLib.research.train.scanned_source import ScannedAnatomies
from DeepIterRegLib.research.train.stream import FIRST_VALIDATION_SEED
from DeepIterRegLib.research.train.vein_anatomy import TrainingAnatomy
from Testing.support.training_heads import training_head

CENTRE_MM = np.array([4.0, -6.0, -20.0])
"""Of the CTA, in the frame of the brain's middle."""
PLACE_MM = np.array([100.0, 200.0, -300.0])
"""Where the scanner's frame has it."""


def cloud_of(anatomy: TrainingAnatomy) -> VesselCloud:
    """What a CTA shows of a generated head: its sinuses as large veins, and its thick arteries."""
    sinus = np.isin(anatomy.kind, FITTED)[anatomy.vessel]
    shown = sinus | (~anatomy.is_vein[anatomy.vessel] & (anatomy.radius_mm > 1))
    points = anatomy.points_mm[shown] + (PLACE_MM - CENTRE_MM)
    return VesselCloud(points.astype(np.float32), anatomy.volumes_mm3[shown], sinus[shown], 1.3, PLACE_MM)


@functools.cache
def scanned() -> TrainingAnatomy:
    return scanned_anatomy(ScannedHead.of(cloud_of(training_head(0))), training_head(1))


def sinuses_of(anatomy: TrainingAnatomy) -> np.ndarray:
    return anatomy.points_mm[np.isin(anatomy.kind, FITTED)[anatomy.vessel]]


# Scanned heads


def test_fit_finds_how_a_head_was_turned_moved_and_scaled():
    sinuses = sinuses_of(training_head(0))
    turn = Rotation.from_euler("xyz", [8, -5, 10], degrees=True).as_matrix()
    fit = fit_head(sinuses, 0.95 * sinuses @ turn.T + [12, -20, 30])
    assert fit.scale == pytest.approx(0.95, abs=0.005)
    np.testing.assert_allclose(fit.turn, turn, atol=0.01)
    np.testing.assert_allclose(fit.shift_mm, [12, -20, 30], atol=0.5)


def test_fit_is_of_a_head_even_where_the_scan_shows_only_some_sinuses():
    head = training_head(0)
    behind = sinuses_of(head)[sinuses_of(head)[:, 1] < 0]
    fit = fit_head(sinuses_of(head), behind + np.array([5.0, 9.0, -7.0]))
    np.testing.assert_allclose(fit(np.zeros((1, 3))), [[5, 9, -7]], atol=4)


def test_scanned_vessels_stay_where_the_scan_has_them_and_the_centre_with_them():
    anatomy, cloud = scanned(), cloud_of(training_head(0))
    own = anatomy.points_mm[anatomy.scan.is_scanned]
    assert anatomy.volumes_mm3[anatomy.scan.is_scanned].sum() == pytest.approx(cloud.weights_mm3.sum(), rel=1e-3)
    about_centre = own - anatomy.scan.centre_mm
    np.testing.assert_allclose(
        np.average(about_centre, axis=0, weights=anatomy.volumes_mm3[anatomy.scan.is_scanned]),
        np.average(cloud.positions_mm - PLACE_MM, axis=0, weights=cloud.weights_mm3),
        atol=0.1,
    )
    # The brain's middle is found by the sinuses alone, of two people.
    np.testing.assert_allclose(anatomy.scan.centre_mm, CENTRE_MM, atol=12)


def test_points_of_a_scan_get_the_names_of_what_they_are():
    truth, anatomy = training_head(0), scanned()
    sigmoid = anatomy.points_mm[anatomy.scan.is_large_vein & (anatomy.kind[anatomy.vessel] == "sigmoid sinus")]
    side = anatomy.side[anatomy.vessel][anatomy.scan.is_large_vein & (anatomy.kind[anatomy.vessel] == "sigmoid sinus")]
    assert (np.sign(sigmoid[:, 0]) == side).mean() > 0.95
    top = anatomy.scan.is_large_vein & (anatomy.points_mm[:, 2] > truth.points_mm[:, 2].max() - 30)
    assert (anatomy.kind[anatomy.vessel][top] == "superior sagittal sinus").all()


def test_scanned_head_is_in_the_order_that_the_masks_are_drawn_by():
    anatomy = scanned()
    assert (np.diff(anatomy.vessel) >= 0).all()
    of_vein = anatomy.is_vein[anatomy.vessel]
    assert of_vein[: anatomy.vein_points].all()
    assert not of_vein[anatomy.vein_points :].any()
    assert {len(getattr(anatomy, name)) for name in ("volumes_mm3", "vessel", "along", "radius_mm")} == {len(anatomy)}


def test_moving_image_is_the_scans_veins_and_the_fixed_one_has_more_and_less():
    anatomy, rng = scanned(), np.random.default_rng(3)
    points, volumes = cta_veins(anatomy, rng)
    np.testing.assert_array_equal(points, anatomy.points_mm[anatomy.scan.is_large_vein])
    assert len(volumes) == len(points)
    own = {tuple(point) for point in points}
    runs = [{tuple(point) for point in opacified_vessels(anatomy, rng)[0]} for _ in range(10)]
    assert len({len(run & own) for run in runs}) > 5
    assert np.mean([len(run - own) > 500 for run in runs]) > 0.7


def test_samples_turn_about_the_scans_own_centre():
    anatomy = scanned()
    sample = draw_sample(anatomy, np.random.default_rng(0))
    assert sample.moving.max() > 0.5
    # As far from the centre, whatever the pose.
    own = np.linalg.norm(anatomy.points_mm[anatomy.scan.is_large_vein] - anatomy.scan.centre_mm, axis=1)
    drawn = np.linalg.norm(sample.points_mm, axis=1)
    assert own.min() - 0.01 <= drawn.min() <= drawn.max() <= own.max() + 0.01


def test_scan_without_large_veins_is_refused():
    cloud = cloud_of(training_head(0))
    with pytest.raises(InputError, match="hardly any large vein; give one"):
        ScannedHead.of(cloud.subset(~cloud.is_vein))


# Sources


@pytest.fixture
def few_lenders(monkeypatch):
    monkeypatch.setattr(scanned_source, "_lender", lambda seed: training_head(seed % 2))


def written(folder, count: int) -> tuple:
    head = ScannedHead.of(cloud_of(training_head(0)))
    files = tuple(folder / f"{number}.npz" for number in range(count))
    for number, file in enumerate(files):
        head.stretched(np.full(3, 1 + 0.01 * number)).write(file)
    return files


def test_a_patient_is_always_the_same_head_and_a_population_is_varied(tmp_path, few_lenders):
    def shape(source: ScannedAnatomies, seed: int) -> float:
        points = source.draw(seed)
        assert points.scan is not None
        return float(np.ptp(points.points_mm[points.scan.is_large_vein][:, 1]))

    files = written(tmp_path, 5)
    patient = ScannedAnatomies.of_patient(files[0])
    assert len({round(shape(patient, seed), 3) for seed in (1, 2, FIRST_VALIDATION_SEED)}) == 1
    population = ScannedAnatomies.of_population(files)
    assert len({round(shape(population, seed), 3) for seed in range(4)}) == 4
    assert (population.training, population.validation) == (files[1:], files[:1])
    assert shape(population, FIRST_VALIDATION_SEED + 7) == pytest.approx(shape(patient, 1), abs=0.01)
    assert (patient.name, population.name) == ("1 CTA", "5 CTAs, 1 of them to validate on")


def test_folder_of_a_hospital_may_hold_files_and_folders(tmp_path):
    for name in ("b.nii.gz", "a.nrrd", "notes.txt", ".hidden.nrrd"):
        (tmp_path / name).touch()
    for name in ("series", "simulated"):
        (tmp_path / name).mkdir()
    for name in ("cta_veins.nrrd", "cta.nrrd"):
        (tmp_path / "simulated" / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in scans.find_scans(tmp_path)] == [
        "a.nrrd", "b.nii.gz", "series", "simulated/cta.nrrd",
    ]  # fmt: skip
    with pytest.raises(InputError, match="holds neither volume files"):
        scans.find_scans(tmp_path / "series")
    with pytest.raises(InputError, match="is no folder that can be read"):
        scans.find_scans(tmp_path / "a.nrrd")


# The command

TINY = Recipe(
    samples=4, batch_size=4, warmup_samples=4, samples_per_anatomy=4, anatomies_at_once=1, validation_samples=4,
    validate_every=4, precision="float32",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Prepared:
    cloud: VesselCloud


@pytest.fixture
def quick(monkeypatch, few_lenders):
    """Reads a scan's first byte as its content: a CTA without veins, one that cannot be read, or one like no other."""
    for package in ("torch", "monai", "roma"):
        pytest.importorskip(package)

    def read(path):
        if not path.read_bytes():
            raise InputError("It is empty; give the CTA with --cta.")
        return Volume(np.full((2, 2, 2), path.read_bytes()[0], np.int16), np.eye(4), "cta")

    def prepare(volume):
        cloud = cloud_of(training_head(0))
        return Prepared(cloud if volume.voxels.flat[0] else cloud.subset(~cloud.is_vein))

    monkeypatch.setattr(scans, "read_volume", read)
    monkeypatch.setattr(scans, "prepare_volume", prepare)
    for name in ("patient", "population"):
        monkeypatch.setitem(RECIPES, name, TINY)


def train(*words: object) -> int:
    return main(["train", "--workers", "0", "--threads", "1", "--device", "cpu", *map(str, words)])


def test_patient_gives_a_checkpoint_that_tells_nothing_of_them(quick, tmp_path, capsys):
    from DeepIterRegLib.initializer.checkpoint import read_checkpoint

    secret, output = tmp_path / "Doe_Jane_1950.nrrd", tmp_path / "out"
    secret.write_bytes(b"\x01")
    assert train("--patient", secret, "--from", "none", "--output", output) == 0
    said = capsys.readouterr()
    assert "On 4 samples of this CTA, in other poses" in said.out
    checkpoint = output / "initializer.safetensors"
    assert read_checkpoint(checkpoint).header.recipe["anatomy"] == "1 CTA"
    assert read_checkpoint(checkpoint).header.recipe["began_with_sha256"] == ""
    head = next((output / "heads").iterdir())
    for content in (checkpoint.read_bytes(), (output / "state.safetensors").read_bytes(), head.read_bytes()):
        assert not any(word.encode() in content for word in ("Doe_Jane", tmp_path.name, head.stem))

    # Adapted from there, the outcome tells what that was worth; the folder takes no other patient.
    words = ["--patient", secret, "--from", checkpoint, "--output", tmp_path / "again"]
    assert train(*words) == 0
    assert "(of the checkpoint it began with: " in capsys.readouterr().out
    secret.write_bytes(b"\x02")
    assert train(*words) == 2
    assert "a training on other CTAs; train into a new one" in capsys.readouterr().err
    assert len(list((tmp_path / "again" / "heads").iterdir())) == 1


def test_population_goes_on_without_the_scans_that_are_no_use(quick, tmp_path, capsys):
    from DeepIterRegLib.initializer.checkpoint import read_checkpoint

    site, output = tmp_path / "site", tmp_path / "out"
    site.mkdir()
    for name, content in {"a": b"\x01", "b": b"\x02", "copy": b"\x02", "empty": b"", "veinless": b"\x00"}.items():
        (site / f"{name}.nrrd").write_bytes(content)
    assert train("--population", site, "--from", "none", "--output", output) == 0
    said = capsys.readouterr()
    assert "Left out empty.nrrd: It is empty." in said.err
    assert "Left out veinless.nrrd: The CTA shows hardly any large vein." in said.err
    assert "On 4 samples of the CTAs kept for it" in said.out
    header = read_checkpoint(output / "initializer.safetensors").header
    assert header.recipe["anatomy"] == "2 CTAs, 1 of them to validate on"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--patient", "{}/veinless.nrrd"], "hardly any large vein; give another CTA."),
        (["--patient", "{}/nobody.nrrd"], "nobody.nrrd does not exist; give an existing one with --patient."),
        (["--population", "{}/site"], "None of the 2 CTAs can be trained on; give others"),
        (["--population", "{}/site", "--patient", "{}/veinless.nrrd"], "not allowed with"),
    ],
)
def test_what_cannot_be_trained_on_is_told_and_nothing_is_written(quick, tmp_path, capsys, words, sentence):
    (tmp_path / "site").mkdir()
    for name in ("veinless.nrrd", "site/a.nrrd", "site/b.nrrd"):
        (tmp_path / name).write_bytes(b"\x00")
    arguments = [word.format(tmp_path) for word in words]
    assert train(*arguments, "--from", "none", "--output", tmp_path / "out") == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_adapting_begins_with_the_checkpoint_that_we_ship(quick, tmp_path, monkeypatch, capsys):
    from DeepIterRegLib.initializer import checkpoint

    monkeypatch.setattr(checkpoint, "DEFAULT_CHECKPOINT", tmp_path / "ours.safetensors")
    (tmp_path / "cta.nrrd").write_bytes(b"\x01")
    assert train("--patient", tmp_path / "cta.nrrd", "--output", tmp_path / "out") == 2
    assert "ours.safetensors is not there; give another one with --from FILE." in capsys.readouterr().err
