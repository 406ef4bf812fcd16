"""A Glow-type flow in plain NumPy, one item and one formula at a time, in float64: what `flow.affine` is checked against.

No padding, no batches, no folding: a (T, M) log-mel, and a dict of what is given of it: `frames` (T, F), `prior_mean` (T, M),
`globals.NAME` (a row or a vector), `phones` (N) rows and `owners` (T).
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


def layer_norm(x, p):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * p["scale"] + p["bias"]


def bounded(x):
    return LIMIT * np.tanh(x / LIMIT)


def row_of(table, row):
    return table[row] * (np.asarray(row) > 0)[..., None]


def encoder(phones, p):
    """(N, D) of rows (N)."""
    h = row_of(p["phones"]["table"], phones)
    for n in range(sum(name.startswith("conv_") for name in p)):
        h = h + np.maximum(conv(layer_norm(h, p[f"norm_{n}"]), p[f"conv_{n}"]) + p[f"bias_{n}"], 0)
    return dense(layer_norm(h, p["norm"]), p["end"])


def conditioning(p, given, names):
    """Conditions of frames (T, F) and of the whole (E), and the prior's means (T, M) or 0."""
    frames, mean = [given["frames"]] if "frames" in given else [], given.get("prior_mean", 0.0)
    if "phones" in p:
        frames.append(encoder(given["phones"], p["phones"])[given["owners"]])
    if "prior" in p:
        mean = encoder(given["phones"], p["prior"])[given["owners"]]
    whole = []
    for name, rows, _ in names:
        value = given[f"globals.{name}"]
        whole.append(row_of(p["whole"][name]["table"], value) if rows else value / np.sqrt((value**2).mean()))
    return np.concatenate(frames, 1) if frames else None, np.concatenate(whole) if whole else None, mean


def gated(a, p, frames=None, vector=None):
    """A WaveNet-like net (G, out)."""
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
    return dense(skipped, p["end"])


def changed(a, b, p, frames=None, vector=None):
    """The second half of the channels, and the log-determinant of its change."""
    logdet = 0.0
    if "normal" in p:  # SNAC: both halves normalised by what the vector says, which is not told to the net
        mean_a, mean_b, dev_a, dev_b = np.split(dense(vector, p["normal"]), 4)
        a, b, vector = (a - mean_a) / np.exp(bounded(dev_a)), (b - mean_b) / np.exp(bounded(dev_b)), None
        logdet = -len(b) * bounded(dev_b).sum()
    raw, shift = np.split(gated(a, p["net"], frames, vector), 2, axis=1)
    return b * np.exp(bounded(raw)) + shift, logdet + bounded(raw).sum()


def mix(p, fixed):
    """The matrix P L U of a block."""
    L = np.tril(p["lower"], -1) + np.eye(len(p["lower"]))
    U = np.triu(p["upper"], 1) + np.diag(fixed["sign"] * np.exp(p["log_diagonal"]))
    return np.eye(len(L))[fixed["order"]] @ L @ U


def encode(params, fixed, flow, x, given):
    """The latent and the prior's means (T, M), and the log-determinant."""
    n = flow.squeeze
    frames, vector, mean = conditioning(params.get("conditions", {}), given, flow.globals)
    x = (x + params["norm"]["shift"]) * np.exp(params["norm"]["log_scale"])
    logdet = params["norm"]["log_scale"].sum() * len(x)
    whole = len(x) // n * n
    z, finished = x[:whole].reshape(whole // n, -1), []
    frames = None if frames is None else frames[:whole].reshape(whole // n, -1)
    for k in range(flow.blocks):
        stage, place = divmod(k, flow.split_every) if flow.split else (0, k)
        if k and flow.split and place == 0:
            finished.append(z[:, : flow.split])
            z = z[:, flow.split :]
        p, f = pick(params[f"stage_{stage}"], place), pick(fixed[f"stage_{stage}"]["mix"], place)
        z = (z + p["norm"]["shift"]) * np.exp(p["norm"]["log_scale"]) @ mix(p["mix"], f)
        a, b = np.split(z, 2, axis=1)
        b, more = changed(a, b, p["coupling"], frames, vector)
        z = np.concatenate([a, b], axis=1)
        logdet += len(z) * (p["norm"]["log_scale"].sum() + np.log(abs(np.linalg.det(mix(p["mix"], f))))) + more
    z = np.concatenate([*finished, z], axis=1)
    mean = np.broadcast_to(mean, x.shape) * (np.arange(len(x)) < whole)[:, None]
    return np.concatenate([z.reshape(whole, -1), x[whole:]]), mean, logdet


def pick(tree, k):
    return {name: pick(value, k) if isinstance(value, dict) else value[k] for name, value in tree.items()}
