"""RNN_MS in plain NumPy, one sample at a time in float64: what `vocoder.rnn_ms` is held against."""

import numpy as np


def double(tree):
    return {k: double(v) for k, v in tree.items()} if isinstance(tree, dict) else np.asarray(tree, np.float64)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def turn(p: dict, x, h):
    """One step of a recurrent unit whose reset gate is applied after the product."""
    given, inner, H = x @ p["into"] + p["bias"], p["over"] @ h, len(h)
    reset = sigmoid(given[:H] + inner[:H])
    update = sigmoid(given[H : 2 * H] + inner[H : 2 * H])
    candidate = np.tanh(given[2 * H :] + reset * (inner[2 * H :] + p["last"][:, 0]))
    return (1 - update) * candidate + update * h


def through(p: dict, xs, backward: bool):
    h, made = np.zeros(p["over"].shape[1]), []
    for x in xs[::-1] if backward else xs:
        h = turn(p, x, h)
        made.append(h)
    return np.array(made[::-1] if backward else made)


def condition(variables: dict, mel, layers: int):
    """(R, M) -> (R, C)"""
    x = (mel - variables["fixed"]["mean"]) * variables["fixed"]["scale"]
    for n in range(layers):
        made = [through(variables["params"][f"{way}_{n}"], x, way == "backward") for way in ("forward", "backward")]
        x = np.concatenate(made, axis=1)
    return x


def logits(p: dict, h):
    return np.maximum(h @ p["first"]["w"] + p["first"]["b"], 0) @ p["last"]["w"] + p["last"]["b"]


def fed(variables: dict, known, codes, hop: int):
    """Logits (S, K) of codes 1.. given all before."""
    p, h, made = variables["params"], np.zeros(variables["params"]["spoken"]["over"].shape[1]), []
    for s, code in enumerate(codes[:-1]):
        h = turn(p["spoken"], np.concatenate([p["embed"][code], known[s // hop]]), h)
        made.append(logits(p, h))
    return np.array(made)


def spoken(variables: dict, known, hop: int, chance, first: int, sharp):
    """Codes (S) drawn with one number in 0..1 each, by the inverse of the distribution, and their logits."""
    p, h, codes, made = variables["params"], np.zeros(variables["params"]["spoken"]["over"].shape[1]), [first], []
    for s, u in enumerate(chance):
        h = turn(p["spoken"], np.concatenate([p["embed"][codes[-1]], known[s // hop]]), h)
        made.append(sharp[s // hop] * logits(p, h))
        odds = np.exp(made[-1] - made[-1].max())
        codes.append(int(np.searchsorted(np.cumsum(odds), u * odds.sum(), side="right")))
    return np.array(codes[1:]), np.array(made)


def nats(logits_SK, codes):
    whole = np.log(np.exp(logits_SK - logits_SK.max(axis=1, keepdims=True)).sum(axis=1)) + logits_SK.max(axis=1)
    return whole - logits_SK[np.arange(len(codes)), codes]
