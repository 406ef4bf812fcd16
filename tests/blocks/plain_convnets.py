"""The generators of `vocoder.vocos` and `vocoder.istftnet` in plain NumPy, one item, in float64."""

import numpy as np

from blocks.common.mel import mel_filters, mel_power
from tests.blocks.plain_fourier import around, dense, gelu, norm


def overlapped(spectrum, hop):
    """(T * hop,) of spectra (T, F): windowed inverse transforms, each centred on its own hop, over the sum of squared windows."""
    T, size = len(spectrum), 2 * (spectrum.shape[1] - 1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    wave, weight = np.zeros(T * hop + 2 * size), np.zeros(T * hop + 2 * size)
    for t, frame in enumerate(np.fft.irfft(spectrum, n=size)):
        at = size + t * hop - (size - hop) // 2
        wave[at : at + size] += frame * window
        weight[at : at + size] += window**2
    part = slice(size, size + T * hop)
    return wave[part] / np.maximum(weight[part], 1e-3)


def vocos(log_mel, scale, params, layers, spec, size, prior):
    """(T * hop,)"""
    x = (log_mel - scale[0]) / scale[1]
    w = params["taps"]
    h = np.stack([np.tensordot(around(x, t, len(w)), w, 2) + params["bias"] for t in range(len(x))])
    h = norm(h, params["norm_in"])
    for n in range(layers):
        p = params[f"block_{n}"]
        deep = np.stack([(around(h, t, len(p["taps"])) * p["taps"]).sum(0) + p["bias"] for t in range(len(h))])
        h = h + p["gain"] * dense(gelu(dense(norm(deep, p["norm"]), p["widen"])), p["narrow"])
    log_magnitude, phase = np.split(dense(norm(h, params["norm_out"]), params["head"]), 2, axis=1)
    if prior:
        filters = mel_filters(spec).astype(np.float64)
        bins = mel_power(log_mel, spec).astype(np.float64) @ np.linalg.pinv(filters)
        at = np.arange(size // 2 + 1) * spec.n_fft / size
        bins = np.stack([np.interp(at, np.arange(len(filters)), row) for row in bins])
        log_magnitude = log_magnitude + np.log(np.maximum(np.abs(bins), 1e-5)) / spec.power
    return overlapped(np.minimum(np.exp(log_magnitude), 150.0) * np.exp(1j * phase), spec.hop_length)


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def normed(p, axes):
    return p["direction"] / np.sqrt((p["direction"] ** 2).sum(axes)) * p["length"]


def conv(x, p, dilation=1):
    """(T, C) -> (T, O), tap by tap."""
    w, out = normed(p, (0, 1)), np.tile(p["bias"].astype(np.float64), (len(x), 1))
    for k, tap in enumerate(w):
        for t in range(len(x)):
            if 0 <= (at := t + (k - len(w) // 2) * dilation) < len(x):
                out[t] += x[at] @ tap
    return out


def raised(x, p, rate):
    """A transposed convolution: each position adds 2 * rate samples to what it becomes."""
    T, width = len(x), len(p["bias"])
    w = normed(p, (0,)).reshape(-1, 2 * rate, width)
    out = np.zeros(((T + 1) * rate, width))
    for t in range(T):
        out[t * rate : (t + 2) * rate] += np.einsum("c,cko->ko", x[t], w)
    return out[rate // 2 : rate // 2 + T * rate] + p["bias"]


def istftnet(log_mel, scale, params, config, hop):
    """(T * hop,)"""
    h, times = conv((log_mel - scale[0]) / scale[1], params["first"]), 1
    for n, rate in enumerate(config.rates):
        h, times = raised(leaky(h), params[f"up_{n}"], rate), times * rate
        several = []
        for k, dilations in enumerate(config.dilations):
            x = h
            for m, dilation in enumerate(dilations):
                x = x + conv(leaky(x), params[f"block_{n}_{k}"][f"conv_{m}"], dilation)
            several.append(x)
        h = sum(several) / len(several)
    log_magnitude, phase = np.split(conv(leaky(h), params["last"]), 2, axis=1)
    return overlapped(np.minimum(np.exp(log_magnitude), 50.0) * np.exp(1j * phase), hop // times)
