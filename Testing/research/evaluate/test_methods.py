"""The methods that experiments compare, by name."""

from __future__ import annotations

import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.preparation.prepared import PreparedImages
from DeepIterRegLib.research.evaluate.methods import METHODS, Outcome, method_named, register_with
from DeepIterRegLib.similarity.names import NCC, SIMILARITY_NAMES
from Testing.support.vessel_tree_case import CENTRE_MM, prepared_angiogram, prepared_volume

START = radiological_pose(CENTRE_MM)


def images() -> PreparedImages:
    return PreparedImages(prepared_volume(), (prepared_angiogram(START),))


@pytest.mark.parametrize("similarity", [name for name in SIMILARITY_NAMES if name != NCC])
def test_the_published_method_can_be_compared_with_any_similarity_of_the_masks(similarity: str) -> None:
    outcome = register_with(f"published:{similarity}", images(), START, size_px=32)
    names = [stage.similarity_name for stage in outcome.stages]
    plain = [stage.similarity_name for stage in _published().stages]
    assert names[0] != plain[0] == "NCC"
    assert names[1:] == plain[1:] == ["MI"]


def _published() -> Outcome:
    return register_with("published", images(), START, size_px=32)


def test_ncc_has_one_name_because_the_published_method_takes_it_anyway() -> None:
    assert f"published:{NCC}" not in METHODS
    with pytest.raises(InputError, match="published:gradient_correlation"):
        method_named(f"published:{NCC}")
