"""The vessel map, as JSON and in space."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from DeepIterRegLib.filling.branch_map import CANNOT_TELL, FILLED, NOT_FILLED, BranchMap, branch_map
from DeepIterRegLib.filling.branches import Branches
from DeepIterRegLib.filling.filled import Filling
from DeepIterRegLib.filling.vessel_map import VesselMap, map_fields, vessel_map
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.worker.payload import read_branch_map, write_branch_map
from Testing.support.vessel_tree_case import CENTRE_MM, FRONTAL, prepared_angiogram, tree_cloud

POSE = radiological_pose(CENTRE_MM)


@pytest.fixture(scope="module")
def of_one_side() -> tuple[VesselCloud, VesselMap]:
    cloud = tree_cloud()
    left = cloud.subset(~cloud.is_vein & (cloud.positions_mm[:, 0] < CENTRE_MM[0]))
    return cloud, vessel_map(cloud, [prepared_angiogram(POSE, FRONTAL, shown=[left])], POSE)


def by_hand(probability: list[float], parent: list[int], veins: tuple[int, ...] = ()) -> VesselMap:
    is_vein = np.isin(np.arange(len(parent)), veins)
    cut = Branches(np.arange(len(parent)), np.array(parent), is_vein)
    return VesselMap(Filling(cut, np.array(probability)), ())


def test_filling_stops_where_an_empty_artery_follows_a_filled_one() -> None:
    found = by_hand([0.99, 0.01, 0.02, 0.5, 0.03, 0.01], [-1, 0, 1, 0, 3, 0], veins=(5,))
    assert found.states == ["filled", "not filled", "not filled", "cannot tell", "not filled", "not filled"]
    np.testing.assert_array_equal(found.stops, [False, True, False, False, False, False])
    assert not by_hand([0.01], [-1]).stops.any()


def test_it_is_told_as_json_that_fits_its_schema(of_one_side: tuple[VesselCloud, VesselMap]) -> None:
    cloud, found = of_one_side
    fields = json.loads(json.dumps(map_fields(found, cloud), allow_nan=False))
    schema = json.loads(files("DeepIterRegLib").joinpath("schemas/vessel_map.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(fields)
    assert len(fields["branches"]) == len(found.states)
    assert fields["angiograms"] == [{"arrival_unit": None}], "one frame tells no time"
    total = sum(branch["volume_mm3"] for branch in fields["branches"])
    assert total == pytest.approx(float(cloud.weights_mm3.sum()), rel=1e-3)
    filled = [branch["centre_mm"][0] for branch in fields["branches"] if branch["state"] == "filled"]
    assert filled
    assert np.mean(np.array(filled) < CENTRE_MM[0]) > 0.9


def test_a_map_in_space_knows_the_branch_beside_a_vessel(of_one_side: tuple[VesselCloud, VesselMap]) -> None:
    cloud, found = of_one_side
    there = branch_map(found, cloud)
    for veins in (False, True):
        chosen = cloud.is_vein == veins
        beside = cloud.positions_mm[chosen] + np.float32(0.3)
        same = there.branch_at(beside, veins) == found.filling.branches.of_point[chosen]
        assert same.mean() > 0.9, "but for where branches meet"
    numbers = {"filled": FILLED, "cannot tell": CANNOT_TELL, "not filled": NOT_FILLED}
    np.testing.assert_array_equal(there.state, [numbers[state] for state in found.states])
    far = there.branch_at(np.array([[1e4, 0, 0]]), veins=False)
    assert 0 <= far[0] < len(found.states), "outside its grid the nearest cell counts"
    arteries = cloud.subset(~cloud.is_vein)
    alone = branch_map(vessel_map(arteries, [prepared_angiogram(POSE, FRONTAL)], POSE), arteries)
    assert alone.branch_at(CENTRE_MM[None], veins=True)[0] == -1


def test_it_travels_by_file_and_another_is_refused(of_one_side, tmp_path) -> None:
    there = branch_map(of_one_side[1], of_one_side[0])
    back = read_branch_map(tmp_path, json.loads(json.dumps(write_branch_map(tmp_path, there))))
    np.testing.assert_array_equal(back.labels, there.labels)
    np.testing.assert_array_equal(back.arrival, there.arrival)
    assert (back.cell_mm, back.in_seconds) == (there.cell_mm, there.in_seconds)
    with pytest.raises(ValueError, match="branch that is not there"):
        replace(there, labels=there.labels + np.int16(1000))
    with pytest.raises(ValueError, match="one number for each"):
        replace(there, probability=there.probability[1:])
    with pytest.raises(ValueError, match="no grids"):
        BranchMap(there.labels[:1], there.origin_mm, 1.5, there.state, there.probability, there.arrival, True)
