"""Means in ordered bins of which many hold few rows: smoothed, with draws of what they may be.

The deviation of each bin is a Gaussian process over the bins: a level, a slope and a random walk whose step size the
data choose. Its posterior is Laplace's approximation (Rasmussen and Williams 2006, Gaussian Processes for Machine
Learning, algorithms 3.1 and 3.2), mixed over step sizes by their marginal likelihood. Without a random walk the
probabilities are recalibrated by level and slope, as Cox does (1958, Two Further Applications of a Model for Binary
Regression, Biometrika 45); bins without rows take after their neighbours, with the uncertainty of that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

Floats = NDArray[np.float64]
_Likelihood = Callable[[Floats], tuple[float, Floats, Floats]]

# Standard deviations of level and slope before data: a model fitted with class weights is off by several logits.
_LEVEL, _SLOPE = 3.0, 1.0
_STEPS = (0.0, 0.03, 0.07, 0.15, 0.3, 0.6)
_MOST_ITERATIONS = 100
_CONVERGED, _SMALLEST_STEP = 1e-6, 1e-6


@dataclass(frozen=True)
class _Posterior:
    """Laplace's approximation of the deviations of m bins.

    Attributes:
        mode: Most probable deviations (m,).
        covariance: Their covariance (m, m).
        evidence: Logarithm of the marginal likelihood.
    """

    mode: Floats
    covariance: Floats
    evidence: float


def draw_logit_deviations(
    rows: Floats, actual: Floats, logits: Floats, *, draws: int, rng: np.random.Generator
) -> Floats:
    """Draw by how much the logit of a class's frequency may exceed that of its predicted probability.

    Args:
        rows: Rows (k,) in each bin.
        actual: Rows (k,) of the class in each bin.
        logits: Logit (k,) of the predicted probability in each bin.
        draws: Number b of draws.
        rng: Draws them.

    Returns:
        Deviations (b, k).
    """
    seen = rows > 0
    counts, hits, offsets = rows[seen], actual[seen], logits[seen]

    def likelihood(deviations: Floats) -> tuple[float, Floats, Floats]:
        predictor = offsets + deviations
        shares = expit(predictor)
        value = float((hits * predictor - counts * np.logaddexp(0.0, predictor)).sum())
        return value, hits - counts * shares, counts * shares * (1 - shares)

    places = np.stack([logits, np.arange(len(rows))])
    return _draw(likelihood, places[:, seen], places, draws=draws, rng=rng)


def _draw(likelihood: _Likelihood, observed: Floats, wanted: Floats, *, draws: int, rng: np.random.Generator) -> Floats:
    """Draw deviations from the posterior, mixed over the step sizes of the random walk.

    Args:
        likelihood: Returns the logarithm of the likelihood, its gradient (k,) and minus its curvature (k,).
        observed: Positions on the slope, and bins of the random walk, of k bins with rows (2, k).
        wanted: The same of the bins (2, m) to draw for.
        draws: Number b of draws.
        rng: Draws them.

    Returns:
        Deviations (b, m).
    """
    count, middle = observed.shape[1], observed[0].mean()
    slopes, bins = np.concatenate([observed, wanted], axis=1)
    walk = np.minimum.outer(bins, bins)
    trend = _LEVEL**2 + _SLOPE**2 * np.outer(slopes - middle, slopes - middle)
    posteriors = [_find_posterior(likelihood, trend + step**2 * walk, count) for step in _STEPS]
    evidence = np.array([posterior.evidence for posterior in posteriors])
    shares = np.exp(evidence - evidence.max())
    counts = rng.multinomial(draws, shares / shares.sum())
    parts = [
        posterior.mode + rng.standard_normal((size, len(posterior.mode))) @ _root(posterior.covariance)
        for posterior, size in zip(posteriors, counts, strict=True)
        if size
    ]
    return np.asarray(rng.permutation(np.concatenate(parts)))


def _find_posterior(likelihood: _Likelihood, prior: Floats, count: int) -> _Posterior:
    """Find the posterior of the bins behind the first ``count``, which are observed."""
    covariance, across = prior[:count, :count], prior[count:, :count]
    weights, objective = _maximize(likelihood, covariance)
    root = np.sqrt(likelihood(covariance @ weights)[2])
    factor = cho_factor(np.eye(count) + root[:, None] * covariance * root, lower=True)
    scaled = root[:, None] * across.T
    evidence = objective - float(np.log(np.diag(factor[0])).sum())
    return _Posterior(across @ weights, prior[count:, count:] - scaled.T @ cho_solve(factor, scaled), evidence)


def _maximize(likelihood: _Likelihood, covariance: Floats) -> tuple[Floats, float]:
    """Find the mode by Newton's method with halved steps, so that no step lowers the posterior density.

    Returns:
        Weights (k,), whose product with the covariance is the mode, and the logarithm of the density there.
    """
    weights = np.zeros(len(covariance))
    objective = likelihood(weights)[0]
    for _ in range(_MOST_ITERATIONS):
        mode = covariance @ weights
        _, gradient, curvature = likelihood(mode)
        root = np.sqrt(curvature)
        factor = cho_factor(np.eye(len(mode)) + root[:, None] * covariance * root, lower=True)
        target = curvature * mode + gradient
        step = target - root * cho_solve(factor, root * (covariance @ target)) - weights
        size, best = 1.0, (weights, objective)
        while size > _SMALLEST_STEP:
            trial = weights + size * step
            shift = covariance @ trial
            value = likelihood(shift)[0] - 0.5 * float(trial @ shift)
            if value > objective:
                best = trial, value
                break
            size /= 2
        gain, (weights, objective) = best[1] - objective, best
        if gain < _CONVERGED:
            break
    return weights, objective


def _root(covariance: Floats) -> Floats:
    """Return a matrix (m, m) whose transpose times itself is the covariance; rounding errors below 0 are cut."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.asarray((vectors * np.sqrt(np.clip(values, 0.0, None))).T)
