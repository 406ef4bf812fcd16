"""The audio spec: everything two blocks must agree on before they may exchange a mel, a pitch curve or a duration.

This is the only home of the arithmetic between seconds, samples and frames. A spec is part of the type of
every array that depends on it (``blocks.arrays``), is stored with every table and artifact, and is compared
field by field on every edge of a graph.

Axes: S samples, T frames.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator


class AudioSpec(BaseModel):
    """One log-mel definition. The defaults are this project's own ``vox_16k``.

    A log-mel frame is made in this order: pre-emphasis, padding, Hann-windowed FFT, magnitude to ``power``,
    mel filter bank, floor, logarithm, ``log_gain * x + log_offset``, clipping to ``log_min`` and ``log_max``.
    ``f_max`` follows ``sample_rate`` where it is not given: a spec never keeps the band edge of another rate by accident.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sample_rate: PositiveInt = 16000  # Hz
    n_fft: PositiveInt = 1024  # samples
    hop_length: int = Field(200, ge=2)  # samples between two frames
    win_length: PositiveInt = 800  # samples under the Hann window, centred in n_fft
    window: Literal["hann", "hann_symmetric"] = "hann"  # hann: periodic, as an FFT wants it
    n_mels: PositiveInt = 80
    f_min: NonNegativeFloat = 0.0  # Hz
    f_max: PositiveFloat = 8000.0  # Hz
    # center: n_fft // 2 on both sides, 1 + S // hop frames. same: n_fft - hop in all, S // hop frames. none: no padding.
    padding: Literal["center", "same", "none"] = "same"
    pad_mode: Literal["reflect", "constant"] = "reflect"
    preemphasis: NonNegativeFloat = Field(0.0, lt=1.0)  # y[n] = x[n] - preemphasis * x[n-1]
    # add: sqrt(re^2 + im^2 + eps). clamp: sqrt(max(re^2 + im^2, eps)).
    magnitude_eps: NonNegativeFloat = 0.0
    magnitude_eps_mode: Literal["add", "clamp"] = "add"
    power: Literal[1, 2] = 1
    mel_scale: Literal["slaney", "htk"] = "slaney"
    norm: Literal["slaney", "l1", "none"] = "slaney"  # slaney: 2 / bandwidth in Hz. l1: weights of a filter sum to 1.
    log_base: Literal["e", "10"] = "e"
    log_floor: PositiveFloat = 1e-5
    log_floor_mode: Literal["clamp", "add"] = "clamp"
    log_gain: PositiveFloat = 1.0
    log_offset: float = 0.0
    log_min: float | None = None
    log_max: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _f_max_follows(cls, given):
        rate = given.get("sample_rate") if isinstance(given, dict) and "f_max" not in given else None
        return {**given, "f_max": rate / 2} if isinstance(rate, int) and rate > 0 else given

    @model_validator(mode="after")
    def _consistent(self):
        if self.n_fft % 2:
            raise ValueError(f"n_fft {self.n_fft} is odd: a frame would have no middle sample; try {self.n_fft + 1}")
        if self.win_length > self.n_fft:
            raise ValueError(f"win_length {self.win_length} is longer than n_fft {self.n_fft}")
        if self.hop_length > self.win_length:
            raise ValueError(
                f"hop_length {self.hop_length} is longer than win_length {self.win_length}: samples would be lost"
            )
        if self.padding == "same" and (self.n_fft - self.hop_length) % 2:
            raise ValueError("padding 'same' needs n_fft - hop_length to be even")
        if not self.f_min < self.f_max <= self.sample_rate / 2:
            raise ValueError(
                f"want f_min < f_max <= sample_rate / 2, got {self.f_min:g}, {self.f_max:g} and {self.sample_rate / 2:g} Hz"
            )
        return self

    # ---- seconds <-> samples <-> frames ----

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length

    def frames(self, samples: int) -> int:
        """How many frames a recording of `samples` samples has. Zero where it is too short for one."""
        if self.padding == "same":
            return samples // self.hop_length
        if self.padding == "center":
            return 1 + samples // self.hop_length if samples else 0
        return max(0, 1 + (samples - self.n_fft) // self.hop_length)

    def samples(self, frames: int) -> int:
        """The length that a vocoder gives `frames` frames; ``frames(samples(n)) == n`` for every padding."""
        if frames == 0:
            return 0
        if self.padding == "same":
            return frames * self.hop_length
        # At least one sample, so that one centred frame is still a recording.
        if self.padding == "center":
            return max(1, (frames - 1) * self.hop_length)
        return (frames - 1) * self.hop_length + self.n_fft

    def pads(self, samples: int) -> tuple[int, int]:
        """Samples to add before and after a recording so that it yields ``frames(samples)`` frames."""
        if self.padding == "center":
            return self.n_fft // 2, self.n_fft // 2
        if self.padding == "same":
            side = (self.n_fft - self.hop_length) // 2
            return side, side
        return 0, 0

    def frame_times(self, frames: int) -> np.ndarray:
        """float64 (T,): the time in seconds of the centre of each frame's window."""
        first = {"center": 0.0, "same": self.hop_length / 2, "none": self.n_fft / 2}[self.padding]
        return (first + self.hop_length * np.arange(frames)) / self.sample_rate

    def durations(self, ends_s: np.ndarray, frames: int) -> np.ndarray:
        """int32 (N,): frames per segment from segment end times; sums to `frames` by construction.

        Boundaries are rounded, then differenced, so that rounding never accumulates. The last boundary is
        `frames` whatever the last end time says.

        Raises ValueError where end times decrease.
        """
        ends_s = np.asarray(ends_s, dtype=np.float64)
        if not np.all(np.diff(ends_s, prepend=0.0) >= 0):  # written so that NaN is refused too
            raise ValueError("segment end times must be numbers that do not decrease, nor lie before zero")
        bounds = np.clip(np.rint(ends_s * self.frame_rate), 0, frames).astype(np.int32)
        if len(bounds):
            bounds[-1] = frames
        elif frames:
            raise ValueError(f"no segments to spread {frames} frames over")
        return np.diff(bounds, prepend=np.int32(0))

    def differences(self, other: "AudioSpec", fields: tuple[str, ...] | None = None) -> list[str]:
        """``["hop_length 200, not 256", ...]`` for the given fields (default: all) where `other` differs."""
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in fields or type(self).model_fields)
        return [f"{name} {mine}, not {theirs}" for name, mine, theirs in pairs if mine != theirs]


_22K = dict(sample_rate=22050, n_fft=1024, hop_length=256, win_length=1024)
_ESPNET = dict(
    f_min=80.0, f_max=7600.0, padding="center", magnitude_eps=1e-10, magnitude_eps_mode="clamp",
    log_base="10", log_floor=1e-10,
)  # fmt: skip

# Mel conventions by the names their users know; each is checked against its definition in tests/blocks/test_spec_presets.py.
# What belongs to a corpus (loudness, peak, mean and variance) is not part of a spec.
PRESETS: dict[str, AudioSpec] = {
    "vox_16k": AudioSpec(),
    # HiFi-GAN (Kong et al. 2020) and, with the same mel, Matcha-TTS.
    "hifigan_22k": AudioSpec(**_22K, f_max=8000.0, padding="same", magnitude_eps=1e-9),
    # NeMo 1.x text-to-speech recipes. NeMo 2 pads the edges with zeros and drops the last frame.
    "nemo_22k": AudioSpec(**_22K, f_max=8000.0, padding="center", window="hann_symmetric", log_floor_mode="add"),
    # ESPnet2 text-to-speech: the default of its feature extractor, and its 24 kHz recipes.
    "espnet": AudioSpec(sample_rate=16000, n_fft=1024, hop_length=256, win_length=1024, **_ESPNET),
    "espnet_24k": AudioSpec(sample_rate=24000, n_fft=2048, hop_length=300, win_length=1200, **_ESPNET),
    # Vocos (Siuzdak 2023), with torchaudio's defaults for the filter bank.
    "vocos_24k": AudioSpec(
        sample_rate=24000, n_fft=1024, hop_length=256, win_length=1024, n_mels=100,
        padding="center", mel_scale="htk", norm="none", log_floor=1e-7,
    ),
    # DiffSinger, OpenVPI's line of it, with the natural logarithm.
    "diffsinger_44k": AudioSpec(
        sample_rate=44100, n_fft=2048, hop_length=512, win_length=2048, n_mels=128,
        f_min=40.0, f_max=16000.0, padding="same",
    ),
    # Universal vocoding (Lorenzo-Trueba et al. 2019), B. van Niekerk's version 0.2: 20 dB reference, 80 dB range, in -1..
    "univoc_16k": AudioSpec(
        sample_rate=16000, n_fft=2048, hop_length=200, win_length=800, f_min=50.0, padding="center", preemphasis=0.97,
        norm="l1", log_base="10", log_gain=20 / 80, log_offset=-20 / 80, log_min=-1.0,
    ),
    # Coqui TTS: decibels less 20, from -100 dB, mapped onto -4..4.
    "coqui_22k": AudioSpec(
        **_22K, padding="center", log_base="10", log_floor=1e-8,
        log_gain=20 * 8 / 100, log_offset=(100 - 20) * 8 / 100 - 4, log_min=-4.0, log_max=4.0,
    ),
}  # fmt: skip


class UnknownPreset(KeyError):
    """No such preset; the message names a near one."""

    __str__ = LookupError.__str__  # a KeyError would show its message in quotes


def preset(name: str) -> AudioSpec:
    """The named spec. Raises UnknownPreset, a KeyError, for a name that is not in PRESETS."""
    if name not in PRESETS:
        from blocks.load import suggest

        raise UnknownPreset(f"no spec preset {name!r}{suggest(name, list(PRESETS))}")
    return PRESETS[name]
