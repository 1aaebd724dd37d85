"""Label maps of the TopBrain challenge: arteries to M3, A3 and P4, and the midline veins, of CT angiograms.

The data are those of TopCoW (Yang et al., "Benchmarking the CoW with the TopCoW Challenge", arXiv 2312.17670), open to
use with the source named. The people had strokes: where an artery is occluded, it and what hangs on it have no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.real_anatomy.artery_names import name_vertebral_ends, split_first_part
from DeepIterRegLib.research.simulate.real_anatomy.brava import TracedTree, landmarks_of
from DeepIterRegLib.research.simulate.real_anatomy.centreline_tracing import Voxels, trace, voxel_graph
from DeepIterRegLib.research.simulate.real_anatomy.label_voxels import LabelVoxels
from DeepIterRegLib.research.simulate.real_anatomy.real_veins import trace_veins
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, path_to_root, without_buds
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray

RIGHT_TO_LEFT = {2: 3, 4: 6, 5: 7, 8: 9, 11: 12, 13: 14, 17: 19, 18: 20, 21: 22, 23: 24, 25: 26, 27: 28, 29: 30, 31: 32,
                 33: 34, 38: 39}  # fmt: skip
"""Labels of the two sides of what comes in pairs."""
ARTERIES = {
    1: "basilar", 2: "P1 right", 4: "ICA right", 5: "M1 right", 8: "PCOM right", 10: "ACOM", 11: "A1 right",
    13: "pericallosal right", 15: "ACA third", 16: "ACA third", 17: "M2 right", 18: "M3 right",
    21: "PCA branch right", 23: "VA right", 25: "SCA right", 27: "AICA right", 29: "PICA right",
    31: "anterior choroidal right", 33: "ophthalmic right",
}  # fmt: skip
ARTERIES |= {left: ARTERIES[one].replace("right", "left") for one, left in RIGHT_TO_LEFT.items() if one in ARTERIES}
OTHER_SIDE = RIGHT_TO_LEFT | {left: one for one, left in RIGHT_TO_LEFT.items()}
VEINS = {35: "vein of Galen", 36: "straight sinus", 37: "internal cerebral vein", 38: "basal vein right",
         39: "basal vein left", 40: "superior sagittal sinus"}  # fmt: skip
MOST_LABEL = 40
MIDLINE_LABELS = (13, 14, 15, 16, 35, 36, 37)
"""Of vessels that run beside the midsagittal plane."""
TREES = ((4, (5, 17, 18), 11), (5, (17, 18), 4))
"""(right artery, what hangs on it, what it is joined to): where the first is not in the map, it and what else of them
is missing are the other side's, mirrored and moved to the third."""
MIDLINE_VEINS = ("straight sinus", "vein of Galen")
NEEDED = {1: "basilar artery", 11: "right A1", 12: "left A1", 23: "right vertebral artery", 24: "left vertebral artery"}
ONE_SIDE_NEEDED = {4: "carotid artery", 5: "middle cerebral artery"}
GAP_MM = 6.0
STRANGERS_PRICE = 60.0
"""Of a step between arteries that only touch: of two sides, of cerebrum and cerebellum."""
BYWAY_PRICE = 8.0
"""So that blood does not take a communicating or choroidal artery where a trunk leads as well."""
BYWAYS = ("PCOM", "ACOM", "anterior choroidal", "ophthalmic")
HALF_COMMUNICATING_MM = 40.0
P1_MM, A1_MM = 8.0, 16.0
"""Where P1 and A1 end if no communicating artery says so: textbook averages."""
LEAST_RADIUS_MM = 0.3


def trace_topbrain(voxels: LabelVoxels, name: str, option: str) -> TracedTree:
    """Arteries and veins of one person, RAS, mm, x from the midline, of a map whose i runs to the left or right.

    Blood enters at both carotid and both vertebral arteries. name: the file's, and option: the command's, for the
    InputError that a map without the trunks raises.
    """
    right = f"give an artery label map of TopBrain with {option} PATH"
    present = voxels.present
    missing = [what for label, what in NEEDED.items() if label not in present]
    missing += [what for label, what in ONE_SIDE_NEEDED.items() if not present & {label, OTHER_SIDE[label]}]
    missing += [] if present & set(MIDLINE_LABELS) else ["vessel in the midline"]
    if missing:
        raise InputError(f"{name} marks no {missing[0]}; {right}.")
    sides = [float(voxels.points_mm([label])[:, 0].mean()) for label in (23, 24)]
    if sides[0] < sides[1]:
        raise InputError(f"{name} has the right arteries on the left, so its orientation is wrong; {right}.")
    matrix = voxels.ijk_to_ras.copy()
    matrix[0, 3] -= np.median(voxels.points_mm(MIDLINE_LABELS)[:, 0])
    voxels, variants = _with_both_sides(replace(voxels, ijk_to_ras=matrix))
    try:
        tree = _arteries(voxels)
    except _CutOff as error:
        raise InputError(f"{name} has no {error} that hangs together with its branches; {right}.") from error
    veins = trace_veins(voxels, VEINS)
    variants["real veins"] = ", ".join(veins) or "none in the map"
    landmarks = landmarks_of(tree)
    beside = [landmarks.midline, *(veins[name].points_mm for name in MIDLINE_VEINS if name in veins)]
    midline = np.concatenate(beside)
    # One side after the other: the fit takes every so-manieth, and must not take them from one side.
    landmarks = replace(landmarks, midline=midline[np.argsort(midline[:, 0] > 0, kind="stable")])
    return TracedTree(
        tree, landmarks, variants, "TopBrain", whole_brain=False, to_cortex=False, veins=veins
    )  # fmt: skip


class _CutOff(Exception):
    """A trunk, named in the message, leads to nothing."""


def _with_both_sides(voxels: LabelVoxels) -> tuple[LabelVoxels, dict[str, str]]:
    """The map with a missing carotid or middle cerebral artery taken from the other side, and which that were."""
    variants = {}
    for first, beyond, host in TREES:
        for there, lost in ((first, OTHER_SIDE[first]), (OTHER_SIDE[first], first)):
            present = voxels.present
            if lost in present or there not in present:
                continue
            here = OTHER_SIDE if there != first else {label: label for label in OTHER_SIDE}
            sources = [here[label] for label in (first, *beyond) if OTHER_SIDE[here[label]] not in present]
            kji = voxels.where(sources)
            mirrored = kji.copy()
            mirrored[:, 2] = round(-2 * voxels.ijk_to_ras[0, 3] / voxels.ijk_to_ras[0, 0]) - kji[:, 2]
            mirrored += _to_host(voxels, kji, mirrored, here[host])
            labels = voxels.labels[np.isin(voxels.labels, sources)]
            voxels = voxels.with_more(mirrored, np.array([OTHER_SIDE[label] for label in labels.tolist()]))
            names = ", ".join(ARTERIES[label].rsplit(" ", 1)[0] for label in sources)
            side = ARTERIES[lost].rsplit(" ", 1)[-1]
            variants[f"{names} {side}"] = "not in the map, the other side's mirrored"
    return voxels, variants


def _to_host(voxels: LabelVoxels, kji: IntArray, mirrored: IntArray, host: int) -> IntArray:
    """(3,) the step, in voxels, from the mirrored place where arteries leave their `host` to the other side's host."""
    left, arrives = voxels.where([host]), voxels.where([OTHER_SIDE[host]])
    if not len(left) or not len(arrives):
        return np.zeros(3, dtype=np.int64)
    at = int(np.argmin(cKDTree(left).query(kji)[0]))
    return arrives[int(cKDTree(arrives).query(mirrored[at])[1])] - mirrored[at]


def _arteries(of: LabelVoxels) -> ArteryTree:
    canonical = [ARTERIES.get(label, "") for label in range(MOST_LABEL + 1)]
    price_of = _prices(canonical)

    def price(one: IntArray, other: IntArray) -> FloatArray:
        return price_of[one, other]

    voxels = voxel_graph(*of.part(ARTERIES), GAP_MM, price)
    roots = _entries(voxels)

    def communicating(one: int, other: int, at: FloatArray) -> bool:
        name = canonical[int(voxels.labels[np.argmin(((voxels.points_mm - at) ** 2).sum(axis=1))])]
        kinds = {list(roots)[number].split()[0] for number in (one, other)}
        if kinds == {"VA"}:
            return name.startswith(("VA", "basilar"))
        return name.startswith("ACOM" if kinds == {"ICA"} else "PCOM")

    traced = trace(voxels, list(roots.values()), communicating, HALF_COMMUNICATING_MM)
    nodes = voxels.points_mm[traced.voxel]
    named = [canonical[label] for label in voxels.labels[traced.voxel]]
    for node, root in enumerate(np.array(list(roots))[traced.root_of].tolist()):
        if named[node].startswith("VA") and root.startswith("VA"):
            named[node] = root  # where they meet, the one's label reaches into the other
    _name_handed_over(named, traced.parent, traced.joins)
    name_vertebral_ends(named, traced.parent, nodes)
    for side in ("right", "left"):
        split_first_part(named, traced.parent, nodes, f"P1 {side}", f"P2 {side}", P1_MM, traced.joins)
        split_first_part(named, traced.parent, nodes, f"A1 {side}", f"pericallosal {side}", A1_MM, traced.joins)
    # From a voxel's centre to the next one outside is half a voxel more than to the wall between them.
    half_voxel = 0.5 * float(np.linalg.norm(of.ijk_to_ras[:3, :3], axis=0).min())
    radii = np.maximum(voxels.radii_mm[traced.voxel] - half_voxel, LEAST_RADIUS_MM)
    return without_buds(ArteryTree(nodes, traced.parent, radii, tuple(named), traced.joins))


def _name_handed_over(named: list[str], parent: IndexArray, joins: Sequence[tuple[int, int]]) -> None:
    """Name the end of a communicating artery, which the tracing took from the tree it opens into, as its beginning."""
    for end, _ in joins:
        way = path_to_root(parent, end)
        own = next((number for number, node in enumerate(way) if "COM" in named[node]), 0)
        for node in way[:own]:
            named[node] = named[way[own]]


def _entries(voxels: Voxels) -> dict[str, int]:
    """The voxel of each supplying artery that lies farthest, along the vessels, from what it supplies."""
    count = len(voxels.points_mm)
    length = np.linalg.norm(voxels.points_mm[voxels.edges[:, 0]] - voxels.points_mm[voxels.edges[:, 1]], axis=1)
    graph = sparse.coo_matrix((length, voxels.edges.T), (count, count)).tocsr()
    found = {}
    for name, label, supplied in (("ICA right", 4, 5), ("ICA left", 6, 7), ("VA right", 23, 1), ("VA left", 24, 1)):
        mine, start = (np.flatnonzero(voxels.labels == one) for one in (label, supplied))
        if not len(mine) or not len(start):
            raise _CutOff(name)
        far = csgraph.dijkstra(graph, directed=False, indices=start, min_only=True)[mine]
        # Those within a few mm of the end: the widest of them is its middle.
        end = mine[np.isfinite(far) & (far > np.max(far[np.isfinite(far)], initial=0.0) - 3.0)]
        if not len(end):
            raise _CutOff(name)
        found[name] = int(end[np.argmax(voxels.radii_mm[end])])
    return found


def _prices(canonical: list[str]) -> FloatArray:
    """(L, L) price of a step between two labels."""
    kinds = [name.removesuffix(" right").removesuffix(" left") for name in canonical]
    sides = [name.rsplit(" ", 1)[-1] for name in canonical]
    price = np.ones((len(kinds), len(kinds)))
    cerebellar, posterior, middle, anterior = (
        {"SCA", "AICA", "PICA"}, {"P1", "PCA branch"}, {"M1", "M2", "M3"}, {"A1", "pericallosal", "ACA third"}
    )  # fmt: skip
    strangers = ((cerebellar - {"SCA"}, posterior), (cerebellar, middle), (posterior, middle), (posterior, anterior),
                 ({"ophthalmic"}, middle | anterior), ({"M2", "M3"}, {"ICA", "A1"}))  # fmt: skip
    for a, one in enumerate(kinds):
        for b, other in enumerate(kinds):
            if one in BYWAYS or other in BYWAYS:
                price[a, b] = BYWAY_PRICE
            across = {sides[a], sides[b]} == {"right", "left"} and "VA" not in (one, other)
            if across or any((one in x and other in y) or (other in x and one in y) for x, y in strangers):
                price[a, b] = STRANGERS_PRICE
    return price
