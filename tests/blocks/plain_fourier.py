"""The generator of `vocoder.fourier` in plain NumPy, one item and one frame at a time, in float64."""

import numpy as np


def norm(x, p):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6) * p["scale"] + p["bias"]


def dense(x, p):
    return x @ p["kernel"] + p["bias"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def around(x, t, taps):
    """(taps, channels) about frame t, zeros beyond the ends."""
    half = taps // 2
    return np.stack([x[k] if 0 <= k < len(x) else np.zeros_like(x[0]) for k in range(t - half, t + half + 1)])


def generator(mel, params, layers):
    """Log-magnitude and phase (T, F) of a scaled log-mel (T, M)."""
    w = params["taps"]
    h = np.stack([np.tensordot(around(mel, t, len(w)), w, 2) + params["bias"] for t in range(len(mel))])
    h = norm(h, params["norm_in"])
    for n in range(layers):
        p = params[f"block_{n}"]
        deep = np.stack([(around(h, t, len(p["taps"])) * p["taps"]).sum(0) + p["bias"] for t in range(len(h))])
        h = h + p["gain"] * dense(gelu(dense(norm(deep, p["norm"]), p["widen"])), p["narrow"])
    out = dense(norm(h, params["norm_out"]), params["head"])
    half = out.shape[1] // 2
    return np.minimum(out[:, :half], 5.0), out[:, half:]


def speak(mel, params, layers, hop):
    """The wave (T * hop)."""
    log_magnitude, phase = generator(mel, params, layers)
    frames = np.fft.irfft(np.exp(log_magnitude) * np.exp(1j * phase))
    size = frames.shape[1]
    window = np.hanning(size + 1)[:-1]
    wave, weight = np.zeros((2, (len(mel) - 1) * hop + size))
    for t, frame in enumerate(frames):
        wave[t * hop : t * hop + size] += window * frame
        weight[t * hop : t * hop + size] += window**2
    side = (size - hop) // 2
    part = slice(side, side + len(mel) * hop)
    return wave[part] / weight[part]
