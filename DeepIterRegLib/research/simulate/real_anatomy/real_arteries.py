"""Real arteries in a simulated head: what `--arteries` gives instead of the generated ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.paths import existing_path
from DeepIterRegLib.research.simulate.arteries.arteries import into_head
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.real_anatomy.brava import TracedTree, read_brava
from DeepIterRegLib.research.simulate.real_anatomy.cortical_completion import with_cortical_branches
from DeepIterRegLib.research.simulate.real_anatomy.neck_completion import completed
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import drawn_in, fit_to_template, inside_table
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVein, GivenVeins
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, lengths_below, smoothed, without_spurs
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

OPTION = "--arteries"
SUBJECT_FILES = (".swc", ".nii", ".nii.gz")
SPUR_MM = 2.0
SAGITTAL = "superior sagittal sinus"
ACOM_MM, ACOM_RADIUS_MM = 9.0, 0.55
"""Farthest apart that two anterior cerebral arteries may be to be joined, and the radius given to what joins them."""
BEGINNING_MM = 36.0
"""The communicating artery leaves the anterior cerebral artery within this of its origin."""
LATER_IS_FARTHER = 3.0
"""mm: so that they are not joined high up, where they run side by side."""


class RealVessels(NamedTuple):
    """What a source gives of a real subject, completed."""

    arteries: list[Vessel]
    """In the head's frame."""
    variants: dict[str, str]
    """What was done to them."""
    veins: GivenVeins
    """In the template, for `grow_veins`; empty where a source has none."""


def read_arteries(path: str | os.PathLike[str], shape: HeadShape, rng: np.random.Generator) -> RealVessels:
    """The arteries of a real subject in the head `shape`, and the veins that the source has.

    path: a BraVa tree (.swc), an IXI or TopBrain label map (.nii or .nii.gz), a folder of such files, of which one is
    drawn, or the folder of BodyParts3D. rng: draws that, and the parts that were not scanned (neck, skull base, and
    where the arteries end before the cortex, what goes on from there). Raises InputError for anything else, and for
    damaged files.
    """
    found = _one_of(existing_path(path, Field.ARTERIES), rng)
    traced = _read(found)
    placement = fit_to_template(traced.tree.nodes_mm, traced.landmarks, traced.whole_brain, traced.veins.get(SAGITTAL))
    placed = placement(traced.tree.nodes_mm)
    tree = smoothed(without_spurs(traced.tree.moved(drawn_in(placed)), SPUR_MM))
    variants = {"arteries": f"{traced.source}, {found.name}", **traced.variants}
    tree, note = _with_acom(tree)
    variants.update(note)
    arteries, drawn = completed(tree, rng)
    if not traced.to_cortex:
        arteries = with_cortical_branches(arteries, rng)
        drawn["M4, and ACA and PCA beyond what is marked"] = "generated"
    inside = float(inside_table(placed).mean())
    variants |= drawn | {
        "neck, skull base and external carotids": "generated",
        "real arteries inside the table": f"{100 * inside:.1f} % before they were drawn in",
    }
    veins = {name: GivenVein(placement(vein.points_mm), vein.radii_mm) for name, vein in traced.veins.items()}
    return RealVessels(into_head(arteries, shape), variants, veins)


def _one_of(path: Path, rng: np.random.Generator) -> Path:
    """A subject's file out of a folder of them; any other path as it is."""
    if not path.is_dir():
        return path
    files = sorted(file for file in path.iterdir() if file.name.lower().endswith(SUBJECT_FILES))
    return files[int(rng.integers(len(files)))] if files else path


def _read(path: Path) -> TracedTree:
    name = path.name.lower()
    if path.is_dir():
        from DeepIterRegLib.research.simulate.real_anatomy.bodyparts3d import read_bodyparts3d

        return read_bodyparts3d(path, OPTION)
    if name.endswith(".swc"):
        return read_brava(path, OPTION)
    if name.endswith((".nii", ".nii.gz")):
        from DeepIterRegLib.research.simulate.real_anatomy.label_maps import read_label_map

        return read_label_map(path, OPTION)
    raise InputError(
        f"{path.name} holds no arteries that can be read; give a BraVa tree (.swc), an IXI or TopBrain label map"
        f" (.nii.gz), a folder of them, or the folder of BodyParts3D with {OPTION} PATH."
    )


def _with_acom(tree: ArteryTree) -> tuple[ArteryTree, dict[str, str]]:
    """Join the two anterior cerebral arteries where they first come close, unless the tree has that artery.

    What lies before that is A1, what follows pericallosal.
    """
    if "ACOM" in tree.names:
        return tree, {}
    ways = [_beginning(tree, side) for side in ("right", "left")]
    if not all(ways):
        return tree, {"ACOM": "absent: an A1 is not in the tree"}
    right, left = (np.array(way) for way in ways)
    apart = np.linalg.norm(tree.nodes_mm[right][:, None] - tree.nodes_mm[left], axis=2)
    late = LATER_IS_FARTHER * (np.arange(len(right))[:, None] / len(right) + np.arange(len(left)) / len(left))
    one, other = np.unravel_index(int(np.argmin(apart + late)), apart.shape)
    if apart[one, other] > ACOM_MM:
        return tree, {"ACOM": f"absent: the A1 come no nearer than {apart[one, other]:.0f} mm"}
    names = list(tree.names)
    for way, at, side in ((ways[0], one, "right"), (ways[1], other, "left")):
        for number, node in enumerate(way):
            names[node] = f"A1 {side}" if number <= at else f"pericallosal {side}"
    a, b = tree.nodes_mm[right[one]], tree.nodes_mm[left[other]]
    between = np.linspace(a, b, max(4, round(float(apart[one, other])) + 2))[1:-1]
    count = len(tree.parent)
    tree = ArteryTree(
        np.concatenate([tree.nodes_mm, between]),
        np.concatenate([tree.parent, [right[one]], count + np.arange(len(between) - 1)]).astype(np.intp),
        np.concatenate([tree.radii_mm, np.full(len(between), ACOM_RADIUS_MM)]),
        (*names, *["ACOM"] * len(between)),
        (*tree.joins, (count + len(between) - 1, int(left[other]))),
    )
    return tree, {"ACOM": "generated"}


def _beginning(tree: ArteryTree, side: str) -> list[int]:
    """Nodes of A1 and of the pericallosal artery's first part, in the order of the blood."""
    mine = {f"A1 {side}", f"pericallosal {side}"}
    nodes = [node for node, name in enumerate(tree.names) if name in mine]
    if f"A1 {side}" not in tree.names:
        return []
    below = lengths_below(tree.nodes_mm, tree.parent)
    way = [next(node for node in nodes if tree.names[node] == f"A1 {side}")]
    run, inside = 0.0, set(nodes)
    while run < BEGINNING_MM:
        on = [int(n) for n in np.flatnonzero(tree.parent == way[-1]) if int(n) in inside]
        if not on:
            break
        run += float(np.linalg.norm(tree.nodes_mm[way[-1]] - tree.nodes_mm[max(on, key=lambda n: below[n])]))
        way.append(max(on, key=lambda n: below[n]))
    return way
