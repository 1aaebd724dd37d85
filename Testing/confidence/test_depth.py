"""What a covariance lacks along the beam."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.confidence.depth import CLEAR_MM, TWO_VIEWS_MM, UNCLEAR_MM, USUAL_MM, with_depth
from DeepIterRegLib.preparation.skull.image import SkullImage, Source

COVARIANCE = np.diag([1e-5, 2e-5, 1e-5, 0.04, 0.09, 0.04])
BEAM, OTHER = np.array([0.0, 1, 0]), np.array([1.0, 0, 0])


def skull(source: Source, trust: float = 1.0) -> SkullImage:
    return SkullImage(np.ones((4, 4), np.float32), source == "noise", np.ones((4, 4), bool), source, trust)


def test_a_single_view_leaves_the_depth_open_and_a_second_one_closes_it() -> None:
    clear = skull("mask frame")
    one, two = (with_depth(COVARIANCE, beams, [clear] * len(beams)) for beams in ([BEAM], [BEAM, OTHER]))
    assert BEAM @ (one - COVARIANCE)[3:, 3:] @ BEAM == pytest.approx(CLEAR_MM**2)
    assert BEAM @ (two - COVARIANCE)[3:, 3:] @ BEAM == pytest.approx(TWO_VIEWS_MM**2)
    assert OTHER @ (one - COVARIANCE)[3:, 3:] @ OTHER == pytest.approx(0)
    assert with_depth(COVARIANCE, [BEAM, BEAM], [clear] * 2) == pytest.approx(one), "the same view twice shows no depth"
    assert (one - COVARIANCE)[:3] == pytest.approx(0)


@pytest.mark.parametrize(
    ("image", "sd_mm"),
    [
        (skull("native image"), CLEAR_MM),
        (skull("noise", 0.99), USUAL_MM),
        (skull("noise", 0.3), UNCLEAR_MM),
        (None, USUAL_MM),
    ],
)
def test_what_is_seen_of_the_skull_says_how_well_the_depth_is_known(image: SkullImage | None, sd_mm: float) -> None:
    found = with_depth(COVARIANCE, [BEAM], [image])
    assert BEAM @ (found - COVARIANCE)[3:, 3:] @ BEAM == pytest.approx(sd_mm**2)
    better = with_depth(COVARIANCE, [BEAM, BEAM], [image, skull("mask frame")])
    assert BEAM @ (better - COVARIANCE)[3:, 3:] @ BEAM == pytest.approx(CLEAR_MM**2)
