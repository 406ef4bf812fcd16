"""What a model was trained on: rows, hours, speakers, languages and licences, counted in the tables its rows come from."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from runner.store.ids import Ids
from runner.store.outline import Outline, places
from runner.work.ancestry import Ancestry

_COUNTED = {"speaker": "speakers", "language": "languages", "style": "styles", "licence": "licences"}


def trained_on(ancestry: Ancestry, train: Sequence[str], dev: Sequence[str]) -> dict:
    """``{"rows", "dev_rows", "hours", "speakers": {name: rows}, "languages": ..., "styles": ..., "licences": ...}``.

    And ``"speaker_languages": {speaker: {language: rows}}``. What no table knows is left out; dev rows are in none of the
    other counts. The most frequent stands first.
    """
    found: dict[str, Any] = {"rows": len(train), "dev_rows": len(dev)}
    if isinstance(train, Ids) and not ancestry.has_parents:
        return found | _counted(ancestry, train)
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


def _counted(ancestry: Ancestry, ids: Ids) -> dict:
    """The same of many rows, none of which was made from others: from what tables tell without being read."""
    found: dict[str, Any] = {}
    seconds = np.full(len(ids), np.nan)
    for seen in _outlines(ancestry, "seconds", ids):
        seconds = np.where(np.isnan(seconds), seen.floats.get("it", np.nan), seconds)
    if not np.isnan(seconds).all():
        found["hours"] = round(float(np.nansum(seconds)) / 3600, 3)
    coded = {kind: _codes(ancestry, kind, ids) for kind in _COUNTED}
    for kind, name in _COUNTED.items():
        if counted := _most_common(*coded[kind]):
            found[name] = counted
    (speakers, names), (languages, spoken) = coded["speaker"], coded["language"]
    if names and spoken:
        both = np.where((speakers >= 0) & (languages >= 0), speakers * len(spoken) + languages, -1)
        pairs = _most_common(both, [(name, language) for name in names for language in spoken])
        by_speaker: dict[str, dict[str, int]] = {name: {} for name in found["speakers"]}
        for (name, language), rows in pairs.items():
            by_speaker[name][language] = rows
        found["speaker_languages"] = {name: languages for name, languages in by_speaker.items() if languages}
    return found


def _outlines(ancestry: Ancestry, kind: str, ids: Ids) -> Iterator[Outline]:
    """Of every field of a type, as ``it``, the nearest table first."""
    for table, name in ancestry.columns(kind):
        yield table.outline([name]).of({"it": name}, places(table.ids, ids))


def _codes(ancestry: Ancestry, kind: str, ids: Ids) -> tuple[np.ndarray, list]:
    """A number for each row, -1 where no table tells, and the values that numbers stand for."""
    codes, known = np.full(len(ids), -1, np.int64), {}
    for seen in _outlines(ancestry, kind, ids):
        if seen.codes.get("it") is not None:
            table = [-1 if value is None else known.setdefault(value, len(known)) for value in seen.values["it"]] + [-1]
            codes = np.where(codes < 0, np.array(table)[seen.codes["it"]], codes)
    return codes, list(known)


def _most_common(codes: np.ndarray, values: list) -> dict:
    """Values with their counts, the most frequent first, of equals the one that is met first."""
    found, first, counts = np.unique(codes[codes >= 0], return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    return {values[code]: count for code, count in zip(found[order].tolist(), counts[order].tolist())}
