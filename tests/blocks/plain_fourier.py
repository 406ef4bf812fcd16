"""The generator of `vocoder.fourier` in plain NumPy, one item and one frame at a time, in float64."""

import numpy as np

from blocks.common.mel import linear_magnitude


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
    """How far the log-magnitude is from the mel's own, and the phase, (T, F), of a scaled log-mel (T, M)."""
    w = params["taps"]
    h = np.stack([np.tensordot(around(mel, t, len(w)), w, 2) + params["bias"] for t in range(len(mel))])
    h = norm(h, params["norm_in"])
    for n in range(layers):
        p = params[f"block_{n}"]
        deep = np.stack([(around(h, t, len(p["taps"])) * p["taps"]).sum(0) + p["bias"] for t in range(len(h))])
        h = h + p["gain"] * dense(gelu(dense(norm(deep, p["norm"]), p["widen"])), p["narrow"])
    h = norm(h, params["norm_out"])
    return dense(h, params["beyond"]), dense(h, params["phase"])


def told(log_mel, spec, size):
    """The magnitude (T, F) that a log-mel tells by itself, on the bins of a transform of `size` samples."""
    power = linear_magnitude(log_mel, spec, steps=10).astype(np.float64) ** spec.power
    places = np.linspace(0, spec.n_fft // 2, size // 2 + 1)
    return np.stack([np.interp(places, np.arange(row.size), row) for row in power]) ** (1 / spec.power)


def frames(wave, count, size, hop):
    window, side = np.hanning(size + 1)[:-1], (size - hop) // 2
    padded = np.concatenate([np.zeros(side), wave, np.zeros(size)])
    return np.stack([np.fft.rfft(window * padded[t * hop : t * hop + size]) for t in range(count)])


def laid(spectrum, hop):
    parts = np.fft.irfft(spectrum)
    size = parts.shape[1]
    window = np.hanning(size + 1)[:-1]
    wave, weight = np.zeros((2, (len(parts) - 1) * hop + size))
    for t, part in enumerate(parts):
        wave[t * hop : t * hop + size] += window * part
        weight[t * hop : t * hop + size] += window**2
    side = (size - hop) // 2
    part = slice(side, side + len(parts) * hop)
    return wave[part] / weight[part]


def speak(log_mel, scale, params, layers, spec, size, rounds):
    """The wave (T * hop)."""
    mean, deviation = scale
    beyond, phase = generator((log_mel.astype(np.float64) - mean) / deviation, params, layers)
    magnitude = np.exp(np.minimum(np.log(told(log_mel, spec, size) + 1e-4) + beyond, 5.0))
    spectrum = before = magnitude * np.exp(1j * phase)
    for _ in range(rounds):
        heard = frames(laid(spectrum, spec.hop_length), len(phase), size, spec.hop_length)
        ahead = heard + 0.99 * (heard - before)
        spectrum, before = magnitude * ahead / np.sqrt(np.abs(ahead) ** 2 + 1e-8), heard
    return laid(spectrum, spec.hop_length)
