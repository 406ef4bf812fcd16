"""What a model was trained on: rows, hours, speakers, languages and licences, counted in the tables its rows come from."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from runner.work.ancestry import Ancestry

_COUNTED = {"speaker": "speakers", "language": "languages", "style": "styles", "licence": "licences"}


def trained_on(ancestry: Ancestry, train: list[str], dev: list[str]) -> dict:
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
