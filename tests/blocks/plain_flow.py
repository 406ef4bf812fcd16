"""A Glow-type flow in plain NumPy, one item and one formula at a time, in float64: what `flow.affine` is checked against.

No padding, no batches, no folding: a (T, M) log-mel, frame conditions (T, F) and a vector (E), where there are any.
"""

import numpy as np

LIMIT = 2.0


def conv(x, w):
    """(T, O) from (T, I) and an odd number of taps (K, I, O)."""
    half = len(w) // 2
    return np.stack(
        [
            sum(x[t + k - half] @ w[k] for k in range(len(w)) if 0 <= t + k - half < len(x))
            for t in range(len(x))
        ]
    )  # fmt: skip


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def coupling(a, p, frames=None, vector=None):
    """Log-scale and shift of the other half of the channels."""
    layers = sum(name.startswith("conv_") for name in p)
    H = p["start"]["kernel"].shape[1]
    h, skipped = dense(a, p["start"]), 0
    for n in range(layers):
        gates = conv(h, p[f"conv_{n}"]) + p[f"bias_{n}"]
        here = slice(2 * H * n, 2 * H * (n + 1))
        if frames is not None:
            gates = gates + dense(frames, p["frames"])[:, here]
        if vector is not None:
            gates = gates + dense(vector, p["vector"])[here]
        out = dense(np.tanh(gates[:, :H]) / (1 + np.exp(-gates[:, H:])), p[f"out_{n}"])
        skipped = skipped + out[:, -H:]
        h = h + out[:, :H]
    raw, shift = np.split(dense(skipped, p["end"]), 2, axis=1)
    return LIMIT * np.tanh(raw / LIMIT), shift


def mix(p, fixed):
    """The matrix P L U of a block."""
    L = np.tril(p["lower"], -1) + np.eye(len(p["lower"]))
    U = np.triu(p["upper"], 1) + np.diag(fixed["sign"] * np.exp(p["log_diagonal"]))
    return np.eye(len(L))[fixed["order"]] @ L @ U


def encode(params, fixed, squeeze, x, frames=None, vector=None):
    """The latent (T, M) and the log-determinant."""
    x = (x + params["norm"]["shift"]) * np.exp(params["norm"]["log_scale"])
    logdet = params["norm"]["log_scale"].sum() * len(x)
    whole = len(x) // squeeze * squeeze
    z = x[:whole].reshape(whole // squeeze, -1)
    frames = None if frames is None else frames[:whole].reshape(whole // squeeze, -1)
    for k in range(len(params["blocks"]["norm"]["shift"])):
        p, f = pick(params["blocks"], k), pick(fixed["blocks"]["mix"], k)
        z = (z + p["norm"]["shift"]) * np.exp(p["norm"]["log_scale"]) @ mix(p["mix"], f)
        a, b = np.split(z, 2, axis=1)
        log_s, t = coupling(a, p["coupling"], frames, vector)
        z = np.concatenate([a, b * np.exp(log_s) + t], axis=1)
        logdet += len(z) * (p["norm"]["log_scale"].sum() + np.log(abs(np.linalg.det(mix(p["mix"], f))))) + log_s.sum()
    return np.concatenate([z.reshape(whole, -1), x[whole:]]), logdet


def pick(tree, k):
    return {name: pick(value, k) if isinstance(value, dict) else value[k] for name, value in tree.items()}
