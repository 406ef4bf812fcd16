"""A minute of a speaker: recordings that are drawn until they last so long, one held out, after looking at all that were offered.

A speaker is refused, in one sentence, whose recordings are too short together, hold too narrow a band, are clipped, noisy or under music,
are in another language, do not say their texts, or are of two people. Noise and music are told by how far quiet frames (the
5 % quantile) lie below loud ones (95 %). Two people are told by two groups of vectors (k-means), each of several recordings, whose
means point elsewhere. Single recordings whose text is not their transcript are failures, and the others go on.
What is drawn hangs on the seed and on what is offered. Axes: samples, embedding.
"""

import difflib
from collections.abc import Iterator

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat

from blocks.base import BadItem, BlockConfig, Expander, Failure, Skip
from blocks.common.words import plain
from blocks.enrolment.schema import Enrolled, Offered

_FRAME_S = 0.02
_CLIPPED = 3  # samples in a row at the peak
_FEWEST = 3  # recordings that make a group of their own


class Config(BlockConfig):
    seconds: PositiveFloat = 60.0  # what is learnt from; all there is, where there is less
    least: PositiveFloat = 30.0  # seconds that are wanted in any case
    longest: PositiveFloat = 15.0  # seconds of one recording
    held_out: NonNegativeInt = 1  # recordings beside, of about the mean length
    languages: tuple[str, ...] = ("en",)  # what the model of speech knows
    min_band_hz: PositiveFloat = 5500.0
    max_clipped: float = Field(0.001, ge=0, le=1)  # share of the samples
    min_range_db: float = 20.0  # between quiet and loud frames
    min_match: float = Field(0.6, ge=0, le=1)  # of a text with the transcript, in characters
    max_wrong: float = Field(0.34, ge=0, le=1)  # share of the recordings whose text may not match
    min_likeness: float = Field(
        0.8, ge=-1, le=1
    )  # cosine of the two groups, by GE2E: 0.88 within actors, 0.55 to 0.89 of two


class Minute(Expander[Config]):
    """Raises BadItem where nobody can be enrolled, with the reason of the first."""

    tiny = Config(seconds=2, least=0.5, held_out=1, min_band_hz=100, min_range_db=0, max_clipped=1, min_match=0)
    paper = "Gabrys et al. 2022 (one minute); the checks are ours"
    stochastic = True

    def expand(self, items: list[Offered]) -> Iterator[Enrolled | Failure | Skip]:
        by_speaker: dict[str, list[Offered]] = {}
        for item in items:
            by_speaker.setdefault(item.speaker, []).append(item)
        refused = {}
        for speaker, offered in by_speaker.items():
            good, wrong = self._sorted(offered)
            yield from wrong
            if reason := self._why_not(good, len(offered)):
                refused[speaker] = reason
                yield from (Failure(reason, item.id) for item in good)
                continue
            yield from self._drawn(good)
        if refused and len(refused) == len(by_speaker):
            raise BadItem(next(iter(refused.values())))

    # ---- single recordings ----

    def _sorted(self, offered: list[Offered]) -> tuple[list[Offered], list[Failure]]:
        good, wrong = [], []
        for item in offered:
            reason = self._wrong(item)
            wrong += [Failure(reason, item.id)] if reason else []
            good += [] if reason else [item]
        return good, wrong

    def _wrong(self, item: Offered) -> str:
        if (seconds := self._seconds(item)) > self.config.longest:
            return f"{seconds:.1f} s in one recording, want at most {self.config.longest:g}: cut it at its pauses"
        if not item.text.strip():
            return "no text, and an empty transcript"
        if item.transcript is not None and self._foreign(item) is None and match(item) < self.config.min_match:
            return f"the text says {item.text!r}, the transcript is {item.transcript!r}"
        return ""

    def _foreign(self, item: Offered) -> str | None:
        language = item.detected_language
        return None if language is None or language.split("-")[0] in self.config.languages else language

    def _seconds(self, item: Offered) -> float:
        return len(item.wave) / self.spec.sample_rate

    # ---- a speaker ----

    def _why_not(self, good: list[Offered], offered: int) -> str:
        config, total = self.config, sum(map(self._seconds, good))
        if offered - len(good) > config.max_wrong * offered:
            return (
                f"{offered - len(good)} of {offered} recordings do not go with their texts or are too long; look at their "
                "reasons, and mend the texts, or leave them out to have them written"
            )
        if not good or total < config.least:
            return f"{total:.0f} s of recordings that can be used, want {config.seconds:g} s, and {config.least:g} at least"
        foreign = [found for item in good if (found := self._foreign(item))]
        if len(foreign) > len(good) / 2:
            most = max(set(foreign), key=foreign.count)
            return f"the recordings are in the language {most!r}, want {' or '.join(config.languages)}"
        if (band := float(np.median([self._band(item) for item in good]))) < config.min_band_hz:
            return (
                f"the recordings end at {band:.0f} Hz, as those of a telephone do, want {config.min_band_hz:g} at least: "
                "record at 16 kHz or more"
            )
        if (share := float(np.mean([clipped(item.wave) for item in good]))) > config.max_clipped:
            return f"{100 * share:.2g} % of the samples are clipped, want at most {100 * config.max_clipped:g}: record at a lower level"
        if (reach := self._range(good)) < config.min_range_db:
            return (
                f"noise or music under the speech: quiet frames lie {reach:.0f} dB below loud ones, want "
                f"{config.min_range_db:g} at least: record in a quiet room"
            )
        return self._two_people(good)

    def _band(self, item: Offered) -> float:
        """Hz: where the recording's file ends, or what it holds: an upsampled one holds less than its rate promises."""
        power = np.abs(np.fft.rfft(item.wave.astype(np.float64))) ** 2
        hz = np.fft.rfftfreq(len(item.wave), 1 / self.spec.sample_rate)
        above = np.cumsum(power[::-1])[::-1]
        held = hz[np.flatnonzero(above > 1e-6 * above[0])[-1]] if above[0] > 0 else 0.0
        return min(item.band_hz, float(held))

    def _range(self, good: list[Offered]) -> float:
        size = round(_FRAME_S * self.spec.sample_rate)
        waves = [item.wave[: len(item.wave) // size * size].reshape(-1, size) for item in good]
        powers = np.concatenate([np.square(wave.astype(np.float64)).mean(axis=1) for wave in waves])
        quiet, loud = np.quantile(10 * np.log10(powers + 1e-10), (0.05, 0.95))
        return float(loud - quiet)

    def _two_people(self, good: list[Offered]) -> str:
        vectors = [item.embedding for item in good if item.embedding is not None]
        if len(vectors) < 2 * _FEWEST:
            return ""
        groups, likeness = parted(np.stack(vectors))
        if min(groups) < _FEWEST or likeness >= self.config.min_likeness:
            return ""
        return (
            f"the recordings seem to be of two people: {groups[0]} of one and {groups[1]} of another, whose vectors are alike by "
            f"{likeness:.2f}, want {self.config.min_likeness:g}: leave one of them out"
        )

    # ---- what is drawn ----

    def _drawn(self, good: list[Offered]) -> Iterator[Enrolled | Skip]:
        """Dev first, so that the minute does not depend on it by more than what it leaves."""
        order = [good[n] for n in np.random.default_rng(self.seed).permutation(len(good))]
        mean = np.mean([self._seconds(item) for item in good])
        held = sorted(order, key=lambda item: abs(self._seconds(item) - mean))[: self.config.held_out]
        held = held if len(good) > len(held) else []
        total = 0.0
        for item in order:
            dev = any(item is one for one in held)
            if not dev and total >= self.config.seconds:
                yield Skip(f"beyond the {self.config.seconds:g} s that are learnt from", item.id)
                continue
            yield Enrolled(
                id=f"{item.id}-enrolled",
                parents=(item.id,),
                split="dev" if dev else "train",
                seconds=self._seconds(item),
                after=0.0 if dev else total,
                **{name: getattr(item, name) for name in ("wave", "text", "language", "speaker", "band_hz")},
            )
            total += 0.0 if dev else self._seconds(item)


def match(item: Offered) -> float:
    """How much of the text is in the transcript, 0 to 1, in letters and blanks."""
    return difflib.SequenceMatcher(None, plain(item.text), plain(item.transcript or ""), autojunk=False).ratio()


def clipped(wave: np.ndarray) -> float:
    """Share of the samples that stand at the recording's peak in runs of three or more."""
    if not wave.any():
        return 0.0
    at = (np.abs(wave) >= 0.999 * np.abs(wave).max()).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], at, [0]])))
    runs = edges[1::2] - edges[::2]
    return float(runs[runs >= _CLIPPED].sum() / len(wave))


def parted(vectors: np.ndarray) -> tuple[tuple[int, int], float]:
    """The sizes of two groups of (N, D), and the cosine of their means: k-means from the two that are most unlike."""
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = vectors @ vectors.T
    means = vectors[list(np.unravel_index(alike.argmin(), alike.shape))]
    for _ in range(20):
        of = (vectors @ means.T).argmax(axis=1)
        if of.min() == of.max():
            return (len(vectors), 0), 1.0
        means = np.stack([vectors[of == n].mean(axis=0) for n in (0, 1)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    return (int((of == 0).sum()), int((of == 1).sum())), float(means[0] @ means[1])
