"""Two methods on the same registrations: is one better than the other by more than chance?"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray


def wilcoxon_p(differences: FloatArray) -> float | None:
    """Two-sided p of the Wilcoxon signed-rank test that differences are symmetric about 0.

    Zeros are dropped, as Wilcoxon did; exact for few differences without ties, else the normal approximation (SciPy's
    choice). None where no difference is left.
    """
    from scipy.stats import wilcoxon

    differences = np.asarray(differences, dtype=np.float64)
    if not np.any(differences):
        return None
    return float(wilcoxon(differences, zero_method="wilcox", alternative="two-sided").pvalue)


def mcnemar_p(first: BoolArray, second: BoolArray) -> float:
    """Two-sided exact p of McNemar's test that two methods succeed on as many of the same patients.

    first, second: (N,) success of each method. 1 where they never differ.
    """
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_first + only_second
    return float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
