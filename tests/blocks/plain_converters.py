"""The networks of converters as plain NumPy, one item at a time: what the torch networks must agree with.

Weights are a state dict of float64 arrays. Axes: T frames, D channels.
"""

import numpy as np

from blocks.common.mel import mel_filters


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)


def filtered(w, name, x):
    """A convolution of an odd kernel over (T, D), zeros beyond both ends."""
    kernel = w[f"{name}.weight"]  # (out, in, size)
    half = kernel.shape[2] // 2
    padded = np.pad(x, ((half, half), (0, 0)))
    columns = np.stack([padded[t : t + kernel.shape[2]].T for t in range(len(x))])
    return np.einsum("tik,oik->to", columns, kernel) + w[f"{name}.bias"]


def layer_norm(w, name, x):
    centred = x - x.mean(axis=1, keepdims=True)
    scaled = centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def instance_norm(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


def filters(w, name, x, residual):
    for number in range(3):
        y = filtered(w, f"{name}.filters.{number}", x)
        norm = f"{name}.norms.{number}"
        y = np.maximum(layer_norm(w, norm, y) if f"{norm}.weight" in w else instance_norm(y), 0)
        x = x + y if residual and number else y
    return x


def gru(w, name, x, suffix):
    wi, wh, bi, bh = (w[f"{name}.{part}_{suffix}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h, made = np.zeros(wh.shape[1]), []
    for row in x:
        (ir, iz, i_new), (hr, hz, h_new) = np.split(wi @ row + bi, 3), np.split(wh @ h + bh, 3)
        z = sigmoid(iz + hz)
        h = (1 - z) * np.tanh(i_new + sigmoid(ir + hr) * h_new) + z * h
        made.append(h)
    return np.stack(made)


def lstm(w, name, x, suffix):
    wi, wh, bi, bh = (w[f"{name}.{part}_{suffix}"] for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h, c, made = np.zeros(wh.shape[1]), np.zeros(wh.shape[1]), []
    for row in x:
        i, f, g, o = np.split(wi @ row + bi + wh @ h + bh, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        made.append(h)
    return np.stack(made)


def recurrent(layer, w, name, x, layers=1, both_ways=True):
    for number in range(layers):
        ways = [layer(w, name, x, f"l{number}")]
        if both_ways:
            ways.append(layer(w, name, x[::-1], f"l{number}_reverse")[::-1])
        x = np.concatenate(ways, axis=1)
    return x


def beside(layer, w, name, x, residual, **shape):
    y = linear(w, f"{name}.back", recurrent(layer, w, f"{name}.states.layers", x, **shape))
    return x + y if residual else y


def thinned(states, every):
    half, T = states.shape[1] // 2, len(states)
    return np.stack([[*states[min(t + every, T) - 1, :half], *states[t, half:]] for t in range(0, T, every)])


def copycat(w, config, mel, phones, pitch, source, target):
    """The log-mel (T, M) of scaled pitch (T, 2), numbers of states (T), and voices as rows of the table `speaker`."""
    T, every = len(mel), config.every
    voices = w["voice.each.of_speaker.table.weight"]
    at = {"source": voices[source], "target": voices[target], "none": np.zeros(voices.shape[1])}
    table = w["phones.weight"].reshape(len(w["phones.weight"]), 3, -1)

    def beside_voice(x, whose):
        return np.concatenate([x, np.tile(at[whose], (T, 1))], axis=1)

    def phonetics(whose):
        said = np.stack([table[(state + 2) // 3, (state - 1) % 3] if state else table[0, 0] for state in phones])
        x = filters(w, "phone_filters", beside_voice(said, whose), config.residual)
        return beside(lstm, w, "phone_states", x, config.residual)

    scaled = (mel - w["mel_mean"]) / w["mel_std"]
    mel_part = filters(w, "mel_filters", beside_voice(scaled, "source"), config.residual)
    states = recurrent(
        gru, w, "mel_states.layers", beside_voice(np.concatenate([mel_part, phonetics("source")], 1), "source")
    )
    codes = linear(w, "code", thinned(states, every))[:, : 2 * config.codes]
    parts = [phonetics(config.phone_voice), np.repeat(codes, every, axis=0)[:T]]
    x = filters(
        w, "filters", np.concatenate([beside_voice(np.concatenate(parts, 1), "target"), pitch], 1), config.residual
    )
    return linear(w, "out", beside(gru, w, "states", x, config.residual)) * w["mel_std"] + w["mel_mean"]


def autovc(w, config, mel, source, target):
    T, every = len(mel), config.every
    voices = w["voice.each.of_speaker.table.weight"]
    scaled = (mel - w["mel_mean"]) / w["mel_std"]
    x = filters(w, "mel_filters", np.concatenate([scaled, np.tile(voices[source], (T, 1))], 1), config.residual)
    codes = thinned(recurrent(lstm, w, "mel_states.layers", x, layers=2), every)
    conditioning = np.concatenate([np.repeat(codes, every, axis=0)[:T], np.tile(voices[target], (T, 1))], axis=1)
    x = beside(
        lstm,
        w,
        "states",
        filters(w, "filters", conditioning, config.residual),
        config.residual,
        layers=3,
        both_ways=False,
    )
    coarse = y = linear(w, "out", x)
    for number in range(5):
        y = filtered(w, f"postnet.{number}", y)
        y = np.maximum(y, 0) if number < 4 else y
    return (coarse + y) * w["mel_std"] + w["mel_mean"]


def batch_filters(w, name, x, residual):
    """Convolutions, each with the kept statistics of its batch norm."""
    for number in range(3):
        norm = f"{name}.norms.{number}"
        y = filtered(w, f"{name}.filters.{number}", x)
        y = (y - w[f"{norm}.running_mean"]) / np.sqrt(w[f"{norm}.running_var"] + 1e-5)
        y = np.maximum(y * w[f"{norm}.weight"] + w[f"{norm}.bias"], 0)
        x = x + y if residual and number else y
    return x


def pulses(pitch, spec):
    """The log-mel of each frame's pulse train, harmonic by harmonic."""
    hz = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate / spec.n_fft
    filters = mel_filters(spec) / mel_filters(spec).sum(0)
    made = np.zeros((len(pitch), spec.n_mels))
    for frame, (log_f0, voiced) in enumerate(np.asarray(pitch, np.float64)):
        f0, spectrum = np.exp(0.4 * log_f0 + np.log(150)), np.zeros(len(hz))
        for harmonic in range(1, int(spec.sample_rate / f0)):
            bins = (hz - harmonic * f0) * spec.win_length / spec.sample_rate
            spectrum = np.maximum(spectrum, np.where(np.abs(bins) < 2, np.cos(np.pi * bins / 4) ** 2, 0))
        comb = spectrum @ filters
        made[frame] = voiced * np.log(comb / comb.mean() + 0.01)
    return made


def voice_filter(w, config, mel, pitch, source, target, spec=None):
    scaled = (mel - w["mel_mean"]) / w["mel_std"]
    voice = np.tile(w["voice.each.of_speaker.table.weight"][target], (len(mel), 1))
    x = batch_filters(w, "before", scaled, config.residual)
    comb = [pulses(pitch, spec)] if config.harmonics else []
    x = batch_filters(w, "after", np.concatenate([x, voice, pitch, *comb], 1), config.residual)
    made = linear(w, "out", np.concatenate([lstm(w, "states", x, "l0"), *comb], 1))
    return (made + scaled if config.residual else made) * w["mel_std"] + w["mel_mean"]
