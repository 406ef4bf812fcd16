"""Items drawn from a block's own input schema and an audio spec: voiced, speech-like, of two lengths."""

import typing

import numpy as np

from blocks.arrays import Array, Note, Span, marker
from blocks.base import Schema, field_type
from blocks.spec import AudioSpec

SECONDS = (1.3, 1.7)  # two lengths, so that padding which leaks shows
VALUES = {
    "id": "item",
    "text": "hello world",
    "language": "en-US",
    "phones": ("sil", "h", "ə", "l", "ˈoʊ", "w", "ˈɚ", "l", "d", "sil"),
    "words": ("hello", "world"),
    "spans": (Span(label="NP", first=0, last=1),),
    "notes": tuple(
        Note(key=key, seconds=0.3, lyric=lyric)
        for key, lyric in ((None, ""), (45.0, "hel-"), (47.0, "lo"), (48.0, "world"), (None, ""))
    ),
    "speaker": "someone",
    "style": "neutral",
    "split": "train",
    "speaking_rate": 1.0,
    "seconds": 1.0,
    "band_hz": 8000.0,
    "licence": "CC0-1.0",
}


def draw(schema: type[Schema], spec: AudioSpec, n: int) -> Schema:
    """The n-th item (0 or 1) of a schema."""
    values = {}
    for number, name in enumerate(schema.model_fields):
        values[name] = value(field_type(schema, name), spec, n, number)
    return schema(**values)


def value(hint, spec: AudioSpec, n: int, number: int):
    mark = marker(hint)
    if isinstance(mark, Array):
        return array(mark, spec, n, number)
    if mark is not None and mark.name in VALUES:
        return VALUES[mark.name]
    return plain(hint, spec, n, number)


def plain(hint, spec: AudioSpec, n: int, number: int):
    """A value of a type without a meaning that is known here."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return plain(args[0], spec, n, number)
    if origin is typing.Literal:
        return args[n % len(args)]
    if origin is dict:
        return {name: value(args[1], spec, n, number + k) for k, name in enumerate("ab")}
    if origin is tuple and args[-1] is not Ellipsis:
        return tuple(value(arg, spec, n, number + k) for k, arg in enumerate(args))
    if origin in (tuple, list):
        return origin(value(args[0], spec, n, number + k) for k in range(3))
    if args:  # a union
        return value(next(arm for arm in args if arm is not type(None)), spec, n, number)
    return {str: VALUES["id"], float: 0.5 + n, int: 1 + n, bool: bool(n)}[hint]


def array(mark: Array, spec: AudioSpec, n: int, number: int) -> np.ndarray:
    wave = speech(spec, SECONDS[n], seed=number)
    frames = spec.frames(len(wave))
    if mark.name == "wave":
        return wave
    if mark.name == "log_mel":
        from blocks.common.mel import log_mel

        return log_mel(wave, spec)
    rng = np.random.default_rng(10 * n + number)
    voiced = np.arange(frames) % 20 < 14
    made = {
        "pitch": lambda: np.where(voiced, 120 + 5 * rng.standard_normal(frames), 0),
        "voicing": lambda: voiced,
        "energy": lambda: -30 + 5 * rng.standard_normal(frames),
        "word_of_phone": lambda: np.array([-1, 0, 0, 0, 0, 1, 1, 1, 1, -1]),
        "durations": lambda: np.diff(
            np.sort(rng.choice(np.arange(1, frames), 9, replace=False)), prepend=0, append=frames
        ),
        "note_of_phone": lambda: np.array([0, 1, 1, 2, 2, 3, 3, 3, 3, 4]),
        "spoken_phone": lambda: np.array([-1, 1, 2, 3, 4, 5, 6, 7, 8, -1]),
        "phone_pitch": lambda: np.where(np.arange(10) % 3 == 1, 120.0 + 5 * n, 0.0),
        "phone_energy": lambda: -30 + 5 * rng.standard_normal(10),
        "phone_rate": lambda: np.ones(10),
        "phone_shift": lambda: np.zeros(10),
        "phone_pause": lambda: np.full(10, -1.0),
        "stream": lambda: np.arange(10) % 3,
        "frame_stream": lambda: np.arange(frames) % 3,
        "latent": lambda: rng.standard_normal((frames, spec.n_mels)),
        "latent_mean": lambda: rng.standard_normal(2 * spec.n_mels),
        "latent_spread": lambda: 1 + 0.1 * rng.standard_normal(2 * spec.n_mels),
        "embedding": lambda: (lambda v: v / np.linalg.norm(v))(rng.standard_normal(256)),
    }
    found = (
        made[mark.name]() if mark.name in made else numbers(mark, {"samples": len(wave), "frames": frames}, spec, rng)
    )
    return found.astype(mark.dtype)


def numbers(mark: Array, sizes: dict[str, int], spec: AudioSpec, rng: np.random.Generator) -> np.ndarray:
    """An array of a type that is not known here: by its axes alone."""
    sizes = sizes | {"mels": spec.n_mels, "phones": len(VALUES["phones"])}
    shape = [dim if isinstance(dim, int) else sizes.get(dim.split(":")[0], 16) for dim in mark.dims]
    return rng.standard_normal(shape) if mark.dtype.kind == "f" else rng.integers(0, 2, shape)


def speech(spec: AudioSpec, seconds: float, seed: int) -> np.ndarray:
    """A buzz with moving formants and pauses: enough like a voice for every analysis to find one."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * spec.sample_rate)) / spec.sample_rate
    f0 = 110 + 20 * seed % 60 + 15 * np.sin(2 * np.pi * 2 * t)
    phase = 2 * np.pi * np.cumsum(f0) / spec.sample_rate
    formant = 600 + 300 * np.sin(2 * np.pi * 3 * t)
    wave = sum(np.exp(-(((k * f0 - formant) / 500) ** 2)) * np.sin(k * phase) for k in range(1, 30))
    wave = wave * (np.sin(2 * np.pi * 2.5 * t) > -0.7) + 0.003 * rng.standard_normal(len(t))
    return (0.3 * wave / np.abs(wave).max()).astype("float32")
