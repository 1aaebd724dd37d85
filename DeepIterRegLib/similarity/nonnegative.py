"""Non-negative least squares for a handful of unknowns, exactly and for a batch at once."""

from __future__ import annotations

from functools import cache

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray

MAX_UNKNOWNS = 6
COLLINEAR = 1e-6
"""Determinant of a correlation matrix below which float32 images cannot tell its components apart."""


def solve_nonnegative(gram: FloatArray, projection: FloatArray) -> FloatArray:
    """The a >= 0 that minimises a.G a - 2 b.a, (B, K) float64.

    gram: (B, K, K), symmetric and positive semidefinite; projection: (B, K), the b. At most `MAX_UNKNOWNS` unknowns:
    the minimum solves the unconstrained problem of *some* subset of them, so all subsets are solved in one call and
    the best non-negative solution is taken. Unknowns whose component is 0 get 0; of collinear ones some do.
    """
    count = projection.shape[1]
    if count > MAX_UNKNOWNS:
        raise ValueError(f"at most {MAX_UNKNOWNS} components can be combined, not {count}")
    size = np.sqrt(np.maximum(np.einsum("bkk->bk", gram), 0))
    present = size > 1e-6 * size.max(axis=1, keepdims=True)
    inverse_size = np.divide(1.0, size, out=np.zeros_like(size), where=present)
    # In units of the components' own sizes, K x K problems in which the unknowns outside the subset are 0 = 0.
    subset = subsets(count)
    scaled = gram * inverse_size[:, :, None] * inverse_size[:, None, :]
    both = subset[:, :, None] & subset[:, None, :]
    systems = np.where(both, scaled[:, None], np.eye(count))
    right = np.where(subset, (projection * inverse_size)[:, None], 0.0)
    solvable = np.linalg.det(systems) > COLLINEAR
    systems[~solvable] = np.eye(count)
    solutions = np.linalg.solve(systems, right[..., None])[..., 0]
    allowed = solvable & (solutions >= 0).all(axis=2)
    reduction = np.where(allowed, (solutions * right).sum(axis=2), -np.inf)
    best = reduction.argmax(axis=1)
    return solutions[np.arange(len(best)), best] * inverse_size


@cache
def subsets(count: int) -> BoolArray:
    """All (2^K, K) choices among `count` unknowns; the first is none of them."""
    return (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(bool)
