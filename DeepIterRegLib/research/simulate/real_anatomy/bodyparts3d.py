"""The arteries of BodyParts3D: meshes of one man's head, named in a table, turned into centrelines.

Mitsuhashi et al., "BodyParts3D: 3D structure database for anatomical concepts", Nucleic Acids Research 37:D782 (2009).
The frame is LPS in mm, heights counted from the feet. The left half of most arteries is the right one mirrored.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.real_anatomy.artery_names import name_vertebral_ends
from DeepIterRegLib.research.simulate.real_anatomy.brava import TracedTree, landmarks_of
from DeepIterRegLib.research.simulate.real_anatomy.centreline_tracing import Tracing, Voxels, trace, voxel_graph
from DeepIterRegLib.research.simulate.real_anatomy.mesh_voxels import tube, voxelise
from DeepIterRegLib.research.simulate.real_anatomy.ply import read_ply
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, path_to_root, side_of, without_buds
from DeepIterRegLib.research.simulate.vessels.vessel import centreline

if TYPE_CHECKING:
    from trimesh import Trimesh

TABLE = "bp3d_head_table.csv"
LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
EDGE_MM = 0.7
SHELL_MM = 0.25
"""A voxel that the surface touches counts as inside: what the vessels gain in radius."""
GAP_MM = 5.0
TOUCH_PRICE = 60.0
"""Of a step between arteries that only touch: of the two sides, of cerebrum and cerebellum, of carotid and orbit."""
P2_RADIUS_MM = 1.1
BYWAY_PRICE = 8.0
"""So that blood does not take a communicating or choroidal artery where a trunk leads as well."""
HALF_COMMUNICATING_MM = 40.0
BELOW = ("common carotid",)
# What a name in the table contains -> canonical name; the first that fits.
NAMES = (
    ("internal carotid", "ICA"), ("vertebral artery", "VA"), ("basilar", "basilar"), ("precommunicating", "P1"),
    ("anterior communicating", "ACOM"), ("hypothalamic", "artery"), ("posterior communicating", "PCOM"),
    ("sphenoid part", "M1"), ("insular part", "M2 superior"), ("trunk of inferior terminal", "M2 inferior"),
    ("precuneal", "ACA precuneal"), ("callosomarginal", "ACA callosomarginal"), ("pericallosal", "pericallosal"),
    ("medial frontobasal", "ACA medial frontobasal"), ("anterior cerebral", "A1"), ("ophthalmic", "ophthalmic"),
    ("posterior inferior cereb", "PICA"), ("anterior inferior cereb", "AICA"), ("superior cereb", "SCA"),
    ("anterior choroidal", "anterior choroidal"), ("posterior medial choroidal", "artery"), ("thalamo", "artery"),
    ("spinal", "artery"), ("pontine", "artery"), ("anterolateral central", "artery"),
    ("lateral occipital", "PCA lateral occipital"), ("medial occipital", "PCA medial occipital"),
    ("splenial", "PCA splenial"), ("central sulcus", "M4 central"), ("precentral", "M4 precentral"),
    ("postcentral", "M4 postcentral"), ("angular gyrus", "M4 angular"), ("anterior parietal", "M4 anterior parietal"),
    ("posterior parietal", "M4 posterior parietal"), ("polar temporal", "M4 temporopolar"),
    ("anterior temporal", "M4 anterior temporal"), ("middle temporal", "M4 middle temporal"),
    ("posterior temporal", "M4 posterior temporal"), ("temporo-occipital", "M4 temporo-occipital"),
    ("prefrontal", "M4 prefrontal"), ("lateral frontobasal", "M4 orbitofrontal"),
)  # fmt: skip
BYWAYS = ("PCOM", "ACOM", "artery", "anterior choroidal", "ophthalmic")


def read_bodyparts3d(folder: Path, option: str = "--arteries") -> TracedTree:
    """The arteries, RAS, mm, x from the midline; blood enters at both carotid and both vertebral arteries.

    folder: holds the table and the folder "artery". Raises InputError where they or the trunks are missing.
    """
    names, meshes = _arteries(folder, option)
    canonical = [_canonical(name, mesh) for name, mesh in zip(names, meshes, strict=True)]
    for side in ("right", "left"):
        canonical.append(f"P2 {side}")
        meshes.append(_second_part(meshes, canonical, side))
    labels, matrix = voxelise(meshes, range(1, len(meshes) + 1), EDGE_MM)
    touch = _touching(canonical)

    def price(one: IntArray, other: IntArray) -> FloatArray:
        return touch[one, other]

    voxels = voxel_graph(labels, matrix, GAP_MM, price)
    roots = _entries(voxels, canonical, folder, option)
    near = cKDTree(voxels.points_mm)

    def communicating(one: int, other: int, at: FloatArray) -> bool:
        name = canonical[int(voxels.labels[near.query(at)[1]]) - 1]
        kinds = {list(roots)[n].split()[0] for n in (one, other)}
        if kinds == {"VA"}:
            return name.startswith(("VA", "basilar"))
        return name.startswith("ACOM" if kinds == {"ICA"} else "PCOM")

    traced = trace(voxels, list(roots.values()), communicating, HALF_COMMUNICATING_MM)
    nodes = voxels.points_mm[traced.voxel]
    named = [canonical[label - 1] for label in voxels.labels[traced.voxel]]
    name_vertebral_ends(named, traced.parent, nodes)
    for side in ("right", "left"):
        _name_a2(named, traced, nodes, side)
    radii = np.maximum(voxels.radii_mm[traced.voxel] - SHELL_MM, 0.3)
    tree = ArteryTree(nodes, traced.parent, radii, tuple(named), traced.joins)
    tree = without_buds(tree)
    variants = {"sides": "mirror images of each other", "P2": "not in the folder, generated"}
    return TracedTree(tree, landmarks_of(tree), variants, "BodyParts3D")


def _arteries(folder: Path, option: str) -> tuple[list[str], list[Trimesh]]:
    named = read_meshes(folder, "artery", ("artery",), option)
    kept = [(name, mesh) for name, mesh in named if not any(word in name for word in BELOW)]
    return [name for name, _ in kept], [mesh for _, mesh in kept]


def read_meshes(folder: Path, within: str, groups: Sequence[str], option: str) -> list[tuple[str, Trimesh]]:
    """Names and meshes (RAS, mm) of the table's groups, from one folder within the one of BodyParts3D.

    Raises InputError where the table or a mesh is missing or damaged.
    """
    table = folder / TABLE
    if not table.is_file() or not (folder / within).is_dir():
        raise InputError(
            f"The folder {folder.name} does not hold {TABLE} and the folder {within}; give the folder of BodyParts3D"
            f" with {option} PATH."
        )
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("group") in groups]
    try:
        names, paths = [row["name"] for row in rows], [folder / within / row["file"] for row in rows]
    except (KeyError, TypeError) as error:
        raise InputError(f"{TABLE} has no columns group, file and name; copy it again for {option} PATH.") from error
    missing = next((path.name for path in paths if not path.is_file()), None)
    if missing or not rows:
        what = f"{missing}, which {TABLE} names, is missing" if missing else f"{TABLE} names no {groups[0]}"
        raise InputError(f"{what}; give the whole folder of BodyParts3D with {option} PATH.")
    meshes = []
    for path in paths:
        mesh = read_ply(path, option)
        # Winding is of no matter: the two flips make a rotation.
        mesh.vertices = mesh.vertices * LPS_TO_RAS
        meshes.append(mesh)
    return list(zip(names, meshes, strict=True))


def _canonical(name: str, mesh: Trimesh) -> str:
    found = next((short for part, short in NAMES if part in name), "artery")
    if found in ("basilar", "ACOM"):
        return found
    x = float(mesh.vertices[:, 0].mean())
    return f"{found} {'right' if x > 0 else 'left'}"


def _entries(voxels: Voxels, canonical: list[str], folder: Path, option: str) -> dict[str, int]:
    """The lowest voxel of each supplying artery."""
    found = {}
    of = np.array(["", *canonical], dtype=object)[voxels.labels]
    for name in ("ICA right", "ICA left", "VA right", "VA left"):
        mine = np.flatnonzero(of == name)
        if not len(mine):
            raise InputError(
                f"The folder {folder.name} has no {name} artery; give the whole folder of BodyParts3D with"
                f" {option} PATH."
            )
        low = mine[voxels.points_mm[mine, 2] < voxels.points_mm[mine, 2].min() + 2.5]
        found[name] = int(low[np.argmax(voxels.radii_mm[low])])
    return found


def _name_a2(named: list[str], traced: Tracing, nodes: FloatArray, side: str) -> None:
    """What leads from A1 to the pericallosal artery is A2; in the folder it belongs to one of its branches."""
    mine = [n for n, name in enumerate(named) if name == f"pericallosal {side}"]
    if not mine:
        return
    path = path_to_root(traced.parent, mine[0])
    for node in path[1:]:
        if not named[node].startswith("ACA") or side_of(named[node]) != side:
            break
        named[node] = f"A2 {side}"


def _touching(canonical: list[str]) -> FloatArray:
    """(L, L) price of a step between two labels, 0 being none."""
    kinds = [name.rsplit(" ", 1)[0] if side_of(name) != "middle" else name for name in canonical]
    sides = [side_of(name) for name in canonical]
    price = np.ones((len(kinds) + 1, len(kinds) + 1))
    strangers = ({"SCA", "AICA", "PICA"}, {"PCA", "P1", "P2"}), ({"ophthalmic"}, {"ACA", "A1", "M1"}), (
        {"SCA"}, {"M4", "ACA"}), ({"PCA"}, {"ACA", "pericallosal"})  # fmt: skip
    for a, one in enumerate(kinds, 1):
        for b, other in enumerate(kinds, 1):
            pair = one.split()[0], other.split()[0]
            if one in BYWAYS or other in BYWAYS:
                price[a, b] = BYWAY_PRICE
            across = {sides[a - 1], sides[b - 1]} == {"right", "left"} and "VA" not in pair
            if across or any((pair[0] in x and pair[1] in y) or (pair[1] in x and pair[0] in y) for x, y in strangers):
                price[a, b] = TOUCH_PRICE
    return price


def _second_part(meshes: list[Trimesh], canonical: list[str], side: str) -> Trimesh:
    """P2, which the folder lacks: a tube round the midbrain from P1 over the temporal to the occipital branch."""
    sign = 1.0 if side == "right" else -1.0

    def points(name: str) -> FloatArray:
        found = [mesh.vertices for mesh, other in zip(meshes, canonical, strict=False) if other == f"{name} {side}"]
        if not found:
            raise InputError(f"The folder of BodyParts3D has no {side} {name} artery; copy the whole folder again.")
        return np.concatenate(found)

    p1 = points("P1")
    occipital = points("PCA lateral occipital")
    start = p1[np.argmax(sign * p1[:, 0])]
    trunk = occipital[(np.abs(occipital[:, 0]) < 14)]
    end = trunk[np.argmax(trunk[:, 1])]
    lateral = occipital[np.abs(occipital[:, 0]) > 14]
    temporal = lateral[np.argmin(np.linalg.norm(lateral - start, axis=1))]
    way = [start, temporal] if np.linalg.norm(temporal - start) < np.linalg.norm(end - start) else [start]
    bow = 0.5 * (way[-1] + end) + [4.0 * sign, 0.0, 1.0]
    return tube(centreline(np.stack([*way, bow, end])), P2_RADIUS_MM)
