"""Real recordings that are broken in real ways: each is a failure record with id and reason, and the rest goes on."""

import numpy as np
import pytest
import soundfile

from blocks.base import Schema
from blocks.spec import AudioSpec
from runner.check import check, read_graph
from runner.plan import make_plan
from runner.run.local import LocalExecutor
from runner.store import Store
from runner.work.apply import Shard
from runner.work.executor import Observer

GRAPH = """
max_failed: {share}
nodes:
  speech: {{read: corpus.ljspeech, config: {{path: {root}, speaker: me, language: en-US, licence: CC0-1.0}}}}
  mel: {{map: features.log_mel, in: {{wave: speech.wave}}}}
"""
REASONS = {
    "eight": "8 channels found, want 1",
    "empty": "the file is empty",
    "corrupt": "cut off",
    "nan": "1 of 32000 samples are NaN or infinite",
    "missing": "no such file",
    "low": "recorded at 8000 Hz, but the audio spec says sample_rate 16000",
    "latin": "want UTF-8",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An LJSpeech-type corpus with two good rows and one of every bad kind."""
    root = tmp_path_factory.mktemp("corpus")
    wavs = root / "wavs"
    wavs.mkdir()
    wave = (0.3 * np.sin(2 * np.pi * 150 * np.arange(32000) / 16000)).astype("float32")
    soundfile.write(wavs / "good1.wav", wave, 16000)
    soundfile.write(wavs / "good2.wav", wave, 16000)
    soundfile.write(wavs / "latin.wav", wave, 16000)
    soundfile.write(wavs / "eight.wav", np.stack([wave] * 8, 1), 16000)
    (wavs / "empty.wav").touch()
    (wavs / "corrupt.wav").write_bytes(b"RIFF" + b"\x01" * 500)
    broken = wave.copy()
    broken[100] = np.nan
    soundfile.write(wavs / "nan.wav", broken, 16000, subtype="FLOAT")
    soundfile.write(wavs / "low.wav", wave[::2], 8000)
    names = ["good1", *(name for name in REASONS if name != "latin"), "good2"]
    text = "".join(f"{name}|hello|hello\n" for name in names).encode() + "latin|café|café\n".encode("latin-1")
    (root / "metadata.csv").write_bytes(text)
    return root


def run(tmp_path, root, share):
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH.format(root=root, share=share))
    store = Store(tmp_path / "store")
    plan = make_plan(check(read_graph(path)), store)
    return plan, store, LocalExecutor().run(plan, store, Observer())


def test_every_bad_row_is_recorded_and_the_good_ones_go_on(tmp_path, root):
    plan, store, outcome = run(tmp_path, root, share=0.8)
    assert outcome.error is None
    assert store.find_table(plan.steps["mel"].digest).ids == ["ljspeech/good1", "ljspeech/good2"]
    found = {failure.id: failure.reason for failure in store.find_table(plan.steps["speech"].digest).failures}
    assert found.keys() == {f"ljspeech/{name}" for name in REASONS}
    for name, reason in REASONS.items():
        assert reason in found[f"ljspeech/{name}"]


def test_too_many_stop_the_run_and_say_which_share_would_do(tmp_path, root):
    _, _, outcome = run(tmp_path, root, share=0.01)
    assert "7 of 9 items failed" in str(outcome.error)
    assert "--set max_failed=0.78" in str(outcome.error)


class Counted(Schema):
    count: int


def test_a_value_that_cannot_be_stored_costs_its_row(tmp_path):
    shard = Shard()
    spec = AudioSpec()
    for id, count in (("small", 1), ("large", 2**70), ("negative", -1)):
        shard.add(id, Counted(count=count), Counted, spec)
    writer = Store(tmp_path).write_table("d" * 32, Counted, {})
    shard.write(writer, 0)
    table = writer.publish(1)
    assert [(row["id"], row["count"]) for row in table.rows()] == [("small", 1), ("negative", -1)]
    (failure,) = table.failures
    assert failure.id == "large"
    assert "Counted.count: cannot be stored as int64" in failure.reason
    assert "\n" not in failure.reason
