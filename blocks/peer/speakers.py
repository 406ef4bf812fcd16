"""Each text said by each of several peers: rows as those of a corpus of recordings, a speaker for every voice.

Voices are named by their engine and what it calls them: ``flite/rms``, ``espeak/en-us+f3``, ``piper/joe``. The speaker is the same with a
dash in the middle. They are synthetic, and to be told apart from people wherever either is counted: style says so.
"""

from collections.abc import Iterable, Iterator

from pydantic import field_validator

from blocks.arrays import BandHz, Id, Language, Seconds, Speaker, Split, Style, Text, Wave
from blocks.base import BadItem, BlockConfig, DerivedRow, Expander, Failure, Mapper
from blocks.peer import espeak, flite, piper
from blocks.peer.schema import Written
from blocks.spec import AudioSpec

_LICENCES = {"flite": "MIT-Festival", "espeak": "GPL-3.0-or-later", "piper": "CC0-1.0"}
_BAND_HZ = {"flite": 8000.0, "espeak": 11025.0, "piper": 11025.0}  # half of the rates that the engines speak at
_EIGHT_KHZ = ("flite/kal",)


class Config(BlockConfig):
    voices: tuple[str, ...]

    @field_validator("voices")
    @classmethod
    def _known(cls, voices):
        for voice in voices:
            engine, _, name = voice.partition("/")
            if engine not in _BAND_HZ or not name:
                raise ValueError(
                    f"no voice {voice!r}; want an engine and its voice, such as flite/rms or espeak/en-us+f3"
                )
            if engine == "piper" and name != "joe":
                raise ValueError(f"no voice {voice!r}; there is piper/joe")
        if not voices or len(set(voices)) < len(voices):
            raise ValueError(f"want each voice once and at least one, got {list(voices)}")
        return voices


class Line(Written):
    id: Id
    split: Split


class Synthesised(DerivedRow):
    wave: Wave
    text: Text
    language: Language
    speaker: Speaker
    style: Style
    split: Split
    seconds: Seconds
    band_hz: BandHz


class Speakers(Expander[Config]):
    """Raises ValueError without the program of an engine or the voice; fails what a peer cannot say."""

    tiny = Config(voices=("flite/rms", "espeak/en-us"))
    apart = True

    def __init__(self, config: Config, spec: AudioSpec, seed: int = 0):
        super().__init__(config, spec, seed)
        engines = {voice.partition("/")[0] for voice in config.voices}
        self.licences = tuple(_LICENCES[engine] for engine in sorted(engines))

    def setup(self) -> None:
        self.engines: dict[str, Mapper] = {voice: self._engine(voice) for voice in self.config.voices}
        for engine in self.engines.values():
            engine.setup()

    def _engine(self, voice: str) -> Mapper:
        engine, _, name = voice.partition("/")
        if engine == "flite":
            return flite.Flite(flite.Config(voice=name), self.spec, self.seed)
        if engine == "espeak":
            return espeak.Espeak(espeak.Config(voice=name), self.spec, self.seed)
        return piper.Piper(piper.Config(threads=1), self.spec, self.seed)

    def expand(self, items: Iterable[Line]) -> Iterator[Synthesised | Failure]:
        for item in items:
            for voice, engine in self.engines.items():
                id = f"{voice.replace('/', '-')}/{item.id}"
                try:
                    (made,) = engine.apply([Written(text=item.text, language=item.language)])
                except BadItem as error:
                    yield Failure(str(error), item.id)
                    continue
                yield Synthesised(
                    id=id,
                    parents=(item.id,),
                    wave=made.wave,
                    text=item.text,
                    language=item.language,
                    speaker=voice.replace("/", "-"),
                    style="synthetic",
                    split=item.split,
                    seconds=len(made.wave) / self.spec.sample_rate,
                    band_hz=self._band(voice),
                )

    def _band(self, voice: str) -> float:
        own = 4000.0 if voice in _EIGHT_KHZ else _BAND_HZ[voice.partition("/")[0]]
        return min(own, self.spec.sample_rate / 2)
