"""A text as it is handed in, to phones and how they are to be said: `text.normalise` and `text.phones` with markup.

Without markup the phones are exactly theirs. ``[[ ]]`` holds phones; of SSML there are ``<speak>``, ``<break time="500ms"/>``
(or ``strength``), ``<prosody rate="80%" pitch="+2st">``, which nests, ``<emphasis level="strong">``, ``<p>``, ``<s>``,
``<phoneme alphabet="ipa" ph="...">``, ``<sub alias="...">`` and ``<say-as interpret-as="...">`` (characters, digits, date
with a ``format``, telephone, cardinal, ordinal); all else is refused. A sentence ends with a full stop, a paragraph with
a strong break, too. A tag ends a word. A silence is said as the word before it; a break where the
text has a mark says how long its silence lasts, elsewhere it puts a comma's there. Labels: strength none is 0 s, x-weak
0.1, weak 0.2, medium 0.4, strong 0.8, x-strong 1.2; rate x-slow 0.6, slow 0.8, fast 1.25, x-fast 1.6; pitch x-low -6
semitones, low -3, high 3, x-high 6; emphasis strong 0.85 of the rate and 2 semitones up, moderate 0.92 and 1, reduced 1.1 and
1 down. W3C 2010 (SSML 1.1). Axes: phones N, words W.
"""

import unicodedata
from dataclasses import replace
from typing import Literal

import numpy as np

from blocks.arrays import PhonePause, PhoneRate, PhoneShift, TextNotes
from blocks.base import BadItem, BlockConfig, Failure, Mapper
from blocks.text import normalise, phones
from blocks.text._markup import Span, spans
from blocks.text.schema import Phonemised, Written


class Config(BlockConfig):
    engine: Literal["lexicon", "espeak"] = "lexicon"  # as of text.phones


class Scripted(Phonemised):
    """Phones with what the markup asks of them; the numbers of a text without markup change nothing."""

    notes: TextNotes = ()  # as of text.normalise
    phone_rate: PhoneRate
    phone_shift: PhoneShift
    phone_pause: PhonePause


class Script(Mapper[Config]):
    tiny = Config()
    paper = "W3C 2010 (Speech Synthesis Markup Language 1.1)"
    needs = (*normalise.Normalise.needs, *phones.Phones.needs)
    extra = "text"
    batch_size = 64

    def setup(self) -> None:
        self.normalise = normalise.Normalise(normalise.Config(), self.spec)
        self.phones = phones.Phones(phones.Config(engine=self.config.engine), self.spec)
        self.normalise.setup()
        self.phones.setup()

    def apply(self, items: list[Written]) -> list[Scripted]:
        """Raises BadItem for markup and words that nobody can say."""
        read = [self._spans(item) for item in items]
        texts = [
            Written(text=" ".join(filter(None, (span.text for span in parts))), language=item.language)
            for item, parts in zip(items, read)
        ]
        return [_controlled(said, parts) for said, parts in zip(self.phones.apply(texts), read)]

    def _spans(self, item: Written) -> list[Span]:
        """Each normalised by itself: no number reaches across a tag."""
        found = spans(item.text, item.language, self.normalise.spelling(item.language))
        if len(found) > 1 and any(span.text.count("[[") != span.text.count("]]") for span in found):
            raise BadItem("[[ ]] is not closed before a tag: want whole phones between two tags")
        texts = [Written(text=span.text, language=item.language) for span in found]
        made = self.normalise.apply(texts)
        if failed := [one.reason for one in made if isinstance(one, Failure)]:
            raise BadItem(failed[0])
        return [replace(span, text=one.text, notes=one.notes) for span, one in zip(found, made)]


def _controlled(said: Phonemised, parts: list[Span]) -> Scripted:
    """The phones of all spans together, with the controls of each."""
    words = [sum(token["mark"] is None for token in phones._TOKEN.finditer(_nfc(span.text))) for span in parts]
    span_of_word = np.repeat(np.arange(len(parts)), words)
    of = said.word_of_phone
    found = [parts[n] for n in span_of_word[np.maximum.accumulate(of).clip(min=0)]]
    rows = [[phone, word, span.rate, span.shift, -1.0] for phone, word, span in zip(said.phones, of.tolist(), found)]
    for at, seconds in sorted(_breaks(parts, words).items(), reverse=True):
        n = int(np.flatnonzero(of == at - 1)[-1]) + 1 if at else 0
        if of[n] == -1:
            rows[n][4] = seconds
        elif seconds:
            rows.insert(n, [",", -1, *rows[n - 1][2:4], seconds])
    names, words_of, *controls = zip(*rows)
    rate, shift, pause = (np.array(values, np.float32) for values in controls)
    return Scripted(
        notes=tuple(dict.fromkeys(note for span in parts for note in span.notes)),
        phones=names, words=said.words, word_of_phone=np.array(words_of, np.int32),
        phone_rate=rate, phone_shift=shift, phone_pause=pause,
    )  # fmt: skip


def _breaks(parts: list[Span], words: list[int]) -> dict[int, float]:
    """Seconds of the breaks, by the number of words before them; those at one place add up."""
    found: dict[int, float] = {}
    for span, before in zip(parts, np.cumsum(words).tolist()):
        if span.pause is not None:
            found[before] = found.get(before, 0.0) + span.pause
    return found


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
