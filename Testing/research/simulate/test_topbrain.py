"""Label maps of TopBrain in a simulated head: sides, names, veins that join the generated ones, what was mirrored."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.patient import PatientOptions, draw_anatomy
from DeepIterRegLib.research.simulate.real_anatomy.artery_names import split_first_part
from DeepIterRegLib.research.simulate.real_anatomy.label_maps import read_label_map
from DeepIterRegLib.research.simulate.real_anatomy.real_arteries import read_arteries
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from Testing.support.cases import CASES, needs_cases
from Testing.support.label_head import SINUS_X_MM, topbrain_like

MIDLINE = ("superior sagittal sinus", "straight sinus", "vein of Galen")
LEFT_CAROTID_TREE = (6, 7, 19, 20)
VEIN_LABELS = (35, 36, 37, 38, 39, 40)


@cache
def anatomy(*leave_out: int) -> Anatomy:
    """Patient 1 with the arteries and veins of the small map."""
    with TemporaryDirectory() as folder:
        path = topbrain_like(Path(folder) / "map.nii.gz", leave_out)
        return draw_anatomy(1, PatientOptions(arteries=path))


def by_name(vessels: tuple[Vessel, ...] | list[Vessel], name: str) -> Vessel:
    return next(vessel for vessel in vessels if vessel.name == name)


def fed_by(vessels: tuple[Vessel, ...], name: str) -> set[str]:
    """Names of all that an injection into the artery reaches, communicating arteries not crossed."""
    reached = {number for number, vessel in enumerate(vessels) if vessel.name == name}
    for number, vessel in enumerate(vessels):
        if vessel.upstream in reached and not vessel.is_vein:
            reached.add(number)
    return {vessels[number].name for number in reached}


def gap_mm(vessel: Vessel, point: np.ndarray) -> float:
    return float(np.linalg.norm(vessel.points_mm - point, axis=1).min())


def test_arteries_come_out_on_their_side_and_hang_on_their_trunks() -> None:
    vessels = anatomy().vessels
    for side, sign in (("right", 1), ("left", -1)):
        terminus = by_name(vessels, f"ICA {side}").points_mm[-1]
        np.testing.assert_allclose(terminus, [11 * sign, 10, -20], atol=6)
        assert (sign * by_name(vessels, f"M1 {side}").points_mm[5:, 0] > 5).all()
        fed = fed_by(vessels, f"ICA {side}")
        assert {f"M1 {side}", f"M2 {side}", f"M3 {side}", f"A1 {side}", f"pericallosal {side}"} <= fed
        other = "left" if side == "right" else "right"
        assert not any(name.endswith(other) for name in fed)
    posterior = fed_by(vessels, "VA right") | fed_by(vessels, "VA left")
    assert {"basilar", "P1 right", "P2 left", "PCA branch right", "SCA left"} <= posterior
    for vessel in vessels:
        assert (vessel.radii_mm > 0.05).all()
        if vessel.upstream is not None and not vessel.is_vein:
            assert gap_mm(vessels[vessel.upstream], vessel.points_mm[0]) < 0.3, vessel.name


def test_what_the_map_does_not_mark_is_generated_and_told() -> None:
    vessels, variants = anatomy().vessels, anatomy().variants
    mca = [vessel for vessel in vessels if vessel.name.startswith(("M3 right", "M2 right"))]
    # The map ends 20 mm below the cortex.
    assert max(vessel.points_mm[:, 0].max() for vessel in mca) > 55
    assert any(vessel.name == "ECA right" for vessel in vessels)
    assert by_name(vessels, "ICA right").points_mm[0, 2] < -100
    assert "generated" in variants["M4, and ACA and PCA beyond what is marked"]
    assert variants["neck, skull base and external carotids"] == "generated"
    assert variants["arteries"] == "TopBrain, map.nii.gz"


def test_the_real_veins_are_where_they_were_and_join_the_generated_ones() -> None:
    vessels = anatomy().vessels
    sagittal = by_name(vessels, "superior sagittal sinus")
    middle = sagittal.points_mm[len(sagittal.points_mm) // 3 : 2 * len(sagittal.points_mm) // 3]
    assert np.median(middle[:, 0]) == pytest.approx(SINUS_X_MM, abs=3.5)
    assert np.median(sagittal.radii_mm) == pytest.approx(3.0, abs=0.7)
    # With the blood: from the front to the back, where the transverse sinus takes it.
    assert sagittal.points_mm[0, 1] > 50 > -60 > sagittal.points_mm[-1, 1]
    into = vessels[sagittal.downstream or 0]
    assert into.name.startswith("transverse sinus")
    for vessel in vessels:
        if vessel.is_vein and vessel.downstream is not None:
            assert gap_mm(vessels[vessel.downstream], vessel.points_mm[-1]) < 0.5, vessel.name
    galen = by_name(vessels, "vein of Galen")
    np.testing.assert_allclose(galen.points_mm[0], [0, -33, 5], atol=7)
    for side, sign in (("right", 1), ("left", -1)):
        internal = by_name(vessels, f"internal cerebral vein {side}")
        assert vessels[internal.downstream or 0] is galen
        assert 0.5 < sign * internal.points_mm[: len(internal.points_mm) // 2, 0].mean() < 8
        basal = by_name(vessels, f"basal vein {side}")
        assert vessels[basal.downstream or 0] is galen
        assert sign * basal.points_mm[:, 0].max() > 0 if sign > 0 else basal.points_mm[:, 0].min() < -10
    assert all(name in anatomy().variants["real veins"] for name in MIDLINE)


def test_the_sinus_lies_within_the_skull_along_its_inner_table() -> None:
    from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE

    shape = HeadShape()
    with TemporaryDirectory() as folder:
        found = read_arteries(topbrain_like(Path(folder) / "a.nii.gz"), shape, np.random.default_rng(1))
    veins, _ = grow_veins(shape, np.random.default_rng(1), 0, found.veins)
    sagittal = by_name(veins, "superior sagittal sinus")
    depth = TEMPLATE.depth_below_table(*sagittal.points_mm.T)
    free = slice(10, -60)  # its end bends to the torcula
    assert (depth[free] > sagittal.radii_mm[free] - 0.6).all()
    assert (depth[free] < sagittal.radii_mm[free] + 2.5).all()


def test_without_veins_in_the_map_they_are_those_of_a_generated_head() -> None:
    bare, generated = anatomy(*VEIN_LABELS), draw_anatomy(1)
    assert bare.variants["real veins"] == "none in the map"
    veins = [[vessel for vessel in one.vessels if vessel.is_vein] for one in (bare, generated)]
    for one, other in zip(*veins, strict=True):
        np.testing.assert_array_equal(one.points_mm, other.points_mm)


def test_a_missing_carotid_tree_is_the_other_sides_mirrored() -> None:
    whole, part = anatomy(), anatomy(*LEFT_CAROTID_TREE)
    assert part.variants["ICA, M1, M2, M3 left"] == "not in the map, the other side's mirrored"
    assert "ICA, M1, M2, M3 left" not in whole.variants
    assert {"M1 left", "M3 left"} <= fed_by(part.vessels, "ICA left")
    end, mirrored = (by_name(one.vessels, "M1 left").points_mm[-1] for one in (whole, part))
    # The map is symmetric, so what is mirrored lies where the artery was.
    np.testing.assert_allclose(mirrored, end, atol=4)
    assert by_name(part.vessels, "M1 right").points_mm[-1][0] > 10


@pytest.mark.parametrize(("lost", "told"), [(slice(85, None), "behind"), (slice(0, 85), "before")])
def test_a_sinus_that_the_scan_cut_at_the_vertex_is_led_on(tmp_path: Path, lost: slice, told: str) -> None:
    import SimpleITK as sitk

    path = topbrain_like(tmp_path / "map.nii.gz", VEIN_LABELS[:-1])
    image = sitk.ReadImage(str(path))
    labels = sitk.GetArrayFromImage(image)
    # Rows count backwards.
    labels[:, lost][labels[:, lost] == 40] = 0
    cut = sitk.GetImageFromArray(labels)
    cut.CopyInformation(image)
    sitk.WriteImage(cut, str(path))
    found = read_arteries(path, HeadShape(), np.random.default_rng(1))
    veins, variants = grow_veins(HeadShape(), np.random.default_rng(1), 0, found.veins)
    sagittal = by_name(veins, "superior sagittal sinus")
    assert any(name.startswith(f"superior sagittal sinus {told}") for name in variants)
    assert sagittal.points_mm[0, 1] > 50 > -60 > sagittal.points_mm[-1, 1]
    assert np.linalg.norm(np.diff(sagittal.points_mm, axis=0), axis=1).max() < 1.0
    assert sagittal.radii_mm.min() > 0.3


@pytest.mark.parametrize(
    ("leave_out", "swap", "reason"),
    [
        ((1,), False, "marks no basilar artery"),
        ((4, 6), False, "marks no carotid artery"),
        ((24,), False, "marks no left vertebral artery"),
        ((), True, "right arteries on the left"),
    ],
)
def test_a_map_without_the_trunks_or_with_exchanged_sides_is_refused(
    tmp_path: Path, leave_out: tuple[int, ...], swap: bool, reason: str
) -> None:
    path = topbrain_like(tmp_path / "head.nii.gz", leave_out, swap)
    with pytest.raises(InputError, match=reason) as caught:
        read_label_map(path)
    assert "head.nii.gz" in str(caught.value)
    assert "--arteries" in str(caught.value)


def chain(*names: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Nodes 1 mm apart on a line, each the next one's parent."""
    count = len(names)
    return list(names), np.arange(-1, count - 1), np.stack([np.arange(count), np.zeros(count), np.zeros(count)], axis=1)


def test_an_artery_is_divided_where_a_communicating_artery_opens_or_after_its_length() -> None:
    names, parent, nodes = chain("basilar", *["P1 left"] * 9)
    split_first_part(names, parent, nodes, "P1 left", "P2 left", 4.5, ())
    assert names.count("P1 left") == 5
    names, parent, nodes = chain("basilar", *["P1 left"] * 9)
    split_first_part(names, parent, nodes, "P1 left", "P2 left", 4.5, ((99, 2),))
    assert names.count("P1 left") == 2


def test_an_artery_that_hangs_on_a_communicating_one_is_all_second_part() -> None:
    names, parent, nodes = chain("ICA left", "PCOM left", *["P1 left"] * 4)
    split_first_part(names, parent, nodes, "P1 left", "P2 left", 8.0, ())
    assert names[2:] == ["P2 left"] * 4


@needs_cases
def test_a_real_head_is_whole() -> None:
    path = CASES / "anatomy" / "topbrain-cta" / "ct_007.nii.gz"
    found = read_arteries(path, HeadShape(), np.random.default_rng(1))
    arteries = tuple(found.arteries)
    for side, sign in (("right", 1), ("left", -1)):
        assert {f"M1 {side}", f"A1 {side}"} <= fed_by(arteries, f"ICA {side}")
        assert 10 < sign * by_name(arteries, f"M1 {side}").points_mm[-1, 0] < 50
    assert set(MIDLINE) <= set(found.veins)
