"""Integrals that several tests compare with."""

import itertools

import numpy as np
from scipy import integrate  # type: ignore[import-untyped]


def true_kl(alpha):
    """Returns KL(N(1, alpha) || log-uniform) up to a constant, by quadrature.

    With p(w) proportional to 1 / |w|, minus KL is the entropy, 0.5 log(alpha) + constant, plus
    E[log p] = -E[log |w|].
    """
    sigma = np.sqrt(alpha)

    def integrand(w):
        density = np.exp(-((w - 1) ** 2) / (2 * alpha)) / (sigma * np.sqrt(2 * np.pi))
        return np.log(np.abs(w)) * density

    low, high = 1 - 12 * sigma, 1 + 12 * sigma
    cuts = [low, *(cut for cut in (0, 1) if low < cut < high), high]
    parts = [integrate.quad(integrand, *ends)[0] for ends in itertools.pairwise(cuts)]
    return sum(parts) - 0.5 * np.log(alpha)


def true_moments(function, mean, scale):
    """Returns the mean and variance of a function of N(mean, scale**2), by the trapezoid rule."""
    z = np.linspace(-12, 12, 100_001)
    weights = np.exp(-(z**2) / 2)
    weights /= weights.sum()
    values = function(np.asarray(mean)[..., None] + np.asarray(scale)[..., None] * z)
    first = values @ weights
    return first, (values - first[..., None]) ** 2 @ weights


def assert_moments(samples, mean, variance):
    """Asserts that columns of n samples have these moments, within 4 standard errors each."""
    n = len(samples)
    z = (np.asarray(samples, np.float64) - mean) / np.sqrt(variance)
    for power, moment in ((1, 0), (2, 1)):
        bound = 4 * (z**power).std(0) / np.sqrt(n)
        assert (np.abs((z**power).mean(0) - moment) < bound).all(), (power, n, bound)
