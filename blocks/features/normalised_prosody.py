"""Prosody normalised by speaker: pitch, level and length of each phone, about what its speaker does as a rule.

Seven numbers a phone (Klimkov et al. 2019): log-F0 and level, each as the mean over three thirds of the phone, which stand in the
place of their aligner's three states, and log-duration. An eighth is the share of its frames that are voiced: log-F0 is interpolated
where there is none before anything is averaged, so that consonants do not pull it down. All but the last are brought to mean 0
and deviation 1 of their speaker, durations of their phone's identity before. `frame_contour` has the same of frames.

`fit` keeps the statistics of the speakers of its training data, and how these differ from one another and from sentence to sentence. A speaker that it
does not know, as that of a recording someone brings, is judged by the one sentence, drawn towards the mean of the known speakers
by as much as one sentence errs beside how much speakers differ (empirical Bayes: Efron and Morris 1975; a statistic of a short sentence
is drawn more, as one over its length). With one known speaker alone nobody can tell how much speakers differ: the sentence is believed.

With mean and spread of another voice (`features.register`), `pitch` is the melody in that one's register: what a transfer should
sound like.
Axes: N phones, T frames.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from blocks import arrays
from blocks.base import BadItem, Failure, Schema, Trainable
from blocks.common import symbols, weights
from blocks.common.phones import SILENCES, stressless
from blocks.common.pitch import FEWEST, PitchRange
from blocks.common.symbols import Symbols
from blocks.training import FitConfig, Run

SIZE = 8  # numbers of a phone: pitch and level over three thirds, duration, voicing
_NEAREST, _FARTHEST = 0.03, 4.0  # deviations: none is smaller, no number farther off than so many
# Of a speaker: means of log-F0, of level and of log-duration (less its phone's), then the logs of their deviations.
_STATISTICS = 6


class Utterance(Schema):
    phones: arrays.Phones
    durations: arrays.Durations
    pitch: arrays.Pitch
    energy: arrays.Energy
    speaker: arrays.Speaker | None = None  # one that is not known is judged by the recording
    pitch_mean: arrays.PitchMean | None = None  # of another voice, and
    pitch_spread: arrays.PitchSpread | None = None  # with both `pitch` is in its register, else as it was recorded


class TrainItem(Schema):
    phones: arrays.Phones
    durations: arrays.Durations
    pitch: arrays.Pitch
    energy: arrays.Energy
    speaker: arrays.Speaker
    split: arrays.Split | None = None


class Normalised(Schema):
    phone_contour: arrays.TokenVectors  # (N, 8)
    frame_contour: arrays.apart(arrays.FrameVectors, "contour")  # (T, 3): log-F0, interpolated, level, voicing
    pitch: arrays.Pitch


class Config(FitConfig):
    f_min: PositiveFloat = PitchRange().f_min  # Hz; a melody that is moved stays within
    f_max: PositiveFloat = PitchRange().f_max
    max_steps: PositiveInt = 1  # nothing is learned step by step


class NormalisedProsody(Trainable[Config]):
    tiny = Config()
    paper = "Klimkov et al. 2019 (1907.02479)"

    known = None  # once there are statistics: (speakers, 6)

    # ---- statistics ----

    def fit(self, run: Run[TrainItem]) -> None:
        """Raises ValueError for a training item that cannot be measured, or without any speaker who says enough."""
        items = [_checked(item) for item in run.items]
        logs = defaultdict(list)
        for item in items:
            for phone, frames in zip(item.phones, item.durations, strict=True):
                logs[stressless(phone)].append(np.log(frames))
        self.lengths = {phone: _mean_and_log_std(np.array(some)) for phone, some in logs.items()}
        every = np.array([length for some in logs.values() for length in some])
        self.lengths[""] = _mean_and_log_std(every)
        sentences, whole = defaultdict(list), defaultdict(list)
        for item in items:
            measured = self._measured(item)
            whole[item.speaker].append(measured)
            if (one := _statistics([measured])) is not None:
                sentences[item.speaker].append((one, len(measured[0])))
        found = {name: one for name, some in whole.items() if (one := _statistics(some)) is not None}
        if not found:
            raise ValueError(f"no speaker has {FEWEST} voiced frames in all, want speech to take statistics of")
        self.speakers, self.known = Symbols(found), np.stack(list(found.values()))
        # Within a speaker: how far statistics of a sentence lie from the speaker's, as if all were of the mean length.
        errors = [
            np.square(one - found[name]) * frames
            for name, some in sentences.items()
            for one, frames in some
            if name in found
        ]
        self.frames = float(np.mean([frames for some in sentences.values() for _, frames in some] or [1.0]))
        self.within = np.mean(errors, axis=0) / self.frames if errors else np.zeros(_STATISTICS)
        state = run.state(known=self.known)
        for batch in run.batches():
            run.report(batch.step, loss=0.0, speakers=len(found))
        self.known = np.asarray(state.known)

    def _between(self) -> np.ndarray:
        """(6): variance of speakers' statistics."""
        return self.known.var(axis=0, ddof=1) if len(self.known) > 1 else np.full(_STATISTICS, np.inf)

    def _measured(self, item) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log-F0 of voiced frames, level of frames that are no silence, log-durations of such phones less their identity's."""
        spoken = np.array([phone not in SILENCES for phone in item.phones])
        frames = np.repeat(spoken, item.durations)
        voiced = item.pitch > 0
        return (
            np.log(item.pitch[voiced].astype(np.float64)),
            item.energy[frames].astype(np.float64),
            self._lengths(item)[spoken],
        )

    def _lengths(self, item) -> np.ndarray:
        """(N): log-durations about those of their phones, in deviations of these."""
        table = np.array([self.lengths.get(stressless(phone), self.lengths[""]) for phone in item.phones])
        return (np.log(np.maximum(item.durations, 1)) - table[:, 0]) / np.exp(table[:, 1])

    def _of_speaker(self, item: Utterance) -> np.ndarray:
        """(6)."""
        if item.speaker and item.speaker in self.speakers:
            return self.known[self.speakers.row(item.speaker) - 1]
        measured, prior = self._measured(item), self.known.mean(axis=0)
        one = _statistics([measured])
        if one is None:
            return prior
        erring = self.within * self.frames / len(measured[0])
        believed = 1 / (1 + erring / np.maximum(self._between(), 1e-12))
        return prior + believed * (one - prior)

    # ---- use ----

    def apply(self, items: list[Utterance]) -> list[Normalised | Failure]:
        """Raises ValueError where there are no statistics yet."""
        if self.known is None:
            raise ValueError("no statistics of speakers yet: fit it, or load what a fit has saved")
        made = []
        for item in items:
            try:
                made.append(self._one(_checked(item)))
            except BadItem as reason:
                made.append(Failure(str(reason)))
        return made

    def _one(self, item: Utterance) -> Normalised:
        own, voiced = self._of_speaker(item), item.pitch > 0
        means, deviations = own[:3], np.maximum(np.exp(own[3:]), _NEAREST)
        high, loud, long = (
            np.clip((values - mean) / deviation, -_FARTHEST, _FARTHEST)
            for values, mean, deviation in zip(
                (_interpolated(item.pitch), item.energy, self._lengths(item)), means, deviations, strict=True
            )
        )
        high = high if voiced.sum() >= FEWEST else np.zeros(len(high))
        of_phones = [
            *thirds(high, item.durations),
            *thirds(loud, item.durations),
            long,
            *parts(voiced, item.durations, 1),
        ]
        hertz = item.pitch.astype(np.float64)
        if item.pitch_mean and item.pitch_spread:
            hertz = np.clip(item.pitch_mean * np.exp(high * item.pitch_spread), self.config.f_min, self.config.f_max)
        return Normalised(
            phone_contour=np.stack(of_phones, axis=1).astype(np.float32),
            frame_contour=np.stack([high, loud, voiced], axis=1).astype(np.float32),
            pitch=np.where(voiced, hertz, 0.0).astype(np.float32),
        )

    # ---- the artifact ----

    def save(self, folder: Path) -> None:
        lengths = Symbols(phone for phone in self.lengths if phone)
        table = np.array([self.lengths[""], *(self.lengths[phone] for phone in lengths)], np.float32)
        tensors = {
            "known": self.known.astype(np.float32), "within": self.within.astype(np.float32),
            "frames": np.array([self.frames], np.float32), "lengths": table,
        }  # fmt: skip
        weights.write(folder, tensors, symbols.write(folder, speakers=self.speakers, phones=lengths))

    def load(self, folder: Path) -> None:
        found, about = weights.read(folder)
        self.speakers, phones = symbols.read(folder, "speakers", "phones", about=about)
        shapes = {
            "known": (len(self.speakers), _STATISTICS), "within": (_STATISTICS,), "frames": (1,), "lengths": (len(phones) + 1, 2),
        }  # fmt: skip
        weights.check({name: value.shape for name, value in found.items()}, shapes, f"{folder}")
        self.known, self.within = found["known"].astype(np.float64), found["within"].astype(np.float64)
        self.frames = float(found["frames"][0])
        self.lengths = dict(zip(["", *phones], found["lengths"].astype(np.float64), strict=True))


# ---- kernels ----


def thirds(values_T: np.ndarray, durations_N: np.ndarray) -> list[np.ndarray]:
    """Three of (N): the mean over each third of a phone."""
    return parts(values_T, durations_N, 3)


def parts(values_T: np.ndarray, durations_N: np.ndarray, count: int) -> list[np.ndarray]:
    """`count` of (N): means over equal parts of each phone, frames in parts where they are."""
    sums = np.concatenate([[0.0], np.cumsum(values_T, dtype=np.float64)])
    ends = np.cumsum(durations_N)
    edges = (ends - durations_N) + np.arange(count + 1)[:, None] * durations_N / count  # (count + 1, N)
    at = np.interp(edges, np.arange(len(sums)), sums)
    return list(np.diff(at, axis=0) / np.diff(edges, axis=0))


def _interpolated(pitch_T: np.ndarray) -> np.ndarray:
    """float64 (T): log-F0 everywhere; zeros where there is none at all."""
    at = np.flatnonzero(pitch_T > 0)
    return (
        np.interp(np.arange(len(pitch_T)), at, np.log(pitch_T[at].astype(np.float64)))
        if len(at)
        else np.zeros(len(pitch_T))
    )


def _statistics(measured: list[tuple]) -> np.ndarray | None:
    """(6) over all of these, or None where too little is voiced."""
    columns = [np.concatenate(some) for some in zip(*measured, strict=True)]
    if len(columns[0]) < FEWEST or len(columns[2]) < 2:
        return None
    pairs = [_mean_and_log_std(column) for column in columns]
    return np.array([mean for mean, _ in pairs] + [log_std for _, log_std in pairs])


def _mean_and_log_std(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(np.log(max(values.std(), _NEAREST)))


def _checked(item):
    """The item. Raises BadItem where its frames are not those of its durations, or its durations not those of its phones."""
    if len(item.phones) != len(item.durations) or not len(item.phones) or item.durations.min() < 1:
        raise BadItem(
            f"{len(item.durations)} durations for {len(item.phones)} phones: want one each, of a frame at least"
        )
    for name, values in (("pitch", item.pitch), ("energy", item.energy)):
        if len(values) != item.durations.sum():
            raise BadItem(
                f"durations of {item.durations.sum()} frames in all, but {name} has {len(values)}: want as many"
            )
    return item
