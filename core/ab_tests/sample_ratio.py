"""Sample ratio: whether the keys are divided as planned. If not, some are missing, and no comparison is fair.

Fabijan and others 2019, Diagnosing Sample Ratio Mismatch in Online Controlled Experiments (KDD).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, chdtrc

# Precision of the prior: a mismatch of about 1 to 3 points of the share is what a bug makes.
_PRIOR_KEYS = 1000.0


@dataclass(frozen=True)
class SampleRatio:
    """Whether the keys are divided as planned.

    Attributes:
        expected: The candidate's planned share.
        observed: Its share of the keys.
        p_value: Probability of a division at least as far off by chance (chi-square), for one look.
        sequential_p_value: The same for any number of looks.
        alpha: Chance that a correct division is called broken, which both tests share.
        broken: Whether it is.
    """

    expected: float
    observed: float
    p_value: float
    sequential_p_value: float
    alpha: float
    broken: bool


def check_sample_ratio(counts: Sequence[tuple[int, int]], *, share: float, alpha: float, is_final: bool) -> SampleRatio:
    """Test the numbers of keys.

    Args:
        counts: Numbers of the candidate's and of the baseline's keys at each look, the last one last.
        share: The candidate's planned share.
        alpha: Chance of calling a correct division broken; each of the two tests gets half of it.
        is_final: Whether the planned size is reached; only then does the test for one look count.
    """
    candidate, baseline = counts[-1]
    total = candidate + baseline
    p_value = float(chdtrc(1, (candidate - total * share) ** 2 / (total * share * (1 - share))))
    sequential = sequential_p_value(counts, share=share)
    broken = sequential < alpha / 2 or (is_final and p_value < alpha / 2)
    return SampleRatio(share, candidate / total, p_value, sequential, alpha, broken)


def sequential_p_value(counts: Sequence[tuple[int, int]], *, share: float) -> float:
    """Return the p-value of a division that holds however often it is computed.

    It is the inverse of the largest Bayes factor for another share, with a Beta prior around the planned one (Lindon
    and Malek 2022, Anytime-Valid Inference for Multinomial Count Data, NeurIPS), which exceeds 1/p at any time with
    probability p at most (Ville's inequality).

    Args:
        counts: Numbers of the candidate's and of the baseline's keys at each look.
        share: The candidate's planned share.
    """
    candidate, baseline = np.asarray(counts, dtype=np.float64).reshape(-1, 2).T
    first, second = _PRIOR_KEYS * share, _PRIOR_KEYS * (1 - share)
    factors = (
        betaln(first + candidate, second + baseline)
        - betaln(first, second)
        - candidate * math.log(share)
        - baseline * math.log1p(-share)
    )
    return math.exp(-max(0.0, float(factors.max(initial=0.0))))
