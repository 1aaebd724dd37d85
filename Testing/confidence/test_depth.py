"""What a covariance lacks along the beam."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.confidence.depth import DEPTH_MM, OTHER_DEPTH_MM, with_depth

COVARIANCE = np.diag([1e-5, 2e-5, 1e-5, 0.04, 0.09, 0.04])


def test_a_single_view_leaves_the_depth_open_and_a_second_one_closes_it():
    beam, other = np.array([0.0, 1, 0]), np.array([1.0, 0, 0])
    one, two = with_depth(COVARIANCE, [beam]), with_depth(COVARIANCE, [beam, other])
    assert beam @ (one - COVARIANCE)[3:, 3:] @ beam == pytest.approx(DEPTH_MM**2)
    assert beam @ (two - COVARIANCE)[3:, 3:] @ beam == pytest.approx(OTHER_DEPTH_MM**2)
    assert other @ (one - COVARIANCE)[3:, 3:] @ other == pytest.approx(0)
    assert with_depth(COVARIANCE, [beam, beam]) == pytest.approx(one), "the same view twice shows no depth"
    assert (one - COVARIANCE)[:3] == pytest.approx(0)
