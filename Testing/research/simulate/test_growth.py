"""Space colonisation and Murray's law."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from DeepIterRegLib.research.simulate.vessels.growth import Growth, branches, colonise, pruned, smoothed, terminals
from DeepIterRegLib.research.simulate.vessels.murray import exponent_between, radii_from_root, radii_from_terminals

RADIUS_MM = 50.0


def on_sphere(points):
    return RADIUS_MM * points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def tree() -> Growth:
    attractors = on_sphere(np.random.default_rng(3).normal(size=(1500, 3)))
    return colonise(np.array([[RADIUS_MM, 0, 0]]), attractors, 2.0, 4.0, 30.0, onto=on_sphere)


def test_growth_reaches_every_attractor_in_reach():
    attractors = np.random.default_rng(0).uniform(0, 40, (400, 3))
    grown = colonise(np.zeros((1, 3)), attractors, step_mm=1.5, kill_mm=3.0, influence_mm=60.0)
    distance = cKDTree(grown.nodes_mm).query(attractors)[0]
    assert np.mean(distance <= 3.0) > 0.98


def test_attractors_out_of_reach_attract_nothing():
    grown = colonise(np.zeros((1, 3)), np.array([[0.0, 0, 31]]), influence_mm=30.0)
    assert len(grown.nodes_mm) == 1


def test_without_attractors_only_the_seeds_are_there():
    assert len(colonise(np.zeros((2, 3)), np.empty((0, 3))).nodes_mm) == 2


def test_a_seed_between_two_opposite_attractors_reaches_both_and_stops():
    attractors = np.array([[20.0, 0, 0], [-20.0, 0, 0]])
    grown = colonise(np.zeros((1, 3)), attractors, 2.0, 3.0, 30.0)
    assert (cKDTree(grown.nodes_mm).query(attractors)[0] <= 3.0).all()
    assert len(grown.nodes_mm) < 30


def test_nodes_keep_to_the_surface_and_come_after_their_parents(tree):
    assert np.linalg.norm(tree.nodes_mm, axis=1) == pytest.approx(RADIUS_MM)
    assert (tree.parent < np.arange(len(tree.parent))).all()
    assert (tree.parent[1:] >= 0).all()
    steps = np.linalg.norm(tree.nodes_mm[1:] - tree.nodes_mm[tree.parent[1:]], axis=1)
    assert steps.max() < 2.01


def test_branches_hold_every_node_once_and_begin_on_their_parent(tree):
    chains = branches(tree)
    own = np.concatenate([chain.nodes if chain.parent is None else chain.nodes[1:] for chain in chains])
    assert sorted(own) == list(range(len(tree.parent)))
    for number, chain in enumerate(chains):
        assert (tree.parent[chain.nodes[1:]] == chain.nodes[:-1]).all()
        if chain.parent is not None:
            assert chain.parent < number
            assert chain.nodes[0] in chains[chain.parent].nodes


def test_a_trunk_of_seeds_stays_one_chain_beside_a_larger_side_branch():
    seeds = np.array([[0.0, 0, 0], [4, 0, 0], [8, 0, 0]])
    crowd = np.random.default_rng(1).uniform(-8, 8, (60, 3)) + [4.0, 20, 0]
    grown = colonise(seeds, crowd, seed_parent=np.array([-1, 0, 1]))
    assert len(branches(grown)) > 2
    assert {0, 1, 2} <= set(branches(grown)[0].nodes)


def test_pruning_takes_the_short_ends_and_leaves_the_seeds():
    nodes = np.array([[0.0, 0, 0], [10, 0, 0], [10, 2, 0], [20, 0, 0], [30, 0, 0]])
    growth = Growth(nodes, np.array([-1, 0, 1, 1, 3]), seeds=1)
    kept = pruned(growth, 5.0)
    np.testing.assert_array_equal(kept.nodes_mm, nodes[[0, 1, 3, 4]])
    np.testing.assert_array_equal(kept.parent, [-1, 0, 1, 2])


def test_smoothing_shortens_the_way_but_not_the_seeds_and_ends(tree):
    soft = smoothed(tree, 3)

    def length(growth):
        return np.linalg.norm(growth.nodes_mm[1:] - growth.nodes_mm[growth.parent[1:]], axis=1).sum()

    ends = np.setdiff1d(np.arange(len(tree.parent)), tree.parent)
    assert length(soft) < length(tree)
    np.testing.assert_array_equal(soft.nodes_mm[ends], tree.nodes_mm[ends])
    np.testing.assert_array_equal(soft.nodes_mm[0], tree.nodes_mm[0])


def test_terminals_are_counted_up_the_tree():
    parent = np.array([-1, 0, 0, 1, 1])
    np.testing.assert_array_equal(terminals(parent), [3, 2, 1, 1, 1])


def test_murray_s_law_holds_at_every_fork(tree):
    radii = radii_from_terminals(tree.parent, 0.3)
    for node in np.unique(tree.parent[1:]):
        children = np.flatnonzero(tree.parent == node)
        assert radii[node] ** 3 == pytest.approx((radii[children] ** 3).sum())
    assert radii[0] == pytest.approx(0.3 * terminals(tree.parent)[0] ** (1 / 3))


def test_radii_from_the_root_share_its_cube_and_have_a_floor():
    parent = np.array([-1, 0, 0, 1, 1])
    np.testing.assert_allclose(radii_from_root(parent, 1.0) ** 3, [1, 2 / 3, 1 / 3, 1 / 3, 1 / 3])
    assert radii_from_root(parent, 1.0, least_mm=0.8).min() == 0.8


def test_the_exponent_between_root_and_ends_makes_both_agree():
    parent = np.array([-1] + [0] * 20)
    exponent = exponent_between(1.0, 0.35, 20)
    assert radii_from_terminals(parent, 0.35, exponent)[0] == pytest.approx(1.0)
