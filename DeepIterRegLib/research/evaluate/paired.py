"""Two methods on the same registrations: is one better than the other by more than chance?"""

from __future__ import annotations

from DeepIterRegLib.common.arrays import BoolArray


def mcnemar_p(first: BoolArray, second: BoolArray) -> float:
    """Two-sided exact p of McNemar's test that two methods succeed on as many of the same patients.

    first, second: (N,) success of each method. 1 where they never differ.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
