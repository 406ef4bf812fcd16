"""What a training has heard: rows, hours, speakers, languages and licences, counted in the tables its rows come from."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.graph.nodes import CONSTANT
from runner.store import Store

_COUNTED = {"speaker": "speakers", "language": "languages", "style": "styles", "licence": "licences"}


class Ancestry:
    """The tables that some tables were made from, themselves first, the nearest before the farther ones."""

    def __init__(self, store: Store, digests: list[str]):
        self.tables: dict[str, Any] = {}
        waiting = list(digests)
        while waiting:
            digest = waiting.pop(0)
            if digest not in self.tables and (table := store.find_table(digest)) is not None:
                self.tables[digest] = table
                meta = table.manifest["meta"]
                waiting += [*_digests(meta.get("inputs", {})), *meta.get("members", ())]

    def made_by(self) -> list[dict]:
        """Node, block, config and state of the data of each that a block has made."""
        metas = (table.manifest["meta"] for table in self.tables.values())
        keys = ("node", "block", "data")
        return [
            {key: meta[key] for key in keys if meta.get(key) is not None}
            | {"config": _public(meta.get("config") or {})}
            for meta in metas
            if meta.get("block")
        ]

    def values(self, kind: str, id: str) -> list:
        """The value of a type, such as ``speaker``, of a row; of a row made from others, those of its parents."""
        for table, column in self._columns(kind):
            if id in table:
                return [table.get(id, (column,))[column]]
        held = (table.get(id, ()) for table in self.tables.values() if id in table)
        parents = next((row["parents"] for row in held if row.get("parents")), ())
        return [value for parent in parents for value in self.values(kind, parent)]

    def _columns(self, kind: str) -> Iterator[tuple]:
        """Fields of a type, whose name is the first word of how it is written."""
        for table in self.tables.values():
            yield from ((table, name) for name, hint in table.manifest["fields"].items() if hint.split(" ")[0] == kind)


def heard(ancestry: Ancestry, train: list[str], dev: list[str]) -> dict:
    """``{"rows", "dev_rows", "hours", "speakers": {name: rows}, "languages": ..., "styles": ..., "licences": ...}``.

    And ``"speaker_languages": {speaker: {language: rows}}``. What no table knows is left out; dev rows are in none of the
    other counts. The most frequent stands first.
    """
    found: dict[str, Any] = {"rows": len(train), "dev_rows": len(dev)}
    seconds = [value for id in train for value in ancestry.values("seconds", id)]
    if seconds:
        found["hours"] = round(sum(seconds) / 3600, 3)
    values = {kind: [ancestry.values(kind, id) for id in train] for kind in _COUNTED}
    for kind, name in _COUNTED.items():
        if counted := Counter(value for row in values[kind] for value in dict.fromkeys(row)):
            found[name] = dict(counted.most_common())
    if pairs := Counter(pair for row in zip(values["speaker"], values["language"]) for pair in _pairs(*row)):
        spoken: dict[str, dict[str, int]] = {speaker: {} for speaker in found["speakers"]}
        for (speaker, language), rows in pairs.most_common():
            spoken[speaker][language] = rows
        found["speaker_languages"] = {speaker: languages for speaker, languages in spoken.items() if languages}
    return found


def _pairs(speakers: list[str], languages: list[str]) -> Iterator[tuple[str, str]]:
    """Who spoke which language in a row; nothing where it was made from several and that cannot be told."""
    if len(languages) == 1:
        languages = languages * len(speakers)
    if len(languages) == len(speakers):
        yield from dict.fromkeys(zip(speakers, languages))


def _public(config: dict) -> dict:
    """Without paths of this machine, which say nothing to others."""
    return {key: value for key, value in config.items() if not (isinstance(value, str) and Path(value).is_absolute())}


def _digests(inputs: dict) -> Iterator[str]:
    for source in inputs.values():
        if isinstance(source, dict):
            yield from () if source.keys() == CONSTANT else _digests(source)
        else:
            yield source[0]
