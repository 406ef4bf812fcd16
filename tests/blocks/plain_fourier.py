"""The generator of `vocoder.fourier` in plain NumPy, one item and one frame at a time, in float64."""

from itertools import pairwise

import numpy as np

from blocks.common.mel import mel_filters, mel_power


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


def generator(mel, likeness, params, layers):
    """All that the network tells of a scaled log-mel (T, M) and the likeness of pitches (T, C), by name."""
    mel = np.concatenate([mel, likeness], axis=1)
    w = params["taps"]
    h = np.stack([np.tensordot(around(mel, t, len(w)), w, 2) + params["bias"] for t in range(len(mel))])
    h = norm(h, params["norm_in"])
    for n in range(layers):
        p = params[f"block_{n}"]
        deep = np.stack([(around(h, t, len(p["taps"])) * p["taps"]).sum(0) + p["bias"] for t in range(len(h))])
        h = h + p["gain"] * dense(gelu(dense(norm(deep, p["norm"]), p["widen"])), p["narrow"])
    h = norm(h, params["norm_out"])
    return {name: dense(h, params[name]) for name in ("phase", "noisy", "pitch", "voiced")}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def likeness(log_mel, spec):
    """(T, C) of each of 192 pitches from 50 Hz, 48 to an octave: the cosine between reliefs of a mel and of its harmonics' mel."""
    filters, _ = shares(spec)
    hertz = np.linspace(0, spec.sample_rate / 2, len(filters))
    mels = [m for m in range(spec.n_mels) if hertz @ filters[:, m] / filters[:, m].sum() < 1300]

    def relief(x):
        return np.array([x[m] - x[max(0, m - 4) : m + 5].mean() for m in mels])

    reliefs = [relief(frame) for frame in np.log(np.maximum(mel_power(log_mel, spec), 1e-5).astype(np.float64))]
    found = np.empty((len(log_mel), 192))
    for c in range(192):
        pitch, lobe = 50 * 2 ** (c / 48), 2 * spec.sample_rate / spec.win_length
        apart = np.array([min(abs(f - k * pitch) for k in range(1, 200)) for f in hertz]) / lobe
        comb = np.where(apart < 1, 0.5 + 0.5 * np.cos(np.pi * apart), 0)
        want = relief(np.log(comb @ filters + 0.05 * filters.sum(0) + 1e-12))
        found[:, c] = [x @ want / np.sqrt(x @ x + 1e-6) / np.sqrt(want @ want) for x in reliefs]
    return found


def predicted_pitch(odds):
    """Hz of the log-odds (C) of pitches."""
    best = odds.argmax()
    near = np.arange(max(0, best - 4), min(len(odds), best + 5))
    share = np.exp(odds[near] - odds[best])
    return 50 * 2 ** ((share * near).sum() / share.sum() / 48)


def harmonics(pitch, hop, rate):
    """Cosines of all multiples of a pitch (T) in Hz, one after the other."""
    ends = np.concatenate([pitch[:1], pitch, pitch[-1:]])
    edges, place = (ends[1:] + ends[:-1]) / 2, (np.arange(hop) + 0.5) / hop
    turns, wave = 0.0, []
    for first, last in pairwise(edges):
        angle = 2 * np.pi * (turns + hop / rate * place * (first + 0.5 * place * (last - first)))
        count = np.floor(np.float32(0.49) * rate / (first + place * (last - first)))
        many = [np.sqrt(2 / n) * sum(np.cos(k * x) for k in range(1, int(n) + 1)) for x, n in zip(angle, count)]
        wave.extend(many)
        turns += hop / rate * (first + last) / 2
    return np.array(wave)


def shares(spec):
    """The filters (bins, M), and of each bin its share in each mel (M, bins)."""
    filters = mel_filters(spec).astype(np.float64)
    return filters, (filters / np.maximum(filters.sum(1, keepdims=True), 1e-12)).T


def gains(log_mel, source, spec):
    """How many times as strong a source (T, bins) must be, so that its mel becomes the one given."""
    filters, share = shares(spec)
    mel, first = mel_power(log_mel, spec), np.abs(source) ** spec.power
    power = first
    for _ in range(10):
        power = np.maximum(power * ((mel / np.maximum(power @ filters, 1e-12)) @ share), 1e-12)
    return power / first


def between(values, places):
    return np.stack([np.interp(places, np.arange(row.size), row) for row in values])


def frames(wave, count, size, hop, points=None):
    window, side = np.hanning(size + 1)[:-1], (size - hop) // 2
    padded = np.concatenate([np.zeros(side), wave, np.zeros(size)])
    return np.stack([np.fft.rfft(window * padded[t * hop : t * hop + size], points) for t in range(count)])


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


def early(gain):
    """Minimum phases (T, F) of gains."""
    cepstrum = np.fft.irfft(np.log(gain))
    cepstrum[:, 0] = 0
    cepstrum[:, 1 : cepstrum.shape[1] // 2] *= 2
    cepstrum[:, cepstrum.shape[1] // 2 + 1 :] = 0
    return np.fft.rfft(cepstrum).imag


def speak(log_mel, scale, params, layers, spec, size, rounds, noise, given=None):
    """The wave (T * hop), of a table of noise; and the pitch (T). A pitch that is given is used in its place."""
    (mean, deviation), hop, T = scale, spec.hop_length, len(log_mel)
    like = likeness(log_mel, spec)
    made = generator((log_mel.astype(np.float64) - mean) / deviation, like, params, layers)
    pitch = np.array([predicted_pitch(odds) for odds in made["pitch"] + 20 * like])
    tones, hiss = (
        harmonics(pitch if given is None else given, hop, spec.sample_rate),
        noise[:T].ravel().astype(np.float64),
    )
    _, share = shares(spec)
    places = np.linspace(0, spec.n_fft // 2, size // 2 + 1)
    tonal = sigmoid(made["voiced"]) * sigmoid(-made["noisy"])

    def mixed(points, spread):
        part = np.clip(tonal @ spread, 0, 1)
        projected = (frames(wave, T, size, hop, points) for wave in (tones, hiss))
        return sum(one * np.sqrt(weight + 1e-8) for one, weight in zip(projected, (part, 1 - part)))

    narrow = mixed(size, between(share, places))
    gain = gains(log_mel, np.sqrt(np.abs(mixed(spec.n_fft, share)) ** 2 + 1e-8), spec)
    small = np.sqrt(np.abs(narrow) ** 2 + 1e-8)
    magnitude = np.minimum(small * between(gain, places) ** (1 / spec.power), 150.0)
    spectrum = before = magnitude * narrow / small * np.exp(1j * (made["phase"] + early((magnitude + 1e-5) / small)))
    for _ in range(rounds):
        projected = frames(laid(spectrum, hop), T, size, hop)
        ahead = projected + 0.99 * (projected - before)
        spectrum, before = magnitude * ahead / np.sqrt(np.abs(ahead) ** 2 + 1e-8), projected
    return laid(spectrum, hop), pitch
