"""Peer: flite, small voices of the festival family (diphones, clustered units). Needs the program flite (BSD-like), which runs as a process of its own."""

from blocks.base import BadItem, BlockConfig, Mapper
from blocks.peer._program import checked_text, english, program, run, speak
from blocks.peer.schema import Voiced, Written


class Config(BlockConfig):
    voice: str = "slt"  # a name of `flite -lv`


class Flite(Mapper[Config]):
    """Raises ValueError without the program or the voice; fails a text that is not in English, or not in ASCII."""

    tiny = Config()
    paper = "Black and Lenzo, Flite: a small fast run-time synthesis engine, SSW4 2001"
    licences = ("MIT-Festival",)
    batch_size = 1

    def setup(self) -> None:
        self.program = program("flite", "peer.flite")
        voices = run(self.program, "-lv").stdout.rpartition(":")[2].split()
        if self.config.voice not in voices:  # asked for another, flite takes its first voice and says nothing
            raise ValueError(f"voice: flite has none called {self.config.voice!r}; there is {', '.join(voices)}")

    def apply(self, items: list[Written]) -> list[Voiced]:
        return [self._one(item) for item in items]

    def _one(self, item: Written) -> Voiced:
        english(item.language, "peer.flite")
        text = checked_text(item.text)
        if bad := next((char for char in text if not char.isascii()), None):
            raise BadItem(f"{bad!r} in the text: flite leaves out what is not ASCII; write it in letters a to z")
        return Voiced(wave=speak((self.program, "-voice", self.config.voice), "-o", text, self.spec.sample_rate))
