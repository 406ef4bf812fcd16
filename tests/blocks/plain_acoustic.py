"""The layers of `blocks.common.torch_nn` as loops in plain NumPy, for one item without padding.

Axes: N phones, T frames, D channels.
"""

import numpy as np


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def hard(x_ND, durations_N):
    return np.array([x_ND[n] for n, frames in enumerate(durations_N) for _ in range(frames)])


def gaussian(x_ND, durations_N, ranges_N):
    ends, said = np.cumsum(durations_N), [n for n, frames in enumerate(durations_N) if frames]
    made = []
    for t in range(ends[-1]):
        far = [(t + 0.5 - (ends[n] - durations_N[n] / 2)) / ranges_N[n] for n in said]
        weights = softmax(np.array([-(d**2) / 2 for d in far]))
        made.append(sum(w * x_ND[n] for w, n in zip(weights, said, strict=True)))
    return np.array(made)


def within(durations_N):
    made = []
    for frames in durations_N:
        for t in range(frames):
            share = (t + 0.5) / frames
            made.append([share, 1 - abs(2 * share - 1), np.log(frames)])
    return np.array(made)


def rotated(x_D, position):
    half = len(x_D) // 2
    turned = np.empty(len(x_D))
    for k in range(half):
        turn = np.exp(1j * position / 10000 ** (k / half))
        pair = (x_D[k] + 1j * x_D[half + k]) * turn
        turned[k], turned[half + k] = pair.real, pair.imag
    return turned


def attention(x_TD, weights, heads):
    """`weights`: taken and given, each with weight and bias, as `Attention` names them."""
    T, D = x_TD.shape
    size = D // heads
    taken = x_TD @ weights["taken.weight"].T + weights["taken.bias"]
    made = np.zeros((T, D))
    for head in range(heads):
        q, k, v = (taken[:, part * D + head * size : part * D + (head + 1) * size] for part in range(3))
        for t in range(T):
            scores = [rotated(q[t], t) @ rotated(k[s], s) / np.sqrt(size) for s in range(T)]
            made[t, head * size : (head + 1) * size] = softmax(np.array(scores)) @ v
    return made @ weights["given.weight"].T + weights["given.bias"]


def of_phones(values_T, durations_N, mean):
    ends = np.cumsum(durations_N)
    return [mean(values_T[end - frames : end]) for end, frames in zip(ends, durations_N, strict=True)]
