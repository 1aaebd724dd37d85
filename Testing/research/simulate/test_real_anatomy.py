"""Real arteries and a real skull in a simulated patient: orientation, names, connections, fit, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.inner_table import find_inner_table, fit_table
from DeepIterRegLib.research.simulate.head.posture import Posture
from DeepIterRegLib.research.simulate.real_anatomy.centreline_tracing import trace, voxel_graph
from DeepIterRegLib.research.simulate.real_anatomy.mesh_voxels import tube, voxelise
from DeepIterRegLib.research.simulate.real_anatomy.ply import read_ply
from DeepIterRegLib.research.simulate.real_anatomy.real_arteries import read_arteries
from DeepIterRegLib.research.simulate.real_anatomy.real_shape import GRID_DEG, RealShape
from DeepIterRegLib.research.simulate.real_anatomy.real_skull import RealHead, read_skull
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE, drawn_in
from DeepIterRegLib.research.simulate.vessels.artery_tree import (
    ArteryTree,
    rooted,
    vessels,
    without_buds,
    without_spurs,
)
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel
from Testing.support.cases import CASES, needs_cases

ANATOMY = CASES / "anatomy"
TRUNKS = ("ICA", "M1", "M2 superior", "A1", "pericallosal", "P1", "P2", "PCOM", "VA", "V4", "ECA")


def brava_like(path: Path) -> Path:
    """Write a small tree as BraVa writes them: x to the left, y up, z backwards, one root at the right carotid."""
    rows: list[tuple[int, np.ndarray, float, int]] = []

    def way(kind: int, radius: float, parent: int, *points: tuple[float, float, float]) -> int:
        start = np.array(rows[parent - 1][1]) if parent > 0 else np.array(points[0], dtype=float)
        for target in points[0 if parent > 0 else 1 :]:
            steps = max(2, round(float(np.linalg.norm(np.array(target) - start)) / 1.2))
            for t in np.arange(1, steps + 1) / steps:
                rows.append((kind, (1 - t) * start + t * np.array(target), radius, len(rows) if len(rows) else -1))
                if rows[-1][3] == len(rows) - 1 and t == 1 / steps:
                    rows[-1] = (*rows[-1][:3], parent if parent > 0 else -1)
            start = np.array(target, dtype=float)
            parent = len(rows)
        return len(rows)

    def hemisphere(s: int, aca: int, mca: int, terminus: int) -> None:
        m1 = way(mca, 1.3, terminus, (18 * s, 13, -18), (30 * s, 10, -15))
        way(mca, 0.8, m1, (45 * s, 14, 0), (57 * s, 12, 15), (52 * s, 0, 40), (44 * s, -20, 46))
        reach = -62 if s > 0 else -40  # the right one reaches farther back: a mirrored reader would be found out
        way(mca, 0.8, m1, (46 * s, -10, -8), (59 * s, -22, 0), (48 * s, reach, 8))
        a1 = way(aca, 1.1, terminus, (2 * s, 20, -18))
        top = way(aca, 0.8, a1, (2 * s, 38, 4), (2 * s, 30, 29), (2 * s, -20, 32), (2 * s, -45, 40))
        way(aca, 0.5, a1, (3 * s, 60, -5), (3 * s, 76, 2))
        assert top > a1

    def posterior(s: int, kind: int, start: int) -> int:
        joint = way(kind, 1.1, start, (9 * s, 0, -23))
        way(kind, 0.8, joint, (20 * s, -14, -18), (18 * s, -40, -10), (8 * s, -70, 5))
        return joint

    terminus_low = way(0, 1.8, 0, (22, 2, -46), (12, 18, -36), (11, 12, -26))
    terminus = way(0, 1.7, terminus_low, (11, 10, -20))
    hemisphere(1, 5, 4, terminus)
    joint = posterior_from_pcom = way(0, 0.5, terminus_low, (9, 0, -23))
    way(7, 0.8, joint, (20, -14, -18), (18, -40, -10), (8, -70, 5))
    top = way(7, 1.1, posterior_from_pcom, (0, -3, -27))
    way(0, 1.4, top, (0, -8, -44))
    left_joint = posterior(-1, 6, top)
    left_low = way(0, 0.5, left_joint, (-11, 12, -26))
    way(0, 1.8, left_low, (-12, 18, -36), (-22, 2, -46))
    left_terminus = way(0, 1.7, left_low, (-11, 10, -20))
    hemisphere(-1, 2, 3, left_terminus)
    lines = [
        f"{n} {kind} {90 - p[0]:.3f} {p[2] - 80:.3f} {95 - p[1]:.3f} {radius:.3f} {parent}"
        for n, (kind, p, radius, parent) in enumerate(rows, 1)
    ]
    path.write_text("# synthetic\n" + "\n".join(lines) + "\n")
    return path


def check_contract(arteries: list[Vessel]) -> None:
    """Points every 0.4 mm or so, parents first, ends attached."""
    for number, vessel in enumerate(arteries):
        step = np.linalg.norm(np.diff(vessel.points_mm, axis=0), axis=1)
        assert np.isfinite(vessel.points_mm).all()
        assert (vessel.radii_mm > 0.05).all()
        assert step.max() < 3.0
        assert len(step) < 8 or np.median(step) < 0.5
        assert not vessel.is_vein
        if vessel.upstream is not None:
            assert vessel.upstream < number
            assert _gap(arteries[vessel.upstream], vessel.points_mm[0]) < 0.3, vessel.name
        if vessel.downstream is not None:
            assert _gap(arteries[vessel.downstream], vessel.points_mm[-1]) < 0.5, vessel.name


def _gap(vessel: Vessel, point: np.ndarray) -> float:
    return float(np.linalg.norm(vessel.points_mm - point, axis=1).min())


def fed_by(arteries: list[Vessel], name: str) -> set[str]:
    """Names of all that an injection into the artery reaches, communicating arteries not crossed."""
    reached = {number for number, vessel in enumerate(arteries) if vessel.name == name}
    for number, vessel in enumerate(arteries):
        if vessel.upstream in reached:
            reached.add(number)
    return {arteries[number].name for number in reached}


def by_name(arteries: list[Vessel], name: str) -> Vessel:
    return next(vessel for vessel in arteries if vessel.name == name)


def test_a_tree_in_bravas_axes_comes_out_upright_and_not_mirrored(tmp_path):
    arteries, variants, _ = read_arteries(brava_like(tmp_path / "a.swc"), HeadShape(), np.random.default_rng(1))
    check_contract(arteries)
    for side, sign in (("right", 1), ("left", -1)):
        terminus = by_name(arteries, f"ICA {side}").points_mm[-1]
        np.testing.assert_allclose(terminus, [11 * sign, 10, -20], atol=5)
        assert by_name(arteries, f"ICA {side}").points_mm[0, 2] < -120
        assert by_name(arteries, f"pericallosal {side}").points_mm[:, 1].max() > 30
    farthest_back = {
        side: min(v.points_mm[:, 1].min() for v in arteries if v.name.startswith(("M4", "M2")) and v.side == side)
        for side in ("right", "left")
    }
    assert farthest_back["right"] < farthest_back["left"] - 12
    assert variants["ACOM"] == "generated"


def test_an_injection_reaches_the_territory_of_its_artery_and_no_other(tmp_path):
    arteries, _, _ = read_arteries(brava_like(tmp_path / "a.swc"), HeadShape(), np.random.default_rng(1))
    right = fed_by(arteries, "ICA right")
    assert {"M1 right", "M2 superior right", "M2 inferior right", "A1 right", "pericallosal right"} <= right
    assert not any(name.endswith("left") for name in right)
    assert by_name(arteries, "PCOM right").downstream is not None
    posterior = fed_by(arteries, "VA right") | fed_by(arteries, "VA left")
    assert {"basilar", "P1 right", "P2 left", "PICA right"} <= posterior


def test_the_same_generator_gives_the_same_arteries_and_another_one_changes_the_neck_alone(tmp_path):
    path = brava_like(tmp_path / "a.swc")
    one, same, other = (read_arteries(path, HeadShape(), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a.points_mm, b.points_mm)
    np.testing.assert_allclose(by_name(one, "M1 right").points_mm, by_name(other, "M1 right").points_mm, atol=1e-9)
    assert np.linalg.norm(by_name(one, "ICA right").points_mm[0] - by_name(other, "ICA right").points_mm[0]) > 0.5


def test_arteries_follow_the_shape_of_the_head(tmp_path):
    path = brava_like(tmp_path / "a.swc")
    plain, _, _ = read_arteries(path, HeadShape(), np.random.default_rng(1))
    wide, _, _ = read_arteries(path, HeadShape((1.1, 1.0, 1.0)), np.random.default_rng(1))
    ratio = by_name(wide, "M1 left").points_mm[-1] / by_name(plain, "M1 left").points_mm[-1]
    np.testing.assert_allclose(ratio, [1.1, 1.0, 1.0], rtol=2e-3)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[:-9], "without its 7 values"),
        (lambda text: text.replace(" 4 ", " 0 "), "does not number the six cerebral arteries"),
        (lambda text: "\n".join(line.rsplit(" ", 1)[0] + " 99999" for line in text.splitlines()[1:]), "parents"),
        (lambda text: text.replace(" 1.300 ", " -1.3 "), "positive radius"),
        (lambda text: text.replace(" 1.300 ", " wide "), "no number"),
        (lambda text: "# nothing\n", "no nodes"),
    ],
)
def test_a_damaged_tree_is_refused_with_the_reason(tmp_path, damage, reason):
    path = brava_like(tmp_path / "tree.swc")
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=reason) as caught:
        read_arteries(path, HeadShape(), np.random.default_rng(0))
    assert "tree.swc" in str(caught.value)
    assert "--arteries" in str(caught.value)


def test_circular_parents_are_refused(tmp_path):
    path = brava_like(tmp_path / "tree.swc")
    lines = path.read_text().splitlines()
    lines[1] = lines[1].rsplit(" ", 1)[0] + " 5"
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="circular"):
        read_arteries(path, HeadShape(), np.random.default_rng(0))


def test_what_holds_no_arteries_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("arteries")
    (tmp_path / "binary.swc").write_bytes(bytes(range(128, 256)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.ply").write_text("ply")
    for name, reason in (("notes.txt", "no arteries"), ("binary.swc", "no text"), ("folder", "BodyParts3D")):
        with pytest.raises(InputError, match=reason):
            read_arteries(tmp_path / name, HeadShape(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ((), "empty label map"),
        ((1, 2), "labels 2 to 5"),
        ((2, 3, 4, 5, 9), "marks no basilar"),
        ((41,), "labels 2 to 5"),
    ],
)
def test_a_map_that_marks_no_arteries_is_refused(tmp_path, labels, reason):
    import SimpleITK as sitk

    voxels = np.zeros((30, 40, 40), dtype=np.uint8)
    for number, label in enumerate(labels):
        voxels[5:25, 4:36, 2 + 7 * number : 8 + 7 * number] = label
    path = tmp_path / "map.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    with pytest.raises(InputError, match=reason):
        read_arteries(path, HeadShape(), np.random.default_rng(0))


def test_a_forked_tube_is_traced_along_its_middle_with_its_radius():
    voxels = np.zeros((70, 60, 60), dtype=np.uint8)
    k, j, i = np.indices(voxels.shape)
    voxels[(k < 35) & ((j - 30) ** 2 + (i - 30) ** 2 <= 16)] = 1
    for sign in (1, -1):
        voxels[(k >= 33) & (k < 66) & ((j - 30) ** 2 + (i - 30 - 0.7 * sign * (k - 34)) ** 2 <= 9)] = 2
    matrix = np.diag([0.5, 0.5, 0.5, 1.0])
    graph = voxel_graph(voxels, matrix, 2.0)
    root = int(np.argmin(np.linalg.norm(graph.points_mm - [15, 15, 0], axis=1)))
    traced = trace(graph, [root], lambda one, other, at: False)
    children = np.bincount(traced.parent[traced.parent >= 0], minlength=len(traced.parent))
    assert (children > 1).sum() == 1
    assert (children == 0).sum() == 2
    nodes, radii = graph.points_mm[traced.voxel], graph.radii_mm[traced.voxel]
    trunk = (nodes[:, 2] > 3) & (nodes[:, 2] < 13)
    assert np.linalg.norm(nodes[trunk][:, :2] - 15, axis=1).max() < 0.75
    assert np.median(radii[trunk]) == pytest.approx(2.25, abs=0.3)


def test_two_entries_share_a_ring_and_are_joined_once():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.zeros((20, 120, 60), dtype=np.uint8)
    for a in angle:
        at = np.round([10, 60 + 22 * np.sin(a), 30 + 22 * np.cos(a)]).astype(int)
        ring[at[0] - 1 : at[0] + 2, at[1] - 1 : at[1] + 2, at[2] - 1 : at[2] + 2] = 1
    ring[9:12, 2:40, 29:32] = ring[9:12, 80:118, 29:32] = 1
    graph = voxel_graph(ring, np.eye(4), 2.0)
    roots = [int(np.argmin(np.linalg.norm(graph.points_mm - [30, y, 10], axis=1))) for y in (2, 117)]
    traced = trace(graph, roots, lambda one, other, at: bool(at[0] > 30), 60.0)
    assert len(traced.joins) == 1
    end, into = traced.joins[0]
    assert traced.root_of[end] != traced.root_of[into]
    assert graph.points_mm[traced.voxel[end], 0] > 30


def test_rooting_drops_the_edge_that_closes_a_loop():
    order, parent = rooted(np.array([[0, 1], [1, 2], [2, 3], [3, 0]]), [0], 4)
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    assert (parent >= 0).sum() == 3


def test_buds_take_the_name_of_what_they_lead_to_and_spurs_go():
    nodes = np.array([[0, 0, z] for z in range(11)] + [[x, 0, 5] for x in range(1, 12)] + [[0, 1, 3], [0, 2, 3]], float)
    parent = np.array([-1, *range(10), 5, *range(11, 21), 3, 22])
    names = ("ICA right",) * 13 + ("A1 right",) * 9 + ("ICA right",) * 2
    tree = ArteryTree(nodes, parent.astype(np.intp), np.ones(len(nodes)), names)
    cleaned = without_buds(without_spurs(tree, 3.0))
    assert [vessel.name for vessel in vessels(cleaned)] == ["ICA right", "A1 right"]
    assert vessels(cleaned)[1].upstream == 0


def test_outliers_are_drawn_under_the_table_and_the_rest_stays():
    direction = np.array([0.6, 0.5, 0.62])
    points = np.stack([TEMPLATE.on_table(direction, depth)[0] for depth in (-9.0, 0.0, 6.0, 20.0)])
    moved = drawn_in(points)
    depth = TEMPLATE.depth_below_table(*moved.T)
    assert (depth > 1.5).all()
    assert (np.diff(depth) > 0).all()
    assert np.linalg.norm(moved[3] - points[3]) < 0.01


@pytest.mark.parametrize("kind", ["ascii", "binary_little_endian"])
def test_a_mesh_survives_the_file_and_fills_its_volume(tmp_path, kind):
    mesh = tube(np.stack([np.zeros(40), np.zeros(40), np.linspace(0, 20, 40)], axis=1), 2.0, around=24)
    header = (
        f"ply\nformat {kind} 1.0\nelement vertex {len(mesh.vertices)}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if kind == "ascii":
        rows = [" ".join(map(str, row)) for row in mesh.vertices] + [f"3 {a} {b} {c}" for a, b, c in mesh.faces]
        body = "\n".join(rows).encode()
    else:
        face = np.zeros(len(mesh.faces), np.dtype([("n", "u1"), ("i", "<i4", 3)]))
        face["n"], face["i"] = 3, mesh.faces
        body = mesh.vertices.astype("<f4").tobytes() + face.tobytes()
    path = tmp_path / "a.ply"
    path.write_bytes(header + body)
    found = read_ply(path, "--arteries")
    np.testing.assert_allclose(found.vertices, mesh.vertices, atol=1e-4)
    grid, matrix = voxelise([found], [7], 0.25)
    assert set(np.unique(grid)) == {0, 7}
    # The shell of touched voxels adds up to half a voxel.
    assert np.pi * 4 * 20 < (grid > 0).sum() * np.linalg.det(matrix[:3, :3]) < np.pi * 2.25**2 * 20.6
    path.write_bytes((header + body)[:-40])
    with pytest.raises(InputError, match=r"a\.ply is no whole PLY"):
        read_ply(path, "--arteries")


def test_a_shape_with_a_radius_per_direction_moves_the_table_and_not_the_middle():
    rows, columns = round(180 / GRID_DEG) + 1, round(360 / GRID_DEG) + 1
    bulge = 1 + 0.1 * np.exp(-(((np.arange(rows)[:, None] - rows / 2) / 12) ** 2)) * np.ones(columns)
    shape = RealShape((1.0, 1.05, 0.95), ratio=bulge.astype(np.float32))
    on_table = TEMPLATE.on_table(np.array([[1.0, 0, 0], [0, 1, 0.0], [0, 0, 1]]), 0.0)
    moved = shape.from_template(on_table) / (on_table * [1.0, 1.05, 0.95] + (on_table == 0))
    np.testing.assert_allclose(moved.max(axis=1), [1.1, 1.1, 1.0], atol=2e-3)
    middle = np.random.default_rng(0).normal(0, 7, (50, 3))
    np.testing.assert_allclose(shape.from_template(middle), middle * [1.0, 1.05, 0.95], atol=1e-9)
    anywhere = np.random.default_rng(0).normal(0, 45, (500, 3))
    np.testing.assert_allclose(shape.to_template(shape.from_template(anywhere)), anywhere, atol=1e-3)
    assert shape.to_template(anywhere.astype(np.float32)).dtype == np.float32


def egg_head(turn_deg: float, shift_mm: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(K, J, I) HU of a skull whose inner table is 1.04 times the template's, turned about the left-right axis."""
    from scipy.spatial.transform import Rotation

    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    matrix[:3, 3] = [-100, -110, -110]
    k, j, i = np.indices((100, 110, 100))
    ras = np.stack([i, j, k], axis=-1) * 2.0 + matrix[:3, 3]
    turned = (ras - np.array(shift_mm)) @ Rotation.from_euler("x", turn_deg, degrees=True).as_matrix() / 1.04
    depth = 1.04 * TEMPLATE.depth_below_table(turned[..., 0], turned[..., 1], turned[..., 2])
    hu = np.interp(depth, [-15, -13, -8, -7, -1, 0], [-1000, 20, 40, 1100, 1100, 40])
    return hu.astype(np.float32), matrix


def test_the_templates_table_is_found_in_a_skull_of_that_shape():
    hu, matrix = egg_head(7.0, (4.0, -3.0, 6.0))
    table = find_inner_table(hu, matrix)
    assert table is not None
    fit = fit_table(table)
    assert fit is not None
    np.testing.assert_allclose(fit.head_to_scan[:3, 3], [4, -3, 6], atol=2.5)
    np.testing.assert_allclose(fit.scale, 1.04, atol=0.025)
    assert np.median(np.abs(fit.distance_mm[fit.used])) < 1.0
    assert np.median(table.thickness_mm[fit.used]) == pytest.approx(7.5, abs=1.2)


def test_a_ct_without_a_skull_is_refused(tmp_path):
    import SimpleITK as sitk

    hu = np.full((60, 60, 60), -1000, dtype=np.int16)
    hu[10:50, 10:50, 10:50] = 40
    hu[20:40, 20:40, 20:40] = 1200
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((3.0, 3.0, 3.0))
    sitk.WriteImage(image, str(tmp_path / "block.nrrd"))
    with pytest.raises(InputError, match=r"block\.nrrd shows no closed cranial cavity"):
        read_skull(tmp_path / "block.nrrd", np.random.default_rng(0))
    (tmp_path / "tree.swc").write_text("1 0 0 0 0 1 -1")
    with pytest.raises(InputError, match="--skull"):
        read_skull(tmp_path / "tree.swc", np.random.default_rng(0))
    with pytest.raises(InputError, match="the skull of a simulated patient"):
        read_skull(tmp_path / "none.nrrd", np.random.default_rng(0))


def test_of_a_folder_of_trees_each_patient_gets_one(tmp_path: Path):
    for name in ("a.swc", "b.swc", "c.swc"):
        brava_like(tmp_path / name)
    drawn = [
        read_arteries(tmp_path, HeadShape(), np.random.default_rng(seed))[1]["arteries"].split(", ")[-1]
        for seed in range(3)
    ]
    assert len(set(drawn)) > 1
    again = read_arteries(tmp_path, HeadShape(), np.random.default_rng(0))[1]["arteries"]
    assert again.endswith(drawn[0])


@needs_cases
@pytest.mark.parametrize("name", ["brava/BG001.swc", "brava/BH0009.swc", "ixi-arteries/IXI042-Guys-0725-MRA.nii.gz"])
def test_real_trees_are_whole_and_lie_in_the_head(name):
    shape = HeadShape.random(np.random.default_rng(3))
    arteries, variants, _ = read_arteries(ANATOMY / name, shape, np.random.default_rng(3))
    check_contract(arteries)
    names = {vessel.name for vessel in arteries}
    assert {f"{trunk} {side}" for trunk in TRUNKS for side in ("right", "left")} <= names
    cortical = np.concatenate([v.points_mm for v in arteries if v.name.startswith(("M4", "ACA", "PCA"))])
    assert (TEMPLATE.depth_below_table(*shape.to_template(cortical).T) > 0).all()
    assert float(variants["real arteries inside the table"].split()[0]) > 90
    mean = {side: by_name(arteries, f"M1 {side}").points_mm.mean(axis=0) for side in ("right", "left")}
    assert mean["right"][0] > 10 > -10 > mean["left"][0]
    assert by_name(arteries, "basilar").points_mm[0, 2] < by_name(arteries, "basilar").points_mm[-1, 2]


@needs_cases
def test_bodyparts3d_gives_named_arteries_that_hang_together():
    arteries, _, _ = read_arteries(ANATOMY / "bodyparts3d", HeadShape(), np.random.default_rng(3))
    check_contract(arteries)
    fed = fed_by(arteries, "ICA right")
    assert {"M1 right", "M4 central right", "M4 angular right", "pericallosal right", "PCOM right"} <= fed
    assert {"PCA medial occipital right", "SCA left"} <= fed_by(arteries, "VA right") | fed_by(arteries, "VA left")


@needs_cases
def test_the_real_skull_encloses_its_head_frame():
    head = read_skull(ANATOMY / "skull-ct" / "head_ct.nrrd", np.random.default_rng(0))
    assert head.table_error_mm[0] < 1.0
    assert head.table_error_mm[1] < 3.0
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[:3, 3] = [-120, -120, -120]
    hu = head.hu(matrix, (80, 80, 80), np.random.default_rng(0))
    k, j, i = np.indices(hu.shape)
    template = head.shape.to_template(np.stack([i, j, k], axis=-1) * 3.0 - 120)
    depth = TEMPLATE.depth_below_table(template[..., 0], template[..., 1], template[..., 2])
    above = template[..., 2] > 10
    brain, bone = hu[above & (depth > 8)], hu[above & (depth < -2) & (depth > -5)]
    assert 0 < np.median(brain) < 60
    assert 1.0 < brain.std() < 25
    assert np.median(bone) > 700
    assert hu[:, 0, :].max() < -900  # in front of and behind the head there is air: nothing is cut off
    assert (hu[above & (depth > 8)] > 300).mean() < 0.001


def test_a_real_skull_is_bent_below_and_stays_as_it_was_above():
    _, y, x = np.indices((70, 50, 40)) * 4.0
    block = np.where(np.hypot(x - 80, y - 100) < 50, 40.0, -1000.0).astype(np.float32)
    head_to_ijk = np.diag([0.25, 0.25, 0.25, 1.0])
    head_to_ijk[:3, 3] = (20, 25, 40)
    head = RealHead(HeadShape(), block, head_to_ijk, (0.0, 0.0))
    matrix = np.diag([3.0, 3.0, 3.0, 1.0])
    matrix[:3, 3] = (-75, -90, -150)
    rng = np.random.default_rng(0)
    straight = head.hu(matrix, (75, 60, 50), rng)
    bent = head.posed(Posture(0.0, (15.0, 0.0, 0.0))).hu(matrix, (75, 60, 50), rng)
    assert np.abs(straight[40:] - bent[40:]).max() < 1
    low = [float(np.average(np.arange(60), weights=(hu[2] > -500).sum(axis=1))) for hu in (straight, bent)]
    assert 3.0 * (low[1] - low[0]) > 5
