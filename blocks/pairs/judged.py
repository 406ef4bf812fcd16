"""Every recording with every voice but its own, and recordings of that voice to compare a conversion with.

Of each pair: the recording (`source`), the voice it shall have (`target`), and two recordings of that voice, one to compare with
(`reference`) and `another`, which shows how near two recordings of one voice come. Ids of rows, to be looked up by nodes that follow:
``{row: held.log_mel, at: pairs.source}``. Where voices are said to be of a kind, such as female or male, `direction` is that of a pair.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, PositiveInt

from blocks.arrays import Id, Speaker, Value
from blocks.base import BlockConfig, DerivedRow, Expander, Schema
from blocks.load import suggest

RowId = Annotated[str, Value("row_id", "names a row of another table")]


class Utterance(Schema):
    id: Id
    speaker: Speaker


class Pair(DerivedRow):
    source: RowId
    speaker: Speaker  # of the source
    target: Speaker
    reference: RowId
    another: RowId
    direction: Annotated[str, Value("direction", "from which kind of voice to which, such as f to m")] = ""


class Config(BlockConfig):
    sources: tuple[str, ...] = ()  # voices that are converted; none named: all
    targets: tuple[str, ...] = ()  # voices to be had; none named: all that speak twice
    most: PositiveInt | None = None  # recordings of each voice that are converted; none: all
    kinds: dict[str, str] = Field(default_factory=dict)  # of voices, such as their sex: all that are paired, or none


class Judged(Expander[Config]):
    """Raises ValueError for a source or a target that nobody is, one with fewer than two recordings, or a voice of no kind where others have one."""

    tiny = Config(most=1)

    def expand(self, items: list[Utterance]) -> Iterator[Pair]:
        of: dict[str, list[str]] = {}
        for item in items:
            of.setdefault(item.speaker, []).append(item.id)
        targets = self.config.targets or tuple(name for name, rows in of.items() if len(rows) > 1)
        for target in targets:
            if target not in of:
                raise ValueError(f"no recording of {target!r}{suggest(target, list(of))}")
            if len(of[target]) < 2:
                raise ValueError(f"one recording of {target!r}, want two, to tell how near they come")
        for speaker in self.config.sources or of:
            if speaker not in of:
                raise ValueError(f"no recording of {speaker!r}{suggest(speaker, list(of))}")
            for number, source in enumerate(of[speaker][: self.config.most]):
                for target in targets:
                    if target != speaker:
                        reference, another = (of[target][(number + n) % len(of[target])] for n in (0, 1))
                        yield Pair(
                            id=f"{source}>{target}",
                            parents=(source, reference, another),
                            source=source,
                            speaker=speaker,
                            target=target,
                            reference=reference,
                            another=another,
                            direction=self._direction(speaker, target),
                        )

    def _direction(self, source: str, target: str) -> str:
        if not (kinds := self.config.kinds):
            return ""
        if absent := [name for name in (source, target) if name not in kinds]:
            raise ValueError(f"kinds: none of {absent[0]!r}{suggest(absent[0], list(kinds))}; want one for each voice")
        return f"{kinds[source]} to {kinds[target]}"
