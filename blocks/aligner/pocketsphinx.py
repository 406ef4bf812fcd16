"""Forced alignment of English with pocketsphinx and the acoustic model inside its package: nothing is trained here.

Every word is taught to it with the very phones it is given, so that all boundaries can be compared with another
aligner's. It hears pauses between words wherever they are: one that has no token is shared by its two neighbours, and a
token whose pause was not made gets a single frame. It knows no stress. Axes: N phones.
"""

import numpy as np
from pydantic import Field

from blocks.aligner.schema import Aligned, Recording
from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.common.items import each
from blocks.common.phones import stressless, to_arpabet

_RATE = 16000  # Hz, of the model
_FRAME = 0.010  # s
# Its window of frame t is centred at t * 10 ms + 12.8 ms: the frame stands for what is 5 ms to both sides.
_FIRST = 0.0128 - _FRAME / 2


class Config(BlockConfig):
    # How much less likely than the best a path may become before it is given up; the defaults are pocketsphinx's own.
    beam: float = Field(1e-48, gt=0, lt=1)
    pbeam: float = Field(1e-48, gt=0, lt=1)  # at the end of a phone
    wbeam: float = Field(7e-29, gt=0, lt=1)  # at the end of a word
    pauses: bool = True  # whether it may hear some


class Pocketsphinx(Mapper[Config]):
    """The score is the mean over frames of how likely their states are beside the best ones: 0 at best, its own unit."""

    tiny = Config(beam=1e-200, pbeam=1e-200, wbeam=1e-200, pauses=False)
    paper = "Huggins-Daines et al. 2006, PocketSphinx"
    needs = ("pocketsphinx",)
    extra = "text"
    licences = ("BSD-2-Clause",)

    def apply(self, items: list[Recording]) -> list[Aligned | Failure]:
        return each(self._one, items)

    def _one(self, item: Recording) -> Aligned:
        frames = self.spec.frames(len(item.wave))
        if not 1 <= len(item.phones) <= frames:
            raise BadItem(
                f"{frames} frames for {len(item.phones)} phones: want at least one phone, and a frame for each"
            )
        times, score = self._align(item.wave, _words(item))
        seconds = frames / self.spec.frame_rate
        ends = _ends(item.word_of_phone >= 0, np.minimum(times, seconds), seconds)
        return Aligned(durations=_a_frame_each(self.spec.durations(ends, frames)), score=score)

    def _align(self, wave: np.ndarray, words: list[str]) -> tuple[np.ndarray, float]:
        """(starts and ends of the phones of the words in s (P, 2), score)."""
        decoder, pcm = self._decoder(set(words)), _pcm(wave, self.spec.sample_rate)
        try:
            decoder.set_align_text(" ".join(words))
            _listen(decoder, pcm)
            decoder.set_alignment()  # a second time, for the phones inside the words
            _listen(decoder, pcm)
            found = [
                (
                    entry.name,
                    entry.score,
                    entry.duration,
                    [(phone.start, phone.start + phone.duration) for phone in entry],
                )
                for entry in decoder.get_alignment() or ()  # words and pauses, gone with the next step
            ]
        except RuntimeError:  # which says no more than that
            found = []
        found_words, scores, frames, times = zip(*found) if found else ((),) * 4
        if [word for word in found_words if word in words] != words:
            raise BadItem("pocketsphinx finds no way to hear these phones in this recording; is this the right text?")
        spoken = [time for word, inside in zip(found_words, times) if word in words for time in inside]
        return _FIRST + _FRAME * np.array(spoken), sum(scores) / sum(frames)

    def _decoder(self, words: set[str]):
        """A new one for every item, in 0.1 s: what it recognised before would change what it recognises."""
        from pocketsphinx import Decoder

        beams = self.config.model_dump(exclude={"pauses"})
        # Without its dictionary and its language model: words and their order are given.
        made = Decoder(samprate=_RATE, lm=None, dict=None, loglevel="FATAL", fsgusefiller=self.config.pauses, **beams)
        for number, word in enumerate(sorted(words), 1):
            made.add_word(word, word.replace("_", " "), number == len(words))  # its tables are made with the last
        return made


def _listen(decoder, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _words(item: Recording) -> list[str]:
    """Each word by a name that spells its phones: ``HH_AH_L_OW``."""
    words: dict[int, list[str]] = {}
    try:
        for phone, word in zip(item.phones, item.word_of_phone, strict=True):
            if word >= 0:
                words.setdefault(int(word), []).append(to_arpabet(stressless(phone)))
    except KeyError:
        raise BadItem(f"{phone!r} is no phone of English, and pocketsphinx knows no others") from None
    if not words:
        raise BadItem(f"there is no word to align, only {' '.join(item.phones)}")
    return ["_".join(phones) for phones in words.values()]


def _pcm(wave: np.ndarray, rate: int) -> bytes:
    if rate != _RATE:
        import soxr

        wave = soxr.resample(wave, rate, _RATE)
    return np.rint(np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()


def _ends(spoken: np.ndarray, times: np.ndarray, seconds: float) -> np.ndarray:
    """float64 (N,): where each token ends in s, from (starts, ends) of those that are no pauses.

    A pause begins where the last phone before it ends, and ends where the next one begins.
    """
    before = np.cumsum(spoken)  # phones up to and with each token
    starts = np.where(spoken, np.append(times[:, 0], seconds)[before - spoken], np.insert(times[:, 1], 0, 0.0)[before])
    ends = np.where(spoken, np.insert(times[:, 1], 0, 0.0)[before], np.append(times[:, 0], seconds)[before])
    return np.append((ends[:-1] + starts[1:]) / 2, seconds)


def _a_frame_each(durations: np.ndarray) -> np.ndarray:
    """The same sum, where a token without a frame gets one from its neighbours. Wants a frame for each."""
    least = np.arange(1, len(durations) + 1)
    spare = np.maximum.accumulate(np.cumsum(durations) - least)  # frames before each end beyond one for each token
    ends = least + np.clip(spare, 0, durations.sum() - len(durations))
    return np.diff(ends, prepend=0).astype(np.int32)
