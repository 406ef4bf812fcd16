"""What a converter is conditioned on, as arrays: the mel, pitch, phones of each frame, a posteriorgram, both voices (NumPy).

Axes: B batch, T frames, N phones, M mels, C classes or numbers of a vector.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from blocks.base import BadItem
from blocks.common.checks import check_durations, check_mel
from blocks.common.conditions import Declared
from blocks.common.items import padded
from blocks.common.mel import mels_below
from blocks.common.phones import nearest
from blocks.converter.schema import Conversion, Recorded, TrainItem
from blocks.spec import AudioSpec

MIDDLE, WIDTH = np.log(150.0), 0.4  # of voices, in log Hz: brings what they speak near -2..2
STATES = 3  # of a phone, from its beginning to its end, as a hidden Markov model has them


@dataclass
class Conditioning:
    """What a model is conditioned on, with its tables of symbols; rows are given out in `meet` alone."""

    spec: AudioSpec
    voices: Declared  # globals of a voice, be it source or target, and the phones
    streams: Declared  # of frames
    pitch: bool = False
    spoken: bool = False  # phones and durations
    classes: int | None = None  # of a posteriorgram; none: there is none
    parallel: bool = False  # learns from pairs of mels, and is conditioned on the target's voice alone

    @classmethod
    def of(cls, config, spec: AudioSpec, parallel: bool = False) -> "Conditioning":
        voices, streams = Declared({}, config.globals), Declared(config.streams, {})
        return cls(spec, voices, streams, config.pitch, config.phones, config.posteriorgram, parallel)

    @property
    def beside(self) -> int:
        """Numbers of each frame that are taken as they are: pitch and voicing, and the streams."""
        return 2 * self.pitch + self.streams.width

    def meet(self, items: Iterable[TrainItem]) -> None:
        """Give rows to the phones and names of these that have none. Raises BadItem as `check`."""
        for item in items:
            self.check(item)
            self.voices.phones.extend(item.phones or ())
            self.voices.meet([_voice(item.source)])

    # ---- the artifact ----

    def write(self, folder: Path) -> dict[str, str]:
        """Keep the tables; gives what the weights shall say of them."""
        return self.voices.write(folder)

    def read(self, folder: Path, about: dict[str, str], lenient: bool = False) -> None:
        """What `write` kept. Raises ValueError where a table is missing; `lenient`, a table of names stays empty."""
        self.voices.read(folder, about, lenient)

    # ---- items ----

    def check(self, item: Recorded) -> None:
        """Raise BadItem for what is missing, does not fit or is not declared."""
        check_mel(item.log_mel, self.spec)
        frames = len(item.log_mel)
        if isinstance(item, TrainItem):
            self._check_pair(item)
        if isinstance(item, TrainItem) or not self.parallel:
            self._check_voice(item.source, "source")
        if isinstance(item, Conversion):
            self._check_voice(item.target, "target")
        self.streams.check(_streams(item), frames)
        if self.pitch:
            _wired(item.pitch, "pitch", "pitch")
            _as_many(item.pitch, "pitch", frames)
        if item.voicing is not None:
            _as_many(item.voicing, "voicing", frames)
        if self.spoken:
            _wired(item.phones, "phones", "phones")
            _wired(item.durations, "durations of the phones", "phones")
            check_durations(item.phones, item.durations, frames)
        if self.classes:
            _wired(item.posteriorgram, "posteriorgram", "posteriorgram")
            _as_many(item.posteriorgram, "posteriorgram", frames)
            if (found := item.posteriorgram.shape[1]) != self.classes:
                raise BadItem(f"a posteriorgram of {found} classes, but the model's settings say {self.classes}")

    def _check_pair(self, item: TrainItem) -> None:
        if self.parallel and item.target_log_mel is None:
            raise BadItem(
                "no target_log_mel, want the recording's mel that the log-mel goes with frame by frame: wire it"
            )
        if item.target_log_mel is not None:
            check_mel(item.target_log_mel, self.spec)

    def _check_voice(self, values: dict, whose: str) -> None:
        try:
            self.voices.check(_voice(values), 0)
        except BadItem as error:
            raise BadItem(f"{whose}: {error}") from None

    def can_be_converted(self, item: Recorded) -> None:
        """`check`, of a target only where one is asked for, and raise BadItem for phones and names that the model was not trained on."""
        self.check(item)
        voices = {"source": item.source} | ({"target": item.target} if isinstance(item, Conversion) else {})
        for whose, values in list(voices.items())[1 if self.parallel else 0 :]:
            try:
                self.voices.check_known(_voice(values))
            except BadItem as error:
                raise BadItem(f"{whose}: {error}") from None
        if self.spoken and (strange := sorted({phone for phone in item.phones if not self._row(phone)})):
            raise BadItem(
                f"phones that the model was not trained on: {', '.join(map(repr, strange))}; it knows "
                f"{' '.join(self.voices.phones)}. Train it on data that has them"
            )

    def _row(self, phone: str) -> int:
        return self.voices.phones.row(nearest(phone, self.voices.phones))

    # ---- arrays ----

    def arrays(self, items: list[Recorded], frames: int) -> dict[str, np.ndarray]:
        """Zeros beyond an item's end.

        `mel` (B, T, M), `lengths` (B), `band` (B, M): 1 where an item's band reaches; of pairs `target_log_mel` (B, T, M); as far as the
        settings have them `beside` (B, T, C): pitch, voicing, streams,
        `phones` (B, T): rows, from 1, of each phone's states, `posteriorgram` (B, T, C), `source.NAME` and `target.NAME` (B) or (B, C).
        """
        made = {"lengths": np.array([len(item.log_mel) for item in items], np.int64)}
        made["mel"] = padded([item.log_mel for item in items], frames)
        if self.parallel and isinstance(items[0], TrainItem):
            made["target_log_mel"] = padded([item.target_log_mel for item in items], frames)
        made["band"] = np.stack([self._band(item) for item in items])
        if self.beside:
            pitch = [padded([_pitch(item) for item in items], frames)] if self.pitch else []
            streams = self.streams.arrays([_streams(item) for item in items], frames)
            made["beside"] = np.concatenate([*pitch, *self.streams.rows(streams)], axis=2)
        if self.spoken:
            made["phones"] = padded([self._states(item) for item in items], frames)
        if self.classes:
            made["posteriorgram"] = padded([item.posteriorgram for item in items], frames)
        targets = [getattr(item, "target", item.source) for item in items]
        sources = {} if self.parallel else {"source": [item.source for item in items]}
        for whose, voices in {**sources, "target": targets}.items():
            found = self.voices.arrays([_voice(values) for values in voices], 0)
            made |= {f"{whose}.{name.removeprefix('globals.')}": array for name, array in found.items()}
        return made

    def has_full_band(self, item: TrainItem) -> bool:
        """Whether its recording reaches to the last mel."""
        return bool(self._band(item).all())

    def _band(self, item: Recorded) -> np.ndarray:
        band_hz = getattr(item, "band_hz", None)
        count = self.spec.n_mels if band_hz is None else mels_below(self.spec, band_hz)
        return (np.arange(self.spec.n_mels) < max(1, count)).astype(np.float32)

    def _states(self, item: Recorded) -> np.ndarray:
        """int64 (T): row and state of each frame's phone in one number, ``STATES * (row - 1) + state + 1``; 0 for no phone."""
        owners = np.repeat(np.arange(len(item.phones)), item.durations)
        rows = np.array([self._row(phone) for phone in item.phones], np.int64)[owners]
        starts = np.cumsum(item.durations) - item.durations
        share = (np.arange(len(owners)) - starts[owners]) / item.durations[owners]
        return np.where(rows > 0, STATES * (rows - 1) + (STATES * share).astype(np.int64) + 1, 0)


def _voice(values: dict) -> SimpleNamespace:
    return SimpleNamespace(streams={}, globals=values)


def _streams(item: Recorded) -> SimpleNamespace:
    return SimpleNamespace(streams=item.streams, globals={})


def _pitch(item: Recorded) -> np.ndarray:
    """float32 (T, 2): log-F0, interpolated where there is none (0 where there is none at all), and whether there is one."""
    voiced = item.pitch > 0 if item.voicing is None else (item.pitch > 0) & item.voicing
    at = np.flatnonzero(voiced)
    made = np.zeros((len(item.pitch), 2), np.float32)
    if len(at):
        made[:, 0] = (np.interp(np.arange(len(voiced)), at, np.log(item.pitch[at])) - MIDDLE) / WIDTH
    made[:, 1] = voiced
    return made


def _wired(value, name: str, setting: str) -> None:
    if value is None:
        raise BadItem(
            f"no {name}, want them beside the log-mel: wire them, or train without ({setting} in the settings)"
        )


def _as_many(values: np.ndarray, name: str, frames: int) -> None:
    if len(values) != frames:
        raise BadItem(f"{name} of {len(values)} frames beside a log-mel of {frames}: want as many")
