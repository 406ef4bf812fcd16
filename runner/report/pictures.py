"""What a report shows and plays of one clip, small enough to lie inside the page: a mel as a PNG, a pitch curve as
an SVG path, the audio as FLAC. The page draws axes itself, so that they follow its colours.

Axes: S samples, T frames, M mels. Positions are shares of the width or height of a picture, in %.
"""

import io
from base64 import b64encode

import numpy as np

from blocks.spec import AudioSpec

_COLUMNS = 800  # a longer mel is averaged to so many
_ROUND = (  # Hz on a pitch axis, from close to far apart
    (60, 80, 100, 120, 140, 160, 180, 200, 230, 260, 300, 350, 400, 500, 600),
    (50, 75, 100, 150, 200, 300, 400, 600, 800, 1200),
    (50, 100, 200, 400, 800, 1600),
)


def flac(wave: np.ndarray, rate: int) -> str:
    """A data URI with float32 (S,) as 16-bit FLAC, which every current browser plays."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(wave, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return _data_uri("audio/flac", file.getvalue())


def mel_png(log_mel: np.ndarray, low: float, high: float) -> str:
    """A data URI with float32 (T, M) as a picture, low frequencies at its foot; `low` is black, `high` the brightest."""
    if len(log_mel) > _COLUMNS:
        starts = np.arange(_COLUMNS) * len(log_mel) // _COLUMNS
        ends = np.append(starts[1:], len(log_mel))
        log_mel = np.add.reduceat(log_mel, starts, axis=0) / (ends - starts)[:, None]
    from matplotlib import colormaps
    from PIL import Image

    shades = np.clip((log_mel - low) / max(high - low, 1e-6), 0, 1) * 255
    picture = Image.fromarray(np.ascontiguousarray(shades.astype(np.uint8).T[::-1]))
    picture.putpalette(colormaps["magma"](range(256), bytes=True)[:, :3].tobytes())  # even steps of lightness
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return _data_uri("image/png", file.getvalue())


def mel_range(log_mels: list[np.ndarray]) -> tuple[float, float]:
    """One colour scale for several mels: all but their darkest and brightest specks."""
    low, high = np.percentile(np.concatenate([log_mel.ravel() for log_mel in log_mels]), [2, 99.9])
    return float(low), float(high)


def mel_ticks(spec: AudioSpec) -> list[tuple[float, str]]:
    """Where round frequencies lie in a mel picture, from its foot."""
    low, high = _mel(spec.f_min, spec), _mel(spec.f_max, spec)
    ticks = []
    for hz, label in ((500, "500"), (1000, "1k"), (2000, "2k"), (4000, "4k"), (8000, "8k"), (16000, "16k")):
        filter = (_mel(hz, spec) - low) / (high - low) * (spec.n_mels + 1) - 1  # filters stand between n_mels + 2 edges
        share = 100 * (filter + 0.5) / spec.n_mels
        if 4 < share < 96:
            ticks.append((round(share, 2), label))
    return ticks


def pitch_range(curves: list[np.ndarray], notes: tuple = ()) -> tuple[float, float] | None:
    """Lowest and highest Hz that holds all voiced frames, and notes, never narrower than half an octave; None without any."""
    keys = np.array([note.key for note in notes if note.key is not None])
    voiced = np.concatenate([curve[curve > 0] for curve in curves])
    if not len(voiced):
        return None
    sung = 440 * 2 ** ((keys - 69) / 12)
    low, high = np.percentile(voiced, [0.5, 99.5])
    low, high = min([low, *sung]) * 0.95, max([high, *sung]) * 1.05
    widen = max(1.0, np.sqrt(1.41 * low / high))
    return float(low / widen), float(high * widen)


def pitch_path(pitch: np.ndarray, times: np.ndarray, seconds: float, low: float, high: float) -> str:
    """An SVG path in a box of 1000 x 100 over float32 (T,) Hz at `times`, broken where unvoiced; Hz on a log scale."""
    voiced = pitch > 0
    x = 1000 * times / max(seconds, 1e-6)
    y = 100 - 100 * np.log(np.where(voiced, pitch, low) / low) / np.log(high / low)
    parts, pen = [], "M"
    for at, height, on in zip(x, np.clip(y, 0, 100), voiced):
        if on:
            # A frame alone between two unvoiced ones still leaves a dot: lines have round ends.
            parts.append(f"{pen}{at:.1f} {height:.1f}" + ("h0" if pen == "M" else ""))
        pen = "L" if on else "M"
    return "".join(parts)


def score_path(notes: tuple, seconds: float, low: float, high: float) -> tuple[str, list[tuple[float, float, str]]]:
    """The notes of a score in the box of `pitch_path`, each a line as long as it is; and where its syllable stands, from the left and the foot."""
    parts, syllables, start = [], [], 0.0
    for note in notes:
        if note.key is not None:
            share = 100 * np.log(440 * 2 ** ((note.key - 69) / 12) / low) / np.log(high / low)
            left, length = 100 * start / max(seconds, 1e-6), 100 * note.seconds / max(seconds, 1e-6)
            parts.append(f"M{10 * left:.1f} {100 - share:.1f}h{10 * length:.1f}")
            if note.lyric:
                syllables.append((round(left, 2), round(float(np.clip(share, 0, 100)), 2), note.lyric))
        start += note.seconds
    return "".join(parts), syllables


def phone_places(phones: tuple, lengths: np.ndarray, seconds: float) -> list[tuple[float, float, str]]:
    """Start and width, in % of `seconds`, and name of each phone that lasts some of `lengths` (N,), in seconds."""
    widths = 100 * lengths / max(seconds, 1e-6)
    starts = np.cumsum(widths) - widths
    return [
        (round(float(start), 2), round(float(width), 2), phone)
        for start, width, phone in zip(starts, widths, phones, strict=True)
        if width > 0
    ]


def pitch_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round frequencies of a pitch picture, from its foot; three, or a few more over many octaves."""
    inside = [[hz for hz in many if low * 1.02 < hz < high / 1.02] for many in _ROUND]
    chosen = next((ticks for ticks in inside if len(ticks) <= 3), inside[-1])
    return [(round(100 * np.log(hz / low) / np.log(high / low), 2), str(hz)) for hz in chosen]


def time_ticks(seconds: float) -> list[tuple[float, str]]:
    """Round times along `seconds`, from the left."""
    step = next((s for s in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60) if seconds / s <= 6), 60)
    return [(round(100 * k * step / seconds, 2), f"{k * step:g}") for k in range(int(seconds / step * 0.97) + 1)]


def line_path(points: np.ndarray, across: tuple[float, float], between: tuple[float, float]) -> str:
    """An SVG path in a box of 1000 x 100 through (N, 2): x within `across`, y within `between`; one point is a dot."""
    x = 1000 * (points[:, 0] - across[0]) / max(across[1] - across[0], 1e-12)
    y = 100 - 100 * (points[:, 1] - between[0]) / max(between[1] - between[0], 1e-12)
    pairs = [f"{at:.1f} {height:.1f}" for at, height in zip(x, np.clip(y, 0, 100))]
    return "M" + "L".join(pairs) + ("h0" if len(pairs) == 1 else "")


def round_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """At most so many round numbers within the range, with their places."""
    from matplotlib.ticker import MaxNLocator

    numbers = MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(low, high)
    numbers = numbers[(numbers >= low - 1e-9 * (high - low)) & (numbers <= high + 1e-9 * (high - low))]
    return [(round(100 * (number - low) / (high - low), 2), _written(number + 0.0)) for number in numbers]


def _written(number: float) -> str:
    """``2k`` for steps, ``1e-05`` for a learning rate; a true minus sign."""
    text = f"{number / 1000:g}k" if abs(number) >= 1000 else f"{number:g}"
    return text.replace("-", "\N{MINUS SIGN}", 1) if number < 0 else text


def _mel(hz: float, spec: AudioSpec) -> float:
    if spec.mel_scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"
