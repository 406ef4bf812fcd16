"""The part of a report one listens to: for some utterances, what every system made of them, side by side."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from blocks.arrays import Note
from blocks.base import BadItem, Failure, ports
from blocks.load import UnknownBlock, find
from blocks.spec import AudioSpec
from runner.report import pictures
from runner.report.lineage import Column, Lineage, System

_ABOUT = ("speaker", "language", "style", "licence")


@dataclass
class Clip:
    """One utterance from one system. Positions and widths are shares in %, of the longest clip of the utterance."""

    system: System
    audio: str
    seconds: float
    width: float
    scores: list[dict]  # name, value, unit, best
    said: list[tuple[str, str]]  # other short texts about it, such as a transcript
    mel: str = ""
    mel_ticks: list = field(default_factory=list)
    pitch: str = ""
    asked: str = ""  # the curve that a metric holds its pitch against
    phones: list = field(default_factory=list)


@dataclass
class Utterance:
    id: str
    texts: list[str]
    about: dict[str, str]
    clips: list[Clip]
    seconds: float
    time_ticks: list
    pitch_ticks: list
    score: str = ""  # the notes that were to be sung, in the box of the pitch
    syllables: list = field(default_factory=list)


class Listening:
    """What there is to hear in the tables of a run that are complete."""

    def __init__(self, lineage: Lineage, tables: dict):
        self.lineage, self.tables = lineage, tables

    @cached_property
    def systems(self) -> list[System]:
        """Those with at least one row in the store."""
        return [s for s in self.lineage.systems if any(len(self.tables[n]) for n, _ in s.columns if n in self.tables)]

    def utterances(self, most: int) -> list[Utterance]:
        return [self._utterance(id, [self.systems[n] for n in systems]) for id, systems in self._choose(most)]

    # ---- which ones ----

    def _choose(self, most: int) -> list[tuple[str, list[int]]]:
        """Ids, spread evenly, of those that as many systems as possible have; systems without a common id take turns."""
        holders: dict[str, set[int]] = {}
        for number, system in enumerate(self.systems):
            for node, _ in system.columns:
                for id in self.tables[node].ids if node in self.tables else ():
                    holders.setdefault(id, set()).add(number)
        groups: dict[frozenset, list[str]] = {}
        for id, numbers in holders.items():
            groups.setdefault(frozenset(numbers), []).append(id)
        widest = [group for group in groups if not any(group < other for other in groups)]
        chosen: list[tuple[str, list[int]]] = []
        for place, group in enumerate(widest):
            share = most // len(widest) + (place < most % len(widest))
            ids = groups[group]
            picked = np.unique(np.linspace(0, len(ids) - 1, min(share, len(ids))).astype(int))
            chosen += [(ids[at], sorted(group)) for at in picked]
        return chosen

    # ---- one of them ----

    def _utterance(self, id: str, systems: list[System]) -> Utterance:
        waves = {system: self._wave(system, id) for system in systems}
        specs = {system: self._spec(system.head[0]) for system in systems}
        seconds = max(max(len(wave) / specs[system].sample_rate for system, wave in waves.items()), 1e-3)
        clips = []
        for system, wave in waves.items():
            length = len(wave) / specs[system].sample_rate
            audio = pictures.flac(wave, specs[system].sample_rate)
            scores, said = self._judged(system, id)
            clips.append(Clip(system, audio, length, 100 * length / seconds, scores, said))
        self._mark_best(clips)
        self._draw_mels(clips, {system: self._mel(system, id, waves[system]) for system in systems})
        notes = self._notes(id)
        curves = {system: self._pitch(system, id, notes) for system in systems}
        asked = {system: self._asked(system, id) for system in systems}
        between = self._draw_pitch(clips, curves, asked, seconds, notes)
        for clip in clips:
            clip.phones = self._phones(clip.system, id, seconds) if clip.pitch and not notes else []
        ticks = pictures.pitch_ticks(*between) if between else []
        score = pictures.score_path(notes, seconds, *between) if between else ("", [])
        return Utterance(
            id, self._texts(id), self._facts(id), clips, seconds, pictures.time_ticks(seconds), ticks, *score
        )

    def _draw_mels(self, clips: list[Clip], mels: dict) -> None:
        if not (found := [mel for mel, _ in filter(None, mels.values())]):
            return
        low, high = pictures.mel_range(found)
        for clip in clips:
            if made := mels[clip.system]:
                clip.mel, clip.mel_ticks = pictures.mel_png(made[0], low, high), pictures.mel_ticks(made[1])

    def _draw_pitch(
        self, clips: list[Clip], curves: dict, asked: dict, seconds: float, notes: tuple
    ) -> tuple[float, float] | None:
        """Gives the range in Hz; None where nothing is voiced."""
        found = [curve for curve in [*curves.values(), *asked.values()] if curve]
        between = pictures.pitch_range([pitch for pitch, _ in found], notes) if found else None
        for clip in clips if between else ():
            if made := curves[clip.system]:
                clip.pitch = pictures.pitch_path(*made, seconds, *between)
            if wanted := asked[clip.system]:
                clip.asked = pictures.pitch_path(*wanted, seconds, *between)
        return between

    def _mark_best(self, clips: list[Clip]) -> None:
        """Only where a table of the run says which direction is better."""
        for name in {score["name"] for clip in clips for score in clip.scores if score["lower"] is not None}:
            compared = [score for clip in clips for score in clip.scores if score["name"] == name]
            values = [score["value"] for score in compared]
            best = min(values) if compared[0]["lower"] else max(values)
            for score in compared:
                score["best"] = len(compared) > 1 and score["value"] == best

    # ---- from the tables ----

    def _get(self, columns: Sequence[Column], id: str):
        """The value of the first column whose table has the row; None without one."""
        for node, name in columns:
            if node in self.tables and id in self.tables[node]:
                return self.tables[node].get(id, (name,))[name]
        return None

    def _wave(self, system: System, id: str) -> np.ndarray:
        return self._get(system.columns, id)

    def _spec(self, node: str) -> AudioSpec:
        """The spec of the node that made a column; picks and unions have none of their own."""
        own = self.tables[node].manifest["meta"].get("spec") if node in self.tables else None
        return AudioSpec(**(own or self.lineage.record["spec"]))

    def _mel(self, system: System, id: str, wave: np.ndarray) -> tuple[np.ndarray, AudioSpec] | None:
        column = self.lineage.made_from(system.head, "log_mel")
        mel = self._get([column], id) if column else None
        spec = self._spec(column[0] if mel is not None else system.head[0])
        mel = _mel_of(wave, spec) if mel is None else mel
        return (mel, spec) if mel is not None and mel.size else None

    def _pitch(self, system: System, id: str, notes: tuple) -> tuple[np.ndarray, np.ndarray] | None:
        """F0 and its times: of a node that made it, and of singing in any case."""
        column = self.lineage.made_from(system.head, "pitch")
        pitch = self._get([column], id) if column else None
        spec = self._spec(column[0] if pitch is not None else system.head[0])
        if pitch is None and notes:
            pitch = _pitch_of(self._wave(system, id), spec, notes)
        return None if pitch is None else (pitch, spec.frame_times(len(pitch)))

    def _asked(self, system: System, id: str) -> tuple[np.ndarray, np.ndarray] | None:
        """The F0 that a metric holds this system's against, and its times."""
        column = self.lineage.compared(system.head, "pitch")
        pitch = self._get(self.lineage.of_type("pitch").get(self.lineage.heads[column], ()), id) if column else None
        return None if pitch is None else (pitch, self._spec(column[0]).frame_times(len(pitch)))

    def _phones(self, system: System, id: str, seconds: float) -> list[tuple[float, float, str]]:
        """Where each phone of what was synthesised starts, how wide it is, and its name."""
        phones, durations = (
            self._get([column], id) for column in self.lineage.spoken(system.head) or (("", ""), ("", ""))
        )
        if phones is None or durations is None or len(phones) != len(durations):
            return []
        spec = self._spec(system.head[0])
        return pictures.phone_places(phones, durations * spec.hop_length / spec.sample_rate, seconds)

    def _notes(self, id: str) -> tuple[Note, ...]:
        """The score of an utterance that is sung; none of others."""
        found = (self._get(columns, id) for columns in self.lineage.of_type("notes").values())
        return tuple(map(Note.model_validate, next(filter(None, found), ())))

    def _texts(self, id: str) -> list[str]:
        found = (self._get(columns, id) for columns in self.lineage.of_type("text").values())
        return list(dict.fromkeys(text for text in found if text))

    def _facts(self, id: str) -> dict[str, str]:
        found = {kind: [self._get(c, id) for c in self.lineage.of_type(kind).values()] for kind in _ABOUT}
        return {kind: next(filter(None, values)) for kind, values in found.items() if any(values)}

    def _judged(self, system: System, id: str) -> tuple[list[dict], list[tuple[str, str]]]:
        """Scores of a clip, and texts about it, from the nodes that judge this system."""
        scores, said = [], []
        for (node, name), label in self._judgements.get(system.head, {}).items():
            value = self._get([(node, name)], id)
            if isinstance(value, str):
                said.append((label, value))
            elif isinstance(value, int | float) and not isinstance(value, bool):
                unit = unit_of(self.tables[node], name, label)
                lower = self._lower.get((node, name))
                scores.append({"name": label, "value": value, "unit": unit, "lower": lower, "best": False})
        return scores, said

    @cached_property
    def _judgements(self) -> dict[Column, dict[Column, str]]:
        """For each system its plain mapped columns with their labels: the metric's name in a score table, else the field's."""
        metrics = {column: metric for _, _, metric, column in self.lineage.scored}
        found: dict[Column, dict[Column, str]] = {}
        for column in self.lineage.heads:
            node, name = column
            if node not in self.tables or self.lineage.nodes[node]["verb"] != "map" or self._is_array(column):
                continue
            if head := self.lineage.judged_wave(node):
                found.setdefault(head, {})[column] = metrics.get(column, name)
        for columns in found.values():
            seen = Counter(columns.values())
            columns.update({c: f"{c[0]}.{c[1]}" for c, label in columns.items() if seen[label] > 1})
        return found

    @cached_property
    def _lower(self) -> dict[Column, bool]:
        """Whether less is better, for the columns that a score table with such a list judges."""
        results = self.lineage.record["results"]
        return {
            column: metric in results[node]["lower"]
            for node, _, metric, column in self.lineage.scored
            if "lower" in results.get(node, {})
        }

    def _is_array(self, column: Column) -> bool:
        return "(" in self.tables[column[0]].manifest["fields"][column[1]]


def unit_of(table, column: str, label: str) -> str:
    """The unit of a column, or nothing where the label it goes beside says it already."""
    unit = table.manifest["fields"][column].partition(" ")[2]
    return "" if unit.lower() in re.split(r"[ _]", label.lower()) else unit


def _pitch_of(wave: np.ndarray, spec: AudioSpec, notes: tuple) -> np.ndarray | None:
    """F0 of singing that no node of the graph looked for, searched within seven semitones of the lowest and the highest note."""
    keys = [note.key for note in notes if note.key is not None]
    if not keys:
        return None
    low, high = (440 * 2 ** ((key - 69) / 12) for key in (min(keys) - 7, max(keys) + 7))
    try:
        cls = find("features.pitch")
        block = cls(cls.Config(f_min=low, f_max=min(high, spec.sample_rate / 4)), spec)
        block.setup()
        made = block.apply([ports(cls, "map").inputs(wave=wave)])[0]
    except (UnknownBlock, BadItem, ValueError, ImportError):
        return None
    return None if isinstance(made, Failure) else made.pitch


def _mel_of(wave: np.ndarray, spec: AudioSpec) -> np.ndarray | None:
    """The picture of a system whose mel no node of the graph made."""
    try:
        cls = find("features.log_mel")
        block = cls(cls.Config(), spec)
        block.setup()
        made = block.apply([ports(cls, "map").inputs(wave=wave)])[0]
    except (UnknownBlock, BadItem):
        return None
    return None if isinstance(made, Failure) else made.log_mel
