"""What a softmax over many classes costs, in pieces: logits of all samples at once would be most of the memory.

Axes: N samples, L inputs, K classes.
"""

import jax
import jax.numpy as jnp

PIECE = 2048  # samples at once


def nats(x_NL, w_LK, b_K, truth_N):
    """Nats (N) that each true class costs."""
    cost = jax.lax.map(lambda part: _nats(part[0], w_LK, b_K, part[1])[0], _pieces(x_NL, truth_N))
    return cost.reshape(-1)[: len(x_NL)]


@jax.custom_vjp
def mean_nats(x_NL, w_LK, b_K, truth_N, weight_N):
    """Their weighted mean. Its gradient is made on the way, so that no logit is computed twice."""
    return (nats(x_NL, w_LK, b_K, truth_N) * weight_N).sum() / _whole(weight_N)


def _forward(x_NL, w_LK, b_K, truth_N, weight_N):
    def piece(sums, part):
        x, truth, weight = part
        cost, logits, top = _nats(x, w_LK, b_K, truth)
        wrong = jnp.exp(logits - (top)[:, None]) - (truth[:, None] == jnp.arange(logits.shape[1]))
        wrong = wrong * weight[:, None]
        made = (cost * weight).sum(), x.T @ wrong, wrong.sum(0)
        return jax.tree.map(jnp.add, sums, made), wrong @ w_LK.T

    share_N = weight_N / _whole(weight_N)
    none = jnp.zeros(()), jnp.zeros_like(w_LK), jnp.zeros_like(b_K)
    (total, g_w, g_b), g_x = jax.lax.scan(piece, none, _pieces(x_NL, truth_N, share_N))
    return total, (g_x.reshape(-1, x_NL.shape[1])[: len(x_NL)], g_w, g_b)


def _backward(made, g):
    g_x, g_w, g_b = made
    return g * g_x, g * g_w, g * g_b, None, None


mean_nats.defvjp(_forward, _backward)


def _whole(weight_N):
    """Their sum; of nothing, which costs nothing, not zero."""
    return jnp.maximum(weight_N.sum(), 1e-9)


def _nats(x_NL, w_LK, b_K, truth_N):
    logits = x_NL @ w_LK + b_K
    whole = jax.nn.logsumexp(logits, axis=1)
    return whole - jnp.take_along_axis(logits, truth_N[:, None], axis=1)[:, 0], logits, whole


def _pieces(*arrays):
    """Each as (pieces, samples of a piece, ...), with zeros at the end."""
    size = min(PIECE, len(arrays[0]))
    short = -len(arrays[0]) % size
    return tuple(jnp.pad(a, [(0, short)] + [(0, 0)] * (a.ndim - 1)).reshape(-1, size, *a.shape[1:]) for a in arrays)
