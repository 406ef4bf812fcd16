"""The log-mel of a spec in plain NumPy and float64, frame by frame: slow, short, and sharing nothing with the kernel."""

import numpy as np

from blocks.spec import AudioSpec


def mel_edges(spec: AudioSpec) -> np.ndarray:
    if spec.mel_scale == "htk":
        low, high = (1127.0 * np.log1p(hz / 700.0) for hz in (spec.f_min, spec.f_max))
        return 700.0 * np.expm1(np.linspace(low, high, spec.n_mels + 2) / 1127.0)
    # 200 Hz are 3 mels up to 1 kHz; above, 27 mels are a factor of 6.4.
    low, high = (
        hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4) for hz in (spec.f_min, spec.f_max)
    )
    mels = np.linspace(low, high, spec.n_mels + 2)
    return np.where(mels < 15, mels * 200 / 3, 1000.0 * 6.4 ** ((mels - 15) / 27))


def filters(spec: AudioSpec) -> np.ndarray:
    """float64 (bins, mels)."""
    hz = np.fft.rfftfreq(spec.n_fft, 1 / spec.sample_rate)
    edges, out = mel_edges(spec), np.zeros((len(hz), spec.n_mels))
    for m in range(spec.n_mels):
        out[:, m] = np.interp(hz, edges[m : m + 3], [0.0, 1.0, 0.0], left=0.0, right=0.0)
        if spec.norm == "slaney":
            out[:, m] *= 2 / (edges[m + 2] - edges[m])
        if spec.norm == "l1":
            out[:, m] /= np.abs(out[:, m]).sum()
    return out


def log_mel(wave: np.ndarray, spec: AudioSpec) -> np.ndarray:
    """float64 (frames, mels)."""
    x = np.asarray(wave, np.float64)
    if spec.preemphasis:
        x = np.concatenate([[3 * x[0] - x[1]], x[1:] - spec.preemphasis * x[:-1]])
    x = np.pad(x, spec.pads(len(x)), mode=spec.pad_mode)
    steps = spec.win_length - (spec.window == "hann_symmetric")
    window = np.zeros(spec.n_fft)
    first = (spec.n_fft - spec.win_length) // 2
    window[first : first + spec.win_length] = np.sin(np.pi * np.arange(spec.win_length) / steps) ** 2
    rows = []
    for start in range(0, len(x) - spec.n_fft + 1, spec.hop_length):
        spectrum = np.fft.rfft(x[start : start + spec.n_fft] * window)
        power = spectrum.real**2 + spectrum.imag**2
        power = (
            power + spec.magnitude_eps if spec.magnitude_eps_mode == "add" else np.maximum(power, spec.magnitude_eps)
        )
        rows.append(power ** (spec.power / 2) @ filters(spec))
    mel = np.array(rows)
    mel = mel + spec.log_floor if spec.log_floor_mode == "add" else np.maximum(mel, spec.log_floor)
    mel = np.log10(mel) if spec.log_base == "10" else np.log(mel)
    return np.clip(spec.log_gain * mel + spec.log_offset, spec.log_min, spec.log_max)
