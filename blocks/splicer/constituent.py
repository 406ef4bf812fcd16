"""New utterances by swapping constituents: in one, a stretch of words gives way to one of equal label from another.

Exactly one swap between exactly two utterances of one voice (and style), as in the paper; mels are joined frame by frame at
the aligned edges, with no cross-fade and no search. A tag marks the first phone after each join, so that a model can learn
that joins are no part of speech; at inference it is 0 everywhere. Recordings themselves, whose tags are 0, are among what is
made (`originals`): the paper asks that the identity be one of the transforms. How often they are drawn beside what is
spliced is the training's to say: by `balance` over `origin`, half and half at 1.

Ours, beside it: `spans: random` takes stretches of as many words from anywhere, the ablation that asks whether syntax
matters; `tag: fragment` marks all that was swapped in; filters compare both sides of each join; a `wave`, if there is one,
is joined within 20 ms of the edge where it is most silent, to listen to and to hand out. Recordings of other splits than
`splits` come as they are alone, so that one table is trained on and validated with.

A training that needs no table of them may draw such sentences itself, step by step: `splice` of the settings of `acoustic`.

Utterances come in a stream, and `pool` of them are held at once: partners are drawn among these.
Axes: N phones, W words, T frames, S samples.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from blocks.arrays import Span, Split
from blocks.base import BlockConfig, Expander, Skip
from blocks.common.prosody import energy_jump, pitch_jump
from blocks.common.splicing import boundary_tag, extent, joined
from blocks.splicer import _joins
from blocks.splicer.schema import Spliced, Utterance

_REACH_S, _FADE_S = 0.02, 0.008  # from the edge of a word to where a wave is cut; how long both sides sound
_SHARED = ("speaker", "split", "style", "language")  # by both sides of a swap


class Config(BlockConfig):
    made: NonNegativeInt = 4  # utterances of each recording, if there are partners for so many
    originals: bool = True  # recordings themselves, too
    splits: tuple[Split, ...] = ("train",)  # whose recordings are spliced
    spans: Literal["constituent", "random"] = "constituent"
    tag: Literal["boundary", "fragment", "none"] = "boundary"
    most_words: PositiveInt | None = None  # of a stretch, on either side
    max_per_donor: PositiveInt | None = None  # times one recording gives a part away
    max_pitch_jump: NonNegativeFloat | None = None  # semitones across a join
    max_energy_jump: NonNegativeFloat | None = None  # dB across a join
    max_rate_ratio: float | None = None  # how many times as fast one side is as the other, in phones a second
    tries: PositiveInt = 30  # draws for one utterance until it is given up
    pool: PositiveInt = 2000


@dataclass(frozen=True)
class _Stretch:
    """Words of an utterance, and the phones and frames they take, silences at their edges left out."""

    item: Utterance
    span: Span
    phones: slice
    frames: slice

    @property
    def words(self) -> tuple[str, ...]:
        return self.item.words[self.span.first : self.span.last]

    @property
    def size(self) -> int:
        """Phones."""
        return self.phones.stop - self.phones.start

    @property
    def rate(self) -> float:
        """Phones a frame."""
        return self.size / (self.frames.stop - self.frames.start)


@dataclass
class _Drawn:
    """What was made so far of a pool: no sentence twice."""

    texts: set[str]
    given: Counter = field(default_factory=Counter)  # parts, by the id of the recording


class Constituent(Expander[Config]):
    tiny = Config(made=1, pool=8)
    paper = "Lajszczak et al. 2022 (Distribution augmentation for low-resource expressive text-to-speech, 2202.06409)"
    stochastic = True

    def expand(self, items: Iterable[Utterance]) -> Iterator[Spliced | Skip]:
        """Each recording as it is, then `made` utterances of it; a `Skip` with what stood in the way of each that could not be made."""
        stream = iter(items)
        while chunk := list(islice(stream, self.config.pool)):
            drawn = _Drawn({_text(item.words) for item in chunk})
            partners = self._partners(chunk)
            for item in chunk:
                if self.config.originals:
                    yield _identity(item)
                for number in range(self.config.made if item.split in self.config.splits else 0):
                    yield self._one(item, number, partners, drawn)

    def _partners(self, items: Iterable[Utterance]) -> dict[tuple, list[_Stretch]]:
        """What may stand for what: stretches of one voice, style, split and label (or number of words)."""
        found = defaultdict(list)
        for item in items:
            for stretch in self._stretches(item) if item.split in self.config.splits else ():
                found[self._kind(stretch)].append(stretch)
        return found

    def _stretches(self, item: Utterance) -> list[_Stretch]:
        spans = item.spans
        if self.config.spans == "random":
            sizes = sorted({span.last - span.first for span in spans})
            spans = [Span(label="", first=at, last=at + n) for n in sizes for at in range(len(item.words) - n + 1)]
        most = self.config.most_words or len(item.words)
        return [_stretch(item, span) for span in spans if span.last - span.first <= most]

    def _kind(self, stretch: _Stretch) -> tuple:
        item, size = stretch.item, stretch.span.last - stretch.span.first
        return item.speaker, item.style, item.split, stretch.span.label or size

    def _one(self, item: Utterance, number: int, partners: dict, drawn: _Drawn) -> Spliced | Skip:
        id = f"{item.id}+{number}"
        rng = np.random.default_rng([self.seed, number, *item.id.encode()])
        own, refused = self._stretches(item), Counter()
        for _ in range(self.config.tries if own else 0):
            stays = own[rng.integers(len(own))]
            others = partners[self._kind(stays)]
            comes = others[rng.integers(len(others))]
            if reason := self._refusal(stays, comes, drawn):
                refused[reason] += 1
                continue
            drawn.given[comes.item.id] += 1
            drawn.texts.add(_text(_words(stays, comes)))
            return self._spliced(id, stays, comes)
        reasons = ", ".join(f"{count} {reason}" for reason, count in refused.most_common())
        return Skip(f"no swap found in {self.config.tries} draws: {reasons}" if own else "no constituents to swap", id)

    def _refusal(self, stays: _Stretch, comes: _Stretch, drawn: _Drawn) -> str | None:
        config = self.config
        if stays.item.id == comes.item.id:
            return "of the recording itself"
        if _text(_words(stays, comes)) in drawn.texts:
            return "that says what is said already"
        if config.max_per_donor and drawn.given[comes.item.id] >= config.max_per_donor:
            return "from a recording that has given max_per_donor parts"
        for most, measure, name in (
            (config.max_pitch_jump, pitch_jump, "pitch"),
            (config.max_energy_jump, energy_jump, "energy"),
        ):
            if most is not None and max(measure(*sides) for sides in _sides(stays, comes, name)) > most:
                return f"with a jump in {name}"
        if config.max_rate_ratio and max(rates := (stays.rate, comes.rate)) > config.max_rate_ratio * min(rates):
            return "at another rate"
        return None

    def _spliced(self, id: str, stays: _Stretch, comes: _Stretch) -> Spliced:
        a, b = stays.item, comes.item
        words = _words(stays, comes)
        phones = a.phones[: stays.phones.start] + b.phones[comes.phones] + a.phones[stays.phones.stop :]
        frames = (stays.frames, comes.frames)
        return Spliced(
            id=id,
            parents=(a.id, b.id),
            phones=phones,
            words=words,
            word_of_phone=_word_of_phone(stays, comes),
            text=" ".join(words),
            durations=joined(a.durations, b.durations, stays.phones, comes.phones),
            join_tag=self._tag(len(phones), stays.phones.start, stays.phones.start + comes.size),
            log_mel=joined(a.log_mel, b.log_mel, *frames),
            pitch=joined(a.pitch, b.pitch, *frames),
            energy=joined(a.energy, b.energy, *frames),
            wave=self._wave(stays, comes),
            origin="spliced",
            host=a.id,
            donor=b.id,
            replaced_frames=(stays.frames.start, stays.frames.stop),
            inserted_frames=(comes.frames.start, comes.frames.stop),
            swapped=f"{stays.span.label or 'words'}: {' '.join(stays.words)} -> {' '.join(comes.words)}",
            **{name: getattr(a, name) for name in _SHARED},
        )

    def _tag(self, phones: int, start: int, stop: int) -> np.ndarray:
        """float32 (N,) for a part that takes phones `start` to `stop`; what begins a recording is no join."""
        if self.config.tag == "boundary":
            return boundary_tag(phones, start, stop)
        tag = np.zeros(phones, np.float32)
        tag[start:stop] = self.config.tag == "fragment"
        return tag

    def _wave(self, stays: _Stretch, comes: _Stretch) -> np.ndarray | None:
        if stays.item.wave is None or comes.item.wave is None:
            return None
        rate, hop = self.spec.sample_rate, self.spec.hop_length
        reach, fade = round(_REACH_S * rate), round(_FADE_S * rate)
        host, other = stays.item.wave, comes.item.wave
        out, back = stays.frames.start * hop, stays.frames.stop * hop
        into, end = comes.frames.start * hop, comes.frames.stop * hop
        begun = _joins.cut(host, other, out, into, reach, fade)
        whole = _joins.cut(begun, host, out + end - into, back, reach, fade)
        return whole[: (len(stays.item.log_mel) - (back - out) // hop + (end - into) // hop) * hop]


def _identity(item: Utterance) -> Spliced:
    kept = ("phones", "words", "word_of_phone", "durations", "log_mel", "pitch", "energy", "wave", *_SHARED)
    return Spliced(
        id=f"{item.id}+identity",
        parents=(item.id,),
        text=" ".join(item.words),
        join_tag=np.zeros(len(item.phones), np.float32),
        origin="recorded",
        host=item.id,
        donor=item.id,
        replaced_frames=(0, 0),
        inserted_frames=(0, 0),
        swapped="",
        **{name: getattr(item, name) for name in kept},
    )


def _stretch(item: Utterance, span: Span) -> _Stretch:
    return _Stretch(item, span, *extent(item.word_of_phone, item.durations, span.first, span.last))


def _words(stays: _Stretch, comes: _Stretch) -> tuple[str, ...]:
    return stays.item.words[: stays.span.first] + comes.words + stays.item.words[stays.span.last :]


def _text(words: tuple[str, ...]) -> str:
    return " ".join(words).casefold()


def _word_of_phone(stays: _Stretch, comes: _Stretch) -> np.ndarray:
    """Words counted anew; silences stay -1."""
    host, other = stays.item.word_of_phone, comes.item.word_of_phone[comes.phones]
    grown = len(comes.words) - len(stays.words)
    middle = np.where(other < 0, other, other - comes.span.first + stays.span.first)
    after = host[stays.phones.stop :]
    return np.concatenate([host[: stays.phones.start], middle, np.where(after < 0, after, after + grown)]).astype(
        np.int32
    )


def _sides(stays: _Stretch, comes: _Stretch, name: str) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """What is before and after each of the two joins, of `pitch` or `energy` (T,)."""
    host, part = getattr(stays.item, name), getattr(comes.item, name)[comes.frames]
    return (host[: stays.frames.start], part), (part, host[stays.frames.stop :])
