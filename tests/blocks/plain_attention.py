"""Both attentions and the guided loss as their papers write them: NumPy, one item, one phone at a time.

Axes: N phones, K kernel, F filters.
"""

from math import comb, gamma

import numpy as np


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def around(values, n, kernel):
    """What a filter of that size sees at place n, zeros beyond the ends."""
    at = n + np.arange(kernel) - kernel // 2
    return np.array([values[k] if 0 <= k < len(values) else 0.0 for k in at])


def location_sensitive(w, query, memory, last, total):
    """Chorowski et al. 2015: v . tanh(W s + V h_n + U f_n + b), f of the last weights and the sum of all."""
    energies = []
    for n, h in enumerate(memory):
        kernel = w["filters.weight"].shape[2]
        seen = np.stack((around(last, n, kernel), around(total, n, kernel)))
        f = np.array([(filter * seen).sum() for filter in w["filters.weight"]])
        inner = w["query.weight"] @ query + w["query.bias"] + w["key.weight"] @ h + w["place.weight"] @ f
        energies.append(w["score.weight"][0] @ np.tanh(inner))
    return softmax(np.array(energies))


def prior(taps, alpha, beta):
    """Beta-binomial over 0 .. taps - 1."""

    def b(x, y):
        return gamma(x) * gamma(y) / gamma(x + y)

    n = taps - 1
    return np.array([comb(n, k) * b(k + alpha, n - k + beta) / b(alpha, beta) for k in range(taps)])


def dynamic_convolution(w, query, last, chances):
    """Battenberg et al. 2020: v . tanh(U f_n + T g_n + b) + log p_n."""
    hidden = np.tanh(w["dynamic.0.weight"] @ query + w["dynamic.0.bias"])
    kernel = len(w["static"])
    made = (w["dynamic.2.weight"] @ hidden).reshape(kernel, -1)
    energies = []
    for n in range(len(last)):
        seen = around(last, n, kernel)
        features = np.concatenate((seen @ made, seen @ w["static"]))
        p = sum(chance * last[n - k] for k, chance in enumerate(chances) if n - k >= 0)
        inner = w["place.weight"] @ features + w["place.bias"]
        energies.append(w["score.weight"][0] @ np.tanh(inner) + np.log(max(p, 1e-6)))
    return softmax(np.array(energies))


def guided(weights, centres, width):
    """Tachibana et al. 2018, for each step: the sum over phones of weight times 1 - exp(-distance^2 / 2 width^2)."""
    return np.array(
        [
            sum(a * (1 - np.exp(-((n - centre) ** 2) / (2 * width**2))) for n, a in enumerate(row))
            for row, centre in zip(weights, centres)
        ]
    )
