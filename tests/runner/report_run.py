"""A small real run to report on: recorded tones with difficult names and texts, two systems, scores and failures."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import soundfile

from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.run.record import make_record
from runner.store import Store
from runner.work.executor import Observer

RATE = 16000
TEXTS = {
    "one": "Plain words.",
    'tw<b>o&"': '<script>alert("no")</script> & more',
    "three": "שלום עולם",
    "four": "long " * 400,
    "five": "fails in one system",
    "six": "another",
}
GRAPH = """
about: Tones <i>& "quotes"</i>
paper: Nobody 2024
seed: 3
max_failed: 0.5
nodes:
  speech: {{read: corpus.ljspeech, config: {{path: {root}, prefix: "", language: he, licence: CC0-1.0, splits: [train, dev, reserved]}}}}
  clip: {{pick: {{wave: speech.wave, text: speech.text}}}}
  soft: {{map: toy.gain, in: {{wave: clip.wave}}, config: {{gain: 0.25, bad: [five]}}}}
  loud: {{map: toy.gain, in: {{wave: clip.wave}}, config: {{gain: 1.5}}}}
  mel: {{map: features.log_mel, in: {{wave: clip.wave}}}}
  soft_mel: {{map: features.log_mel, in: {{wave: soft.wave}}}}
  pitch: {{map: features.pitch, in: {{wave: clip.wave}}}}
  soft_pitch: {{map: features.pitch, in: {{wave: soft.wave}}}}
  level: {{map: toy.level, in: {{wave: clip.wave}}}}
  soft_level: {{map: toy.level, in: {{wave: soft.wave}}}}
  loud_level: {{map: toy.level, in: {{wave: loud.wave}}}}
  scores:
    reduce: metric.table
    config: {{lower: [level]}}
    in:
      scores:
        recording: {{level: level.level}}
        soft: {{level: soft_level.level}}
        loud: {{level: loud_level.level}}
  mean: {{reduce: toy.mean, in: {{level: soft_level.level}}}}
"""


def tone(hertz: float, seconds: float) -> np.ndarray:
    """float32 (S,): a buzz that a pitch tracker hears."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.1 * sum(np.sin(2 * np.pi * hertz * n * t) / n for n in range(1, 8))).astype(np.float32)


def write_corpus(folder: Path, texts: dict[str, str] = TEXTS) -> Path:
    (folder / "wavs").mkdir(parents=True)
    for n, name in enumerate(texts):
        soundfile.write(folder / "wavs" / f"{name}.wav", tone(120 + 20 * n, 1.0 + 0.25 * n), RATE, subtype="PCM_16")
    lines = [f"{name}|{text}\n" for name, text in texts.items()]
    (folder / "metadata.csv").write_text("".join(lines) + "lost|no such file\n", encoding="utf-8")
    return folder


def run(folder: Path, graph: str, sets: tuple[str, ...] = (), **slices):
    """The store and the record of a graph that was run for real."""
    path = folder / "tones.yaml"
    path.write_text(graph, encoding="utf-8")
    store = Store(folder / "store")
    plan = make_plan(check(read_graph(path, sets=sets)), store, **slices)
    outcome = LocalExecutor().run(plan, store, Observer())
    return store, make_record(plan, outcome, datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC))


def run_tones(folder: Path, sets: tuple[str, ...] = ()):
    return run(folder, GRAPH.format(root=write_corpus(folder / "corpus")), sets)


TRAINING = """
nodes:
  tone: {read: toy.tones, config: {count: 12}}
  model:
    fit: toy.tuned
    in: {wave: tone.wave, split: tone.split}
    config: {max_steps: 60, max_frames: 5000, checkpoint_interval: 20, val_check_interval: 10}
  out: {map: toy.tuned, model: model, in: {wave: tone.wave}}
"""


def run_training(folder: Path, sets: tuple[str, ...] = ()):
    """Store and record of a run that trains."""
    return run(folder, TRAINING, sets)


def run_loaded(folder: Path, artifact: str | Path):
    """Store and record of a run that uses what another has trained."""
    fit = TRAINING[TRAINING.index("  model:") : TRAINING.index("  out:")]
    return run(folder, TRAINING.replace(fit, f"  model: {{load: {artifact}, as: toy.tuned}}\n"))


class Page(HTMLParser):
    """What a test asks of a page: tables by class as rows of cells, every attribute, texts by the class around them."""

    def __init__(self, html: str):
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.attributes: list[tuple[str, str, str]] = []  # tag, name, value
        self.texts: dict[str, list[str]] = {}
        self._rows: list[list[str]] | None = None
        self._cell = False
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = [(name, value or "") for name, value in attrs]
        self.attributes += [(tag, name, value) for name, value in attrs]
        kind = dict(attrs).get("class", "").split(" ")[0]
        if tag not in ("meta", "link", "img", "line", "path", "br"):
            self._open.append((tag, kind))
            if kind:
                self.texts.setdefault(kind, []).append("")
        if tag == "table":
            self._rows = self.tables.setdefault(kind, [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows is not None:
            self._rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self._cell:
            self._rows[-1][-1] = " ".join((self._rows[-1][-1] + " " + data).split())
        for kind in {kind for _, kind in self._open if kind}:
            self.texts[kind][-1] += data
