"""How fast the features are: seconds of audio per second of one core, beside librosa's own functions in the same run.

    python benchmarks/features.py [--seconds 60] [--rounds 7]

Every library is held to one thread by the environment variables below, which must be set before NumPy is imported.
The two sides take turns within a round, so that a busy machine slows both; what counts is the ratio of the medians.
On real speech (asterisk-en) where its package can be had, else on synthetic voices: the first line says which.
"""
# ruff: noqa: E402 - the number of threads is set before NumPy is imported

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM"):
    os.environ[f"{name}_NUM_THREADS"] = "1"

import argparse
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import machine
from blocks.base import Failure
from blocks.features.schema import Recorded
from blocks.load import find
from blocks.spec import AudioSpec

SPEC = AudioSpec()
GOALS = {
    "log-mel / librosa melspectrogram": 2.0,
    "pitch / librosa pyin": 12.0,
    "log-mel + pitch + energy, x real time": 80.0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="6 s, 1 round: to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 6.0, 1
    waves, origin = real(options.seconds) or (synthetic(options.seconds), "synthetic voices")
    total = sum(map(len, waves)) / SPEC.sample_rate
    print(f"{len(waves)} clips, {total:.0f} s of {origin}; one thread; median of {options.rounds} rounds")
    print(f"{machine()}; numpy {np.__version__}, librosa {version('librosa')}")
    speeds = measure(contenders(waves), total, options.rounds)
    for name, (median, low, high) in speeds.items():
        print(f"{name:36s} {median:7.0f} x real time  [{low:.0f} .. {high:.0f}]")
    print()
    for name, value in ratios({name: median for name, (median, _, _) in speeds.items()}).items():
        goal = f"  (goal {GOALS[name]:g})" if name in GOALS else ""
        print(f"{name:46s} {value:8.2f}{goal}")


def real(seconds: float) -> tuple[list[np.ndarray], str] | None:
    """Clips of 1 to 15 s from the training part of asterisk-en, or None where it cannot be had."""
    source = find("corpus.asterisk")
    corpus = source(source.Config(), SPEC)
    try:
        corpus.fetch()
    except OSError as error:
        print(f"no real speech here: {error}", file=sys.stderr)
        return None
    waves, left = [], seconds
    for row in corpus.read():
        if isinstance(row, Failure) or row.split != "train" or not 1 <= row.seconds <= 15:
            continue
        waves.append(row.wave)
        left -= row.seconds
        if left <= 0:
            break
    return waves, "real speech (asterisk-en)"


def synthetic(seconds: float) -> list[np.ndarray]:
    """Gliding harmonic tones with pauses and breath, 3 s each."""
    rng, t = np.random.default_rng(0), np.arange(3 * SPEC.sample_rate) / SPEC.sample_rate
    waves = []
    for n in range(max(1, round(seconds / 3))):
        phase = 2 * np.pi * np.cumsum(110 + 10 * (n % 12) + 20 * np.sin(2 * np.pi * 0.7 * t + n)) / SPEC.sample_rate
        voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (np.sin(2 * np.pi * 1.3 * t) > -0.5)
        waves.append((0.15 * voice + 0.01 * rng.standard_normal(len(t))).astype(np.float32))
    return waves


def contenders(waves: list[np.ndarray]) -> dict:
    """Name -> a function that goes through all clips once."""
    import librosa

    items = [Recorded(wave=wave) for wave in waves]
    made = {name: find(f"features.{name}") for name in ("log_mel", "pitch", "energy")}
    blocks = {name: block(block.Config(), SPEC) for name, block in made.items()}
    frame = dict(frame_length=SPEC.n_fft, hop_length=SPEC.hop_length)
    mel = dict(n_fft=SPEC.n_fft, hop_length=SPEC.hop_length, win_length=SPEC.win_length, n_mels=SPEC.n_mels, power=1)
    f0 = dict(sr=SPEC.sample_rate, fmin=blocks["pitch"].config.f_min, fmax=blocks["pitch"].config.f_max, **frame)
    few = waves[: max(1, len(waves) // 8)]  # pyin is slow
    return {
        "log-mel": (lambda: blocks["log_mel"].apply(items), 1.0),
        "librosa melspectrogram (no log)": (
            lambda: [librosa.feature.melspectrogram(y=w, sr=SPEC.sample_rate, **mel) for w in waves], 1.0,
        ),
        "pitch": (lambda: blocks["pitch"].apply(items), 1.0),
        "librosa yin (no voicing)": (lambda: [librosa.yin(w, **f0) for w in waves], 1.0),
        "librosa pyin": (lambda: [librosa.pyin(w, **f0) for w in few], sum(map(len, few)) / sum(map(len, waves))),
        "energy": (lambda: blocks["energy"].apply(items), 1.0),
        "librosa rms (no window)": (lambda: [librosa.feature.rms(y=w, **frame) for w in waves], 1.0),
        "log-mel + pitch + energy": (lambda: [block.apply(items) for block in blocks.values()], 1.0),
    }  # fmt: skip


def measure(contenders: dict, seconds: float, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Median, least and greatest speed of each; the first round warms caches up and is not counted."""
    speeds = {name: [] for name in contenders}
    for _ in range(rounds + 1):
        for name, (run, share) in contenders.items():
            start = time.perf_counter()
            run()
            speeds[name].append(share * seconds / (time.perf_counter() - start))
    return {name: (statistics.median(all[1:]), min(all[1:]), max(all[1:])) for name, all in speeds.items()}


def ratios(speed: dict[str, float]) -> dict[str, float]:
    return {
        "log-mel / librosa melspectrogram": speed["log-mel"] / speed["librosa melspectrogram (no log)"],
        "pitch / librosa pyin": speed["pitch"] / speed["librosa pyin"],
        "pitch / librosa yin": speed["pitch"] / speed["librosa yin (no voicing)"],
        "energy / librosa rms": speed["energy"] / speed["librosa rms (no window)"],
        "log-mel + pitch + energy, x real time": speed["log-mel + pitch + energy"],
    }


if __name__ == "__main__":
    main()
